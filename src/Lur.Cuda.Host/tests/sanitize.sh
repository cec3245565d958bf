#!/usr/bin/env bash
# Builds the driver's tests with AddressSanitizer and ThreadSanitizer and runs the fiber cases: they must be clean, and each
# planted fault must be reported. Kernels are compiled with the same sanitizer, see driver/sanitizer.h.
#   tests/sanitize.sh [address] [thread]        CXX chooses the compiler, g++ by default
# The last line of output is `OK` or `FAILED`; every fault on the way has a line of its own.
set -u
cd "$(dirname "$0")/.."
cxx=${CXX:-g++}
failed=0

build() { # sanitizer, define
    local out=obj/$1
    mkdir -p "$out"
    local flags="-std=c++17 -O1 -g -fPIC -Wa,-Ishim -D$2=1"
    for source in driver/*.cpp tests/*.cpp; do
        local object=$out/$(basename "$source" .cpp).o
        [ "$object" -nt "$source" ] && [ -z "$(find driver shim tests -name '*.h' -newer "$object")" ] && continue
        # The switches themselves are not instrumented: they leave a frame on one stack and return on another.
        case $source in
        driver/fiber.cpp) $cxx $flags -c "$source" -o "$object" || exit 1 ;;
        *) $cxx $flags -fsanitize="$1" -c "$source" -o "$object" || exit 1 ;;
        esac
    done
    # Next to bin/, so that the program finds the kernels' headers.
    $cxx -fsanitize="$1" -pthread -rdynamic -o "bin/lur-cuda-host-tests-$1" "$out"/*.o -ldl || exit 1
}

expect() { # program, case, text of the report
    local output
    output=$("$1" "planted.$2" 2>&1)
    if grep -q "$3" <<<"$output"; then
        echo "caught: $2 ($3)"
    else
        echo "MISSED: $2: no '$3' in its output"
        failed=1
    fi
}

run() { # program: the fiber cases, without a report
    local output
    if ! output=$("$1" fiber 2>&1) || grep -q -e "WARNING: ThreadSanitizer" -e "ERROR: AddressSanitizer" <<<"$output"; then
        echo "FAILED: $1 fiber"
        echo "$output"
        failed=1
    else
        grep PASS <<<"$output"
    fi
}

for sanitizer in ${*:-address thread}; do
    case $sanitizer in
    address)
        build address LUR_SANITIZE_ADDRESS
        # Shared arrays are plain static arrays there, for the sake of their redzones: one worker.
        export LUR_HOST_THREADS=1
        run bin/lur-cuda-host-tests-address
        expect bin/lur-cuda-host-tests-address shared_overrun_asan "AddressSanitizer: global-buffer-overflow"
        ;;
    thread)
        build thread LUR_SANITIZE_THREAD
        export LUR_HOST_THREADS=2
        run bin/lur-cuda-host-tests-thread
        for fault in missing_barrier missing_second_barrier missing_syncwarp; do
            expect bin/lur-cuda-host-tests-thread ${fault}_tsan "ThreadSanitizer: data race"
        done
        ;;
    *)
        echo "'$sanitizer' is no sanitizer of this script; there are address and thread"
        exit 2
        ;;
    esac
done
[ $failed = 0 ] && echo OK || echo FAILED
exit $failed
