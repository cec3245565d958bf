#!/usr/bin/env bash
# Lays out what a C or C++ program needs:  pack.sh BUILT DESTINATION VERSION
#   BUILT         folder with liblur.so.0, the CPU driver and kernels/ (and kernel-images/, where there are some)
#   DESTINATION   is made anew: include/, lib/ with pkgconfig/ and cmake/Lur/, samples/
set -euo pipefail
built=$(cd "$1" && pwd) destination=$2 version=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rm -rf "$destination"
mkdir -p "$destination"/{include,samples,lib/pkgconfig,lib/cmake/Lur}
cp "$here"/include/* "$destination/include/"
cp "$here"/../../samples/*.c "$here"/../../samples/*.cpp "$here"/../../samples/*.py "$destination/samples/"
mkdir -p "$destination/samples/rust/src"
cp "$here"/../../samples/rust/{Cargo.toml,build.rs} "$destination/samples/rust/"
cp "$here"/../../samples/rust/src/*.rs "$destination/samples/rust/src/"
cp "$here"/../../LICENSE "$destination/"
cp "$built/liblur.so.0" "$built/liblur_cuda_host.so" "$destination/lib/"
ln -s liblur.so.0 "$destination/lib/liblur.so"
for folder in kernels kernel-images; do
    if [ -d "$built/$folder" ]; then cp -r "$built/$folder" "$destination/lib/"; fi
done
fill() { sed "s/@VERSION@/$version/" "$here/sdk/$1.in" >"$destination/lib/$2/$1"; }
fill lur.pc pkgconfig
fill LurConfig.cmake cmake/Lur
fill LurConfigVersion.cmake cmake/Lur
