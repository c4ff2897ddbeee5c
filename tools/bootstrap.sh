#!/usr/bin/env bash
# tools/bootstrap.sh [build|check|all|demo|bench] -- installs what a build needs and is missing.
#
# Debian packages by apt-get (as root or through sudo), Python packages into build/venv at the
# versions of tools/requirements-*.txt. It says what it does, does nothing when nothing is missing,
# and stops with the reason and the list of packages when it can't go on.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}

packages=(gcc libc6-dev make cmake ninja-build pkg-config git python3 libpcre2-dev libzstd-dev
    liblz4-dev libsnappy-dev libbrotli-dev libdeflate-dev libutf8proc-dev libxxhash-dev libedit-dev)
case $what in
build) ;;
demo | bench) packages+=(python3-venv) ;;
check) packages+=(python3-venv g++ libcmocka-dev) ;;
all) packages+=(python3-venv g++ libcmocka-dev clang-19 libclang-rt-19-dev) ;;
*) echo "usage: tools/bootstrap.sh [build|check|all|demo|bench]" >&2; exit 2 ;;
esac

say() { printf 'bootstrap: %s\n' "$*"; }
# stop REASON [LIST [COMMAND]]: LIST is what to install by hand, COMMAND how.
stop() {
    printf 'bootstrap: cannot go on: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  install these by hand: %s\n' "$2" >&2
    [ $# -lt 3 ] || printf '  for example: %s %s\n' "$3" "$2" >&2
    exit 1
}
# The reason in a package manager's log, or the one given.
reason() {
    if grep -qiE 'temporary failure|could not resolve|unreachable|(failed|unable) to connect' "$1"
    then
        echo "no network: $2"
    else
        echo "$2"
    fi
}

# A machine without dpkg may have everything under other names: then the tools themselves decide.
if ! command -v dpkg-query >/dev/null 2>&1; then
    for tool in cc cmake ninja pkg-config python3; do
        command -v "$tool" >/dev/null 2>&1 ||
            stop "$tool is not installed and this is not a Debian system" "${packages[*]}"
    done
else
    missing=()
    for package in "${packages[@]}"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        # any compiler and any git will do, however they were installed
        case $package in
        gcc | g++ | make | git | cmake | python3)
            command -v "$package" >/dev/null 2>&1 && continue
            ;;
        esac
        [ "$state" = installed ] || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        list="${missing[*]}"
        if [ "$(id -u)" -eq 0 ]; then
            root=()
        elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            root=(sudo)
        else
            stop "packages are missing and there is no right to install them (not root, no sudo)" \
                "$list" "apt-get install"
        fi
        say "installing Debian packages: $list"
        export DEBIAN_FRONTEND=noninteractive
        mkdir -p build
        if ! "${root[@]}" apt-get update -q >build/apt.log 2>&1; then
            tail -n 5 build/apt.log >&2
            stop "$(reason build/apt.log "apt-get update failed (log: build/apt.log)")" "$list" \
                "apt-get install"
        fi
        if ! "${root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" \
            >>build/apt.log 2>&1; then
            tail -n 5 build/apt.log >&2
            stop "$(reason build/apt.log "apt-get install failed (log: build/apt.log)")" "$list" \
                "apt-get install"
        fi
    fi
fi
command -v cc >/dev/null 2>&1 || stop "no C compiler: there is no cc in PATH" "gcc libc6-dev"

case $what in
build) exit 0 ;;
all) requirements=tools/requirements-check.txt ;;
*) requirements=tools/requirements-$what.txt ;;
esac

# One environment for all; a stamp for each list of requirements that is in it.
venv=build/venv
stamp=$venv/.$(basename "$requirements")
cmp -s "$requirements" "$stamp" && exit 0
if [ ! -x $venv/bin/pip ]; then
    say "making a Python environment in $venv"
    rm -rf $venv
    mkdir -p build
    python3 -m venv $venv || stop "python3 -m venv failed" "python3-venv"
fi
list=$(grep -v '^#' "$requirements" | tr '\n' ' ')
say "installing Python packages: $list"
pip=("$venv/bin/pip" install -q --disable-pip-version-check)
if ! "${pip[@]}" -r "$requirements" >build/pip.log 2>&1; then
    tail -n 2 build/pip.log >&2
    stop "$(reason build/pip.log "pip install failed (log: build/pip.log)")" "$list" \
        "$venv/bin/pip install"
fi
cp "$requirements" "$stamp"
