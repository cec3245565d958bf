#!/usr/bin/env bash
# Trains and unlearns a matrix of small models with one build of the command and prints a hash of the tensors of every model it writes:
#   bench/same-bytes.sh artifacts/lur/lur > new.txt
# Two builds that print the same lines compute the same bits. Bits differ between machines (AVX2 or AVX-512), so both
# builds run on one machine; it takes about two minutes on two cores.
set -euo pipefail
lur=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export LUR_REFERENCES=$out/references
data=synthetic:train=384,test=64,seed=5

hash_of() { # NAME FOLDER
    local model=$2/model.safetensors header
    header=$(od -An -t u8 -N8 "$model")
    printf '%s %s\n' "$(tail -c +$((header + 9)) "$model" | sha256sum | cut -c1-24)" "$1"
}
train() { # NAME OPTIONS...
    local name=$1; shift
    "$lur" train --data "$data" -o "$out/$name" --quiet --epochs 2 "$@" >/dev/null
    hash_of "train $name" "$out/$name"
}
forget() { # MODEL METHOD NAME OPTIONS...
    local model=$1 method=$2 name=$3; shift 3
    "$lur" forget "$out/$model/model.safetensors" --data "$data" --forget class:1 --method "$method" -o "$out/f-$name" \
        --quiet "$@" >/dev/null 2>"$out/error" || { cat "$out/error" >&2; printf 'failed %s\n' "$name"; return; }
    hash_of "forget $name" "$out/f-$name"
    rm -rf "$out/f-$name"
}

train base --model 'resnet[1,1]:w8' --batch 32
train plain --model resnet18:w8 --no-nesterov --schedule cosine --augment none --init kaiming --batch 32
train stem7 --model 'resnet[1,2,1]:w8:stem7' --schedule multistep:0.5 --momentum 0.8 --weight-decay 0 --batch 32
train part --model 'resnet[1,1]:w8' --forget class:1 --batch 48

for hvp in exact fd none; do forget base lur "lur $hvp" --hvp $hvp --epochs 1 --batch 32; done
for model in plain stem7; do forget $model lur "lur $model" --epochs 1 --batch 32; done
for mode in min retain-tail; do forget base lur "lur $mode" --epoch-mode $mode --epochs 2 --batch 32 --forget-batch 16; done
for loss in bounded random-label uniform-kl; do forget base lur "lur $loss" --forget-loss $loss --epochs 1 --batch 32; done
for bn in both frozen; do forget base lur "lur bn $bn" --bn $bn --epochs 1 --batch 32; done
forget base lur 'lur cap probe' --look-ahead-cap 0.001 --probe-every 2 --epochs 1 --batch 32 --nesterov --weight-decay 1e-4
forget base lur 'lur split' --bn frozen --micro-batch 8 --epochs 1 --batch 32
forget base lur 'lur recompute' --recompute --epochs 1 --batch 32
forget base lur 'lur memory' --bn frozen --max-memory 6MB --epochs 1 --batch 32
forget base lur 'lur alpha 0' --alpha 0 --epochs 1 --batch 32 --trim 0
forget base lur 'lur lambda 0' --lambda 0 --epochs 1 --batch 32 --trim 0.9 --trim-scope eligible --trim-batches 2
forget base lur 'lur compat' --compat --epochs 1 --batch 32 --no-augment
forget base scissorhands scissorhands --epochs 1 --batch 32
forget base scissorhands 'scissorhands compat' --compat --epochs 1 --batch 32
forget base salun salun --epochs 1 --batch 32
forget base salun 'salun compat' --compat --epochs 1 --batch 32
forget base salun-soft salun-soft --epochs 1 --batch 32
forget base retrain retrain --epochs 1 --batch 32
for method in ft ga rl neggrad l1-sparse boundary-shrink boundary-expand; do forget base $method $method --epochs 1 --batch 32; done
forget base rl 'rl compat' --compat --epochs 1 --batch 32
forget base iu iu
forget base fisher fisher
forget base ssd ssd
forget base scrub scrub --epochs 2 --max-epochs 1 --batch 32
