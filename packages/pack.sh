#!/usr/bin/env bash
# Packs what a Release build has left: packages/pack.sh FOLDER [VERSION]. ./build.sh --target=Pack builds before.
set -euo pipefail
folder=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${2:-$(sed -n "s:.*<Version>\(.*\)</Version>.*:\1:p" Directory.Build.props)}
for package in Lur.Runtime.linux-x64 Lur; do
    # NU5128: a package of native files alone has no framework to name.
    dotnet pack src/Lur -c Release --no-build --nologo -v quiet -clp:ErrorsOnly -o "$folder" -p:Version="$version" -p:NoWarn=NU5128 \
        -p:NuspecFile="$PWD/packages/$package.nuspec" -p:NuspecBasePath="$PWD"
    echo "$folder/$package.$version.nupkg"
done
