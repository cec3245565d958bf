#!/usr/bin/env bash
# Builds and runs the host driver's efficiency benchmark; JSON on standard output. Needs a built solution (bin/ of
# Lur.Cuda.Host) and the compiler of that build.
set -e
cd "$(dirname "$0")"
cxx=${CXX:-g++}
host=../../src/Lur.Cuda.Host
objects=$host/obj/native
out=$host/bin/host-bench
[ -f "$objects/launch.o" ] || { echo "$objects/launch.o is missing: build the solution first (dotnet build)" >&2; exit 1; }
# Every object of the driver, without those of its tests and of this program.
driver=$(find "$objects" -name '*.o' ! -name '*_tests.o' ! -name harness.o ! -name 'bench_*.o')
kernel_flags="-O3 -march=native -fno-math-errno -fno-trapping-math -fassociative-math -fno-signed-zeros -ffp-contract=fast"
$cxx -std=c++17 $kernel_flags -c hand.cpp -o "$objects/bench_hand.o"
$cxx -std=c++17 -O2 -c main.cpp -o "$objects/bench_main.o"
$cxx -pthread -o "$out" "$objects/bench_main.o" "$objects/bench_hand.o" $driver -ldl
exec "$out" ../../kernels
