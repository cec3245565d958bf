#!/usr/bin/env bash
# Runs the tests and benchmarks of this bundle and writes what they found as JSON:  ./run.sh [RESULTS [TEST-REGEX]]
# Needs no SDK: the .NET runtime lies beside. A GPU machine needs NVIDIA's driver, NVRTC and cuBLAS; without a GPU the
# same programs run on the CPU cores, and need g++ or clang++ and OpenBLAS.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=${1:-$PWD/lur-results}
pattern=${2:-.}
mkdir -p "$results"
results=$(cd "$results" && pwd)
export DOTNET_ROOT=$here/dotnet DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
# Kernel images go beside the results, so that a home that cannot be written does not matter.
export LUR_CACHE=${LUR_CACHE:-$results/kernel-cache}
# As tests/Lur.Tests/lur.runsettings has it; of no effect where there is a GPU.
export LUR_HOST_DEVICES=${LUR_HOST_DEVICES:-lane;fiber:memory+init+race}
dotnet=$DOTNET_ROOT/dotnet

"$dotnet" "$here/app/Lur.Cli.dll" doctor
"$dotnet" "$here/app/Lur.Cli.dll" doctor --json >"$results/doctor.json"

"$dotnet" "$here/app/Lur.Tests.dll" run --results "$results/tests.json" --filter "$pattern"
code=$?

# In-process: the usual toolchain builds a project for every benchmark and would need the SDK.
(cd "$results" && "$dotnet" "$here/app/Lur.Bench.dll" --filter '*' --inProcess --exporters json --artifacts "$results/bench" \
    >"$results/bench.log" 2>&1) || { echo "The benchmarks failed; see $results/bench.log"; code=1; }

echo "Results: $results"
exit "$code"
