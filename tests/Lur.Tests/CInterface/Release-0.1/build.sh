#!/usr/bin/env bash
# How step and memory beside this file were made, from the sources of version 0.1 on Debian 12:  build.sh LIBRARY_FOLDER
# They are kept as they are: a later library has to run them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
for sample in step memory; do
    gcc -std=c99 -O2 -s -I"$root/src/Lur.Native/include" "$root/samples/$sample.c" -L"$1" -llur -lm -o "$here/$sample"
done
