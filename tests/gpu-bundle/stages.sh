#!/usr/bin/env bash
# One stage of run.sh, which sets what is read here:  stages.sh NAME
# Exit code 77: not run, for the reason in the file .reason.
set -uo pipefail
: "${here:?}" "${out:?}" "${rehearse:?}" "${stage_limit:?}" "${dotnet:?}" "${data:?}" "${python:?}" "${shards:?}" "${cores:?}" "${train_model:?}"
# shellcheck source-path=SCRIPTDIR source=json.sh
. "$here/json.sh"

# Told to end, as all of its processes are: it is the last to go, so that a training writes its checkpoint.
trap 'wait; exit 143' TERM

# Those that launch every kernel, a case of each test; and those that have to do with devices.
kernel_tests='^Lur\.Tests\.(Kernels|Networks|Golden|Optimizers|CInterface\.VectorStep|Unlearning\.(LurStep|DiffusionLur))'
every_kernel='GraphTests\.EveryTensor|MapsAreAdjoint\(2x4x4.*Float32'
device_tests='^Lur\.Tests\.(Bindings|CInterface\.VectorStep|Device|Diffusion|Golden|Kernels|Networks|Optimizers|Programs|Tensors|Training|Unlearning)'
tiny=()
if [ "$rehearse" = 1 ]; then
    tiny=(--tiny)
    device_tests='^Lur\.Tests\.Kernels\.(Bias|Clip|Sgd)Tests\.'
fi

lur() { "$dotnet" "$here/app/Lur.Cli.dll" "$@"; }
tests() { "$dotnet" "$here/app/Lur.Tests.dll" run "$@"; }
bench() { "$dotnet" "$here/app/Lur.Bench.dll" gpu "$@"; }
not_run() { printf '%s\n' "$1" >"$out/.reason"; exit 77; }

stage_doctor() {
    lur doctor || return 1
    lur doctor --json >"$out/data/doctor.json" || return 1
    if [ "$rehearse" = 0 ] && [ -w "$here/app" ]; then
        local part parts=$((cores > 8 ? 8 : cores)) jobs=() failed=0
        for ((part = 1; part <= parts; part++)); do
            lur kernels --precompile "$here/app/kernel-images" --part "$part/$parts" &
            jobs+=($!)
        done
        for part in "${jobs[@]}"; do wait "$part" || failed=1; done
        [ "$failed" = 0 ] || return 1
    fi
    lur train --data synthetic:train=320,test=100 --model 'resnet[1,1,1]:w8' --epochs 1 --batch 32 --overwrite \
        -o "$out/demo/base" || return 1
    lur forget "$out/demo/base/model.safetensors" --data synthetic:train=320,test=100 --forget class:3 --epochs 1 --batch 32 \
        --overwrite --json -o "$out/demo/forget" >"$out/data/demo.json"
}

stage_tests() {
    local shard jobs=() failed=0
    rm -f "$out/data/"tests-*.json
    for ((shard = 1; shard <= shards; shard++)); do
        tests --filter "$device_tests" --shard "$shard/$shards" --results "$out/data/tests-$shard.json" >"$out/logs/tests-$shard.log" 2>&1 &
        jobs+=($!)
    done
    for ((shard = 1; shard <= shards; shard++)); do
        wait "${jobs[shard - 1]}" || failed=1
        printf 'shard %d of %d: ' "$shard" "$shards"
        tail -n 1 "$out/logs/tests-$shard.log"
        grep -A3 '^FAILED' "$out/logs/tests-$shard.log" | head -n 40
    done
    return "$failed"
}

find_sanitizer() {
    command -v compute-sanitizer && return
    local file
    for file in /usr/local/cuda/bin /usr/local/cuda-*/bin /usr/local/cuda*/compute-sanitizer /opt/cuda/bin /opt/cuda/extras/compute-sanitizer; do
        [ -x "$file/compute-sanitizer" ] && { printf '%s\n' "$file/compute-sanitizer"; return; }
    done
    return 1
}

stage_sanitizer() {
    local sanitizer tool tools=(memcheck racecheck initcheck) code failed=0 entries=()
    local bad=''
    declare -A pids=()
    # With blocks of threads, as on a GPU: other kernels sum there than on the CPU's lanes.
    [ "$rehearse" = 0 ] || export LUR_HOST_DEVICES=fiber
    sanitizer=$(find_sanitizer) || not_run 'compute-sanitizer was found neither in PATH nor in a CUDA toolkit'
    for tool in "${tools[@]}"; do
        LUR_TEST_GUARDS=none "$sanitizer" --tool "$tool" --error-exitcode 99 --print-limit 20 --target-processes all \
            "$dotnet" "$here/app/Lur.Tests.dll" run --sample --with "$every_kernel" --every-kernel --filter "$kernel_tests" \
            --results "$out/data/sanitizer-$tool-tests.json" >"$out/logs/sanitizer-$tool.log" 2>&1 &
        pids[$tool]=$!
    done
    for tool in "${tools[@]}"; do
        wait "${pids[$tool]}"
        code=$?
        [ "$code" = 0 ] || failed=1 bad+=" $tool"
        printf '%s: exit code %d, %s\n' "$tool" "$code" "$(tail -n 1 "$out/logs/sanitizer-$tool.log")"
        entries+=("{\"tool\": \"$tool\", \"exitCode\": $code, \"summary\": $(json "$(grep 'SUMMARY' "$out/logs/sanitizer-$tool.log" | tail -n 1)")}")
        write "$out/data/sanitizer.json" "[$(join "${entries[@]}")]"
    done
    if grep -qs 'Device not supported' "$out/logs/"sanitizer-*.log; then
        not_run 'compute-sanitizer says that it does not support this device or its driver'
    fi
    [ "$failed" = 0 ] || printf 'failed:%s; see logs/sanitizer-*.log\n' "$bad"
    return "$failed"
}

stage_steps() { bench steps "$out/data/steps.json" "${tiny[@]}"; }

stage_peers() {
    "$python" -c 'import torch' 2>/dev/null || not_run "'$python' has no PyTorch; --python names an interpreter"
    bench peers "$out/data/peers.json" --python "$python" --scripts "$here/peers" "${tiny[@]}"
}

stage_kernels() {
    local trace=()
    [ -f "$here/trace.json" ] && trace=(--trace "$here/trace.json")
    bench kernels "$out/data/kernels.json" "${trace[@]}" "${tiny[@]}"
}

stage_train() {
    local goes_on=() left=$((stage_limit - 12)) epochs=200 code
    [ "$left" -ge 3 ] || left=3
    [ "$rehearse" = 0 ] || epochs=2
    if [ -f "$out/train/training-state.safetensors" ]; then goes_on=(--resume); else goes_on=(--overwrite); fi
    # Ended by its own clock before the stage is: an interrupted run leaves its checkpoint. In the foreground it stays in the stage's
    # group of processes.
    timeout --foreground --preserve-status --signal=TERM "$left" "$dotnet" "$here/app/Lur.Cli.dll" train --data "$data" \
        --model "$train_model" --epochs "$epochs" --batch 128 --lr 0.1 -o "$out/train" "${goes_on[@]}"
    code=$?
    case $code in
        0) printf 'trained %d epochs\n' "$epochs" ;;
        130 | 143) printf 'stopped at the limit; ./run.sh --stages train --out %s goes on\n' "$out" ;;
        *) return "$code" ;;
    esac
    [ -f "$out/train/log.csv" ] && tail -n 2 "$out/train/log.csv"
    return 0
}

case ${1:-} in
    doctor) stage_doctor ;;
    tests) stage_tests ;;
    sanitizer) stage_sanitizer ;;
    steps) stage_steps ;;
    peers) stage_peers ;;
    kernels) stage_kernels ;;
    train) stage_train ;;
    *) printf 'stages.sh: there is no stage %s\n' "${1:-}" >&2; exit 2 ;;
esac
