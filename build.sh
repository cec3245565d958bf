#!/usr/bin/env bash
# Prepares a fresh Debian or Ubuntu machine and runs build.cake: ./build.sh [--target=Help]
# Needs the .NET 10 SDK; installs the host compiler and OpenBLAS where it may, and says what to do where it may not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '%s\n' "$*" >&2; }
fail() { say "build.sh: $*"; exit 1; }

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true
export DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1

# The SDK, NuGet and the kernel cache all want a home. HOME is often unset in cron jobs and containers.
usable_home() { [ -n "$1" ] && mkdir -p "$1" 2>/dev/null && [ -w "$1" ]; }
if ! usable_home "${HOME:-}"; then
    HOME=$(getent passwd "$(id -u)" | cut -d: -f6 || true)
    usable_home "$HOME" || HOME=$PWD/artifacts/home
    mkdir -p "$HOME"
    export HOME
fi
export DOTNET_CLI_HOME=${DOTNET_CLI_HOME:-$HOME}

# --- the .NET SDK -----------------------------------------------------------------------------------------------------
if ! command -v dotnet >/dev/null; then
    for folder in "${DOTNET_ROOT:-}" "$HOME/.dotnet" /usr/share/dotnet /usr/lib/dotnet /usr/local/share/dotnet; do
        if [ -n "$folder" ] && [ -x "$folder/dotnet" ]; then
            export PATH=$folder:$PATH DOTNET_ROOT=$folder
            break
        fi
    done
fi
get_sdk="install it from https://dotnet.microsoft.com/download/dotnet/10.0 (or dotnet-install.sh --channel 10.0) and run build.sh again."
command -v dotnet >/dev/null || fail "the .NET 10 SDK is missing; $get_sdk"
if ! dotnet --version >/dev/null 2>&1; then
    found=$(dotnet --list-sdks 2>/dev/null | cut -d' ' -f1 | paste -sd, | sed 's/,/, /g')
    fail "Lur needs the .NET SDK 10.0.100 or a newer 10.0 one, and this machine has ${found:-none}; $get_sdk"
fi

# --- the host compiler and OpenBLAS -----------------------------------------------------------------------------------
have_compiler() {
    local name
    for name in g++ clang++ clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14; do
        command -v "$name" >/dev/null && return 0
    done
    return 1
}
have_openblas() {
    case $(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) in *libopenblas.so*) return 0 ;; esac
    return 1
}

missing=()
have_compiler || missing+=(g++)
have_openblas || missing+=(libopenblas-dev)
if [ ${#missing[@]} -gt 0 ]; then
    by_hand="apt-get update && apt-get install -y ${missing[*]}"
    command -v apt-get >/dev/null || fail "${missing[*]} missing and there is no apt-get here; install a C++ compiler (g++ 12 or clang) and OpenBLAS with this system's package manager."
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "${missing[*]} missing and this user may not install packages; run: sudo sh -c '$by_hand'"
        as_root=(sudo -n env)
    fi
    say "Installing ${missing[*]} ..."
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -5 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install ${missing[*]}; run it by hand and read what it says: $by_hand"
    fi
    rm -f "$log"
fi

# --- build.cake -------------------------------------------------------------------------------------------------------
log=$(mktemp)
if ! dotnet tool restore --verbosity quiet >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "the build tool Cake could not be restored; check that this machine reaches a NuGet feed (dotnet nuget list source)."
fi
rm -f "$log"
exec dotnet cake build.cake --verbosity=quiet "$@"
