#!/usr/bin/env bash
# Builds and runs the host driver's efficiency benchmark; JSON on standard output. Needs a built solution (bin/ of
# Lur.Cuda.Host) and the compiler of that build.
set -e
cd "$(dirname "$0")"
cxx=${CXX:-g++}
host=../../src/Lur.Cuda.Host
objects=$host/obj/native
out=$host/bin/host-bench
for o in $objects/{blas,check,compiler,configuration,context,embedded,errors,execute,fault,fiber,image,launch,memory,memory_api,pool,source_text,stream}.o; do
    [ -f "$o" ] || { echo "$o is missing: build the solution first (dotnet build)" >&2; exit 1; }
    driver="$driver $o"
done
kernel_flags="-O3 -march=native -fno-math-errno -fno-trapping-math -fassociative-math -fno-signed-zeros -ffp-contract=fast"
$cxx -std=c++17 $kernel_flags -c hand.cpp -o "$objects/bench_hand.o"
$cxx -std=c++17 -O2 -c main.cpp -o "$objects/bench_main.o"
$cxx -pthread -o "$out" "$objects/bench_main.o" "$objects/bench_hand.o" $driver -ldl
exec "$out" ../../kernels
