#!/usr/bin/env bash
# Builds the library, the command and the tests with -p:CudaBindings=ManagedCuda against the stub packages, in folders of
# their own beside those of the default build. Analyzers run for the product; the tests need only compile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(tests/managedcuda-stubs/pack.sh | tail -1)
build() {
    dotnet build "$@" -c Release -v quiet --nologo "-clp:ErrorsOnly;NoSummary" -p:CudaBindings=ManagedCuda \
        -p:ManagedCudaVersion="$version" -p:RestoreAdditionalProjectSources="$PWD/artifacts/managedcuda-stubs" \
        -p:BaseIntermediateOutputPath=obj/managedcuda/ -p:BaseOutputPath=bin/managedcuda/
}
build src/Lur.Cli
build tests/Lur.Tests -p:RunAnalyzersDuringBuild=false
