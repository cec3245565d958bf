#!/usr/bin/env bash
# Packs the stubs into artifacts/managedcuda-stubs. The last line of output is their version, which holds a hash of their
# text: NuGet keeps packages by version, and never looks at one again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
version=12.8.60-stub$(cat */*.cs */*.csproj Directory.Build.props | sha256sum | cut -c1-12)
for project in CudaBlas NVRTC ManagedCuda; do
    [ -n "$(find ../../artifacts/managedcuda-stubs -name "*$version.nupkg" 2>/dev/null | sed -n 3p)" ] && break
    dotnet pack "$project" -c Release -v quiet --nologo -clp:ErrorsOnly -p:StubVersion="$version" >&2
done
echo "$version"
