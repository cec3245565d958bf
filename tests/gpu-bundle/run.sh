#!/usr/bin/env bash
# Ten minutes on a machine with an NVIDIA GPU, the most valuable first: ./run.sh --help
# Every stage leaves its JSON as it ends, so that a run that is cut off keeps what it has. docs/gpu.md has the format.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'TEXT'
Usage: ./run.sh [options]

Stages, in this order; a number is the limit in seconds where the total is 600, and scales with the total:
  doctor     60  what the machine offers; kernels compiled; a small model trained, and a class of it forgotten
  tests     150  tests of devices, kernels, layers and methods, in shards side by side
  sanitizer  90  compute-sanitizer (memcheck, racecheck, initcheck) over tests that launch every kernel
  steps      60  steps of LUR and ScissorHands: ResNet-18, batch 128, and a UNet
  peers     120  PyTorch beside it, taking turns: eager for LUR; channels_last, bfloat16 and a CUDA graph for SGD
  kernels    45  each kernel's time against its prediction and trace; flat-vector kernels against a copy
  train       *  trains on the images as long as there is time, and leaves a checkpoint from which it goes on

Options:
  --out FOLDER          where results go; ./lur-gpu-results by default. Run again there: finished stages are replaced,
                        the training goes on.
  --total SECONDS       for all stages together; 600 by default, 3600 in a rehearsal
  --limit STAGE=SECONDS limit of a stage; repeatable
  --stages A,B          only these, in the order above
  --data FOLDER         images for the training, in any form that lur takes, such as cifar-10-batches-bin; or LUR_DATA.
                        By default the 2,000 images of the bundle.
  --train-model MODEL   architecture to train; resnet18:w64 by default
  --shards N            shards of the tests; by default half the cores, 8 at most
  --python PROGRAM      an interpreter with PyTorch; PYTHON, or python3, by default
  --archive FILE        after every stage pack the results into FILE (.tar.gz)
  --rehearse            on the CPU by the host driver, with the smallest sizes: a test of this script
  --help                this text

Exit code: 0, or 1 if a stage failed or was cut off by its limit; 2 for a wrong option.
TEXT
}

wrong() { printf 'run.sh: %s\nRun ./run.sh --help for the usage.\n' "$1" >&2; exit 2; }

# ---- options ---------------------------------------------------------------------------------------------------------

all_stages=(doctor tests sanitizer steps peers kernels train)
declare -A limits=([doctor]=60 [tests]=150 [sanitizer]=90 [steps]=60 [peers]=120 [kernels]=45)
declare -A own_limits=()
out=$PWD/lur-gpu-results total='' stages='' data=${LUR_DATA:-} train_model='' shards='' python=${PYTHON:-python3} archive='' rehearse=0

is_number() { [[ $1 =~ ^[1-9][0-9]{0,5}$ ]]; }
is_stage() { [[ " ${all_stages[*]} " == *" $1 "* ]]; }

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --rehearse) rehearse=1; shift; continue ;;
        --out | --total | --limit | --stages | --data | --train-model | --shards | --python | --archive)
            if [ $# -lt 2 ] || [ -z "$2" ]; then wrong "$1 needs a value."; fi ;;
        *) wrong "there is no option '$1'." ;;
    esac
    case $1 in
        --out) out=$2 ;;
        --total) is_number "$2" || wrong "--total takes seconds, not '$2'."; total=$2 ;;
        --limit)
            name=${2%%=*} seconds=${2#*=}
            if ! is_stage "$name" || ! is_number "$seconds"; then
                wrong "--limit takes STAGE=SECONDS with a stage of ${all_stages[*]}, not '$2'."
            fi
            own_limits[$name]=$seconds ;;
        --stages)
            stages=${2//,/ }
            for name in $stages; do is_stage "$name" || wrong "there is no stage '$name'; there are ${all_stages[*]}."; done ;;
        --data) data=$2 ;;
        --train-model) train_model=$2 ;;
        --shards) is_number "$2" || wrong "--shards takes a number, not '$2'."; shards=$2 ;;
        --python) python=$2 ;;
        --archive) archive=$(realpath -m -- "$2") ;;
    esac
    shift 2
done
stages=${stages:-${all_stages[*]}}
# A rehearsal tests the script, on a machine that may be busy with more.
total=${total:-$((rehearse == 1 ? 3600 : 600))}
if [ -n "$data" ] && [[ $data != synthetic* ]] && [ ! -e "$data" ]; then wrong "--data: there is no '$data'."; fi
mkdir -p "$out/stages" "$out/logs" "$out/data" || exit 1
out=$(cd "$out" && pwd)
data=${data:-$here/data}
cores=$(nproc)
shards=${shards:-$((cores / 2 < 1 ? 1 : cores / 2 > 8 ? 8 : cores / 2))}

# ---- what stages read ------------------------------------------------------------------------------------------------

export DOTNET_ROOT=$here/dotnet DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 NO_COLOR=1
# Beside the bundle where that can be written: a home that cannot be does not matter.
if [ -z "${LUR_CACHE:-}" ]; then
    LUR_CACHE=$here/kernel-cache
    mkdir -p "$LUR_CACHE" 2>/dev/null && [ -w "$LUR_CACHE" ] || LUR_CACHE=$out/kernel-cache
    export LUR_CACHE
fi
export dotnet=$DOTNET_ROOT/dotnet
if [ "$rehearse" = 1 ]; then
    export LUR_DEVICE=host LUR_HOST_DEVICES=lane
    train_model=${train_model:-resnet[1,1,1]:w8}
else
    # Never by the CPU unasked: numbers from there would pass for the GPU's.
    export LUR_DEVICE=${LUR_DEVICE:-cuda}
fi
train_model=${train_model:-resnet18:w64}
export out data python shards cores train_model rehearse here

# shellcheck source-path=SCRIPTDIR source=json.sh
. "$here/json.sh"

# ---- records ---------------------------------------------------------------------------------------------------------

now() { local t=${EPOCHREALTIME/[.,]/}; printf '%d' "$((t / 1000))"; }

seconds_of() { printf '%d.%03d' "$(($1 / 1000))" "$(($1 % 1000))"; }

# record STAGE NUMBER RESULT SECONDS LIMIT EXIT-CODE REASON
record() {
    write "$out/stages/$2-$1.json" "{\"schema\": \"lur-gpu-stage-1\", \"stage\": \"$1\", \"number\": $2, \"gpu\": $(json "$gpu"), \
\"driver\": $(json "$driver"), \"commit\": $(json "$version"), \"started\": \"$started\", \"seconds\": $4, \"limitSeconds\": $5, \
\"result\": \"$3\", \"exitCode\": $6, \"reason\": $(json "$7"), \"log\": \"logs/$2-$1.log\"}"
}

pack() {
    [ -n "$archive" ] || return 0
    tar -C "$(dirname "$out")" --exclude='*.part' --exclude=kernel-cache -czf "$archive.part" "$(basename "$out")" &&
        mv -f "$archive.part" "$archive"
}

# ---- stages ----------------------------------------------------------------------------------------------------------

gpu='host driver' driver='' child='' stopped=0 any_failed=0
if [ "$rehearse" = 0 ]; then
    line=$(timeout 20 nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
    [ -n "$line" ] && gpu=${line%%,*} driver=${line##*, }
fi
version=$(cat "$here/VERSION" 2>/dev/null || "$dotnet" "$here/app/Lur.Cli.dll" --version 2>/dev/null || echo unknown)
begin=$(now)

# shellcheck disable=SC2317 # by the trap
stop() {
    stopped=1
    [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT HUP

say() { printf '[%5d s] %s\n' "$((($(now) - begin) / 1000))" "$1"; }

run_stage() {
    local name=$1 number=$2 left limit code result reason='' from
    left=$((total - ($(now) - begin) / 1000))
    limit=${own_limits[$name]:-$((${limits[$name]:-$left} * total / 600))}
    [ "$name" = train ] && limit=${own_limits[train]:-$left}
    [ "$limit" -ge 1 ] || limit=1
    [ "$limit" -le "$left" ] || limit=$left
    started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    rm -f "$out/.reason"
    if [ "$stopped" = 1 ] || [ "$left" -lt 5 ]; then
        record "$name" "$number" 'not run' 0 0 null 'no time was left'
        return
    fi
    record "$name" "$number" running 0 "$limit" null ''
    say "$number $name: $limit s at most"
    from=$(now)
    stage_limit=$limit timeout --kill-after=8 "$limit" bash "$here/stages.sh" "$name" \
        >"$out/logs/$number-$name.log" 2>&1 &
    child=$!
    wait "$child"
    code=$?
    # A signal ends the first wait; the stage is given its time to end.
    if [ "$stopped" = 1 ]; then
        wait "$child"
        code=124
    fi
    # What ignored the end of its stage; timeout has made a group of all of it.
    kill -KILL -- -"$child" 2>/dev/null
    child=''
    case $code in
        0) result=passed ;;
        77) result='not run' reason=$(cat "$out/.reason" 2>/dev/null) ;;
        124 | 137) result=cut reason="it was stopped after $((($(now) - from) / 1000)) s" any_failed=1 ;;
        *) result=failed reason=$(grep -v '^ *$' "$out/logs/$number-$name.log" | tail -n 1) any_failed=1 ;;
    esac
    rm -f "$out/.reason"
    record "$name" "$number" "$result" "$(seconds_of "$(($(now) - from))")" "$limit" "$code" "$reason"
    say "$number $name: $result${reason:+, $reason}"
    pack
}

number=0
for name in "${all_stages[@]}"; do
    number=$((number + 1))
    [[ " $stages " == *" $name "* ]] && run_stage "$name" "$number"
done

# ---- summary ---------------------------------------------------------------------------------------------------------

timeout 20 "$dotnet" "$here/app/Lur.Bench.dll" gpu merge "$out" --to "$out/results.json" >/dev/null 2>"$out/logs/merge.log" ||
    { say "the results could not be merged: $(tail -n 1 "$out/logs/merge.log")"; any_failed=1; }
pack
printf '\n%s, driver %s, %s\n' "$gpu" "${driver:--}" "$version"
for name in "${all_stages[@]}"; do
    for file in "$out"/stages/*-"$name".json; do
        [ -f "$file" ] || continue
        printf '  %-10s %-8s %8s s  %s\n' "$name" "$(sed -n 's/.*"result": "\([^"]*\)".*/\1/p' "$file")" \
            "$(sed -n 's/.*"seconds": \([0-9.]*\),.*/\1/p' "$file")" "$(sed -n 's/.*"reason": "\(.*\)", "log".*/\1/p' "$file")"
    done
done
printf 'Results: %s\n' "$out"
[ "$stopped" = 0 ] || exit 130
exit "$any_failed"
