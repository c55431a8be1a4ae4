#!/usr/bin/env bash
# Finds everything the machine lacks for the set-up, all at once, and prints the command that installs it.
# Prints the path of the Python interpreter to use on standard output; exits 1 if anything is missing, telling on
# standard error.
#   scripts/prerequisites.sh build    all that the set-up needs
#   scripts/prerequisites.sh run      what a finished environment needs
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
what_for=${1:-build}
needed_gb=10
# The environment that is about to be made must not be made from itself.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$PWD/.venv/bin" | paste -sd : -)

if command -v apt-get >/dev/null; then system=debian
elif command -v dnf >/dev/null; then system=amazon
elif command -v brew >/dev/null; then system=macos
else system=unknown; fi

missing=0
report() { # what is missing, then how Debian or Ubuntu, Amazon Linux or Fedora, macOS install it
    if [ "$missing" -eq 0 ]; then echo "leastpack cannot be set up on this machine yet:" >&2; fi
    missing=$((missing + 1))
    printf '\n  %d. %s\n' "$missing" "$1" >&2
    case $system in
        debian) printf '     %s\n' "$2" >&2 ;;
        amazon) printf '     %s\n' "$3" >&2 ;;
        macos) printf '     %s\n' "$4" >&2 ;;
        *) printf '     Debian, Ubuntu:        %s\n     Amazon Linux, Fedora:  %s\n     macOS:                 %s\n' "$2" "$3" "$4" >&2 ;;
    esac
}

if [[ $PWD =~ [[:space:]] ]]; then
    hint="move the checkout; compilers and scripts break on it"
    report "a folder without spaces in its path (found: $PWD)" "$hint" "$hint" "$hint"
fi

is_python() { # an interpreter that really starts (a version manager's shim may not), of a version leastpack runs on
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

python=
if [ -n "${PYTHON:-}" ]; then
    if is_python "$PYTHON"; then python=$PYTHON; else
        report "PYTHON=$PYTHON is no Python 3.11 or 3.12" "unset PYTHON, or point it at one" "unset PYTHON, or point it at one" \
            "unset PYTHON, or point it at one"
    fi
else
    for candidate in python3.11 python3.12 python3; do
        if is_python "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        report "Python 3.11 (or PYTHON=/path/to/python3.11 before make)" \
            "sudo apt-get install python3.11 python3.11-venv python3.11-dev" \
            "sudo dnf install python3.11 python3.11-devel" "brew install python@3.11"
    fi
fi

if [ -n "$python" ] && [ "$what_for" = build ]; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        report "the venv module of Python $version" "sudo apt-get install python$version-venv" \
            "sudo dnf install python$version" "brew reinstall python@$version"
    fi
    if ! "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; then
        report "the C headers of Python $version, to build Horovod" "sudo apt-get install python$version-dev" \
            "sudo dnf install python$version-devel" "brew reinstall python@$version"
    fi
fi

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
java_version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
if [ "$java_version" != 17 ] && [ "$java_version" != 21 ]; then
    place=${JAVA_HOME:+; JAVA_HOME is $JAVA_HOME}
    # shellcheck disable=SC2016 # the user's shell expands it
    report "Java 17 (found: ${java_version:-none}$place)" "sudo apt-get install openjdk-17-jre-headless" \
        "sudo dnf install java-17-amazon-corretto-headless" \
        'brew install openjdk@17 && export JAVA_HOME="$(brew --prefix openjdk@17)/libexec/openjdk.jdk/Contents/Home"'
fi

if [ "$what_for" = build ]; then
    if ! printf '#include <filesystem>\nint main() {}\n' | c++ -std=c++17 -fsyntax-only -x c++ - 2>/dev/null; then
        report "a C++17 compiler called c++, to build Horovod" "sudo apt-get install g++" "sudo dnf install gcc-c++" \
            "xcode-select --install"
    fi
    if ! command -v make >/dev/null; then
        report "make" "sudo apt-get install make" "sudo dnf install make" "xcode-select --install"
    fi
    free_gb=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1048576))
    if [ "$free_gb" -lt "$needed_gb" ] && [ ! -e .setup/torch.done ]; then
        hint="free some disk space in $PWD"
        report "$needed_gb GB of free disk (found: $free_gb GB)" "$hint" "$hint" "$hint"
    fi
fi

if [ "$missing" -gt 0 ]; then
    printf '\nThen run the same command again.\n' >&2
    exit 1
fi
"$python" -c 'import sys; print(sys.executable)'
