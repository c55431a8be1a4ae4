#!/usr/bin/env bash
# Makes the environment in .venv, in stages. A finished stage leaves a stamp in .setup, so a repeated set-up does only what
# is missing or has changed. The stages' output is in .setup/log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools="numpy setuptools wheel cmake cffi cloudpickle psutil pyyaml packaging hatchling editables"
key_of() { # stage: a stamp with another key than this is of no use any more
    case $1 in
        venv) "$python" -VV ;;
        torch) for name in torch $tools; do grep -i "^$name==" constraints.txt; done ;;
        *) "$python" scripts/requirements.py key ;;
    esac
}
finished() { [ -s ".setup/$1.done" ] && [ "$(cat ".setup/$1.done")" = "$(key_of "$1")" ]; }
finish() { key_of "$1" >".setup/$1.done"; }

what_for=build
if [ -e .setup/check.done ]; then what_for=run; fi
python=$(bash scripts/prerequisites.sh "$what_for")
if finished check && [ -x .venv/bin/leastpack ]; then exit 0; fi
python=$(bash scripts/prerequisites.sh build)

mkdir -p .setup/log
# Whoever has the lock open holds it: also the pip of a set-up that was killed. It goes with the last of them.
exec 9>.setup/lock
"$python" - <<'LOCK'
import fcntl

try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("set-up: waiting for another set-up of this folder", flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)
LOCK

groups=()
stop() {
    local group seconds=0
    for group in ${groups[@]+"${groups[@]}"}; do
        # pip tidies up after the first signal; what ignores it gets the second.
        kill -INT -- "-$group" 2>/dev/null || continue
        while kill -0 -- "-$group" 2>/dev/null && [ $seconds -lt 5 ]; do
            sleep 1
            seconds=$((seconds + 1))
        done
        kill -TERM -- "-$group" 2>/dev/null || true
    done
    rm -rf .setup/tmp
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

started=$SECONDS
watch() { # name, process: waits for it, a dot every 10 seconds; shows the end of its log if it fails
    local begun=$SECONDS next=$((SECONDS + 10))
    while kill -0 "$2" 2>/dev/null; do
        sleep 1
        if [ $SECONDS -ge $next ]; then printf '.'; next=$((next + 10)); fi
    done
    if ! wait "$2"; then
        printf ' failed; the end of .setup/log/%s.txt:\n\n' "$1"
        tail -n 40 ".setup/log/$1.txt"
        exit 1
    fi
    printf ' %d s\n' $((SECONDS - begun))
}
launch() { # name, command...: starts it in a process group of its own, its output in the log; $launched is its process
    local name=$1
    shift
    running=$name
    set -m
    "$@" </dev/null >".setup/log/$name.txt" 2>&1 &
    launched=$!
    set +m
    groups+=("$launched")
}
stage() { # name, what it does, command...: unless it is finished already
    local name=$1 what=$2
    shift 2
    if finished "$name"; then return; fi
    printf 'set-up: %s ' "$what"
    launch "$name" "$@"
    watch "$name" "$launched"
    finish "$name"
}
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
install() { # leaves a mark while it runs, since packages cut off halfway cannot be told from whole ones
    printf '%s\n' "$running" >.setup/installing
    PYTHONUNBUFFERED=1 pip install --progress-bar off --constraint constraints.txt "$@"
    rm .setup/installing
}
was_cut_off() { # a download that was cut off did no harm yet
    [ -e .setup/installing ] && grep -qs '^Installing collected packages' ".setup/log/$(cat .setup/installing).txt"
}

make_venv() {
    "$python" -m venv --clear .venv
    install pip
}
install_torch() { # and everything that Horovod's build needs
    # shellcheck disable=SC2086 # the names are separate arguments
    install torch $tools
}
build_horovod() { # never from pip's cache, which does not know which torch a wheel was built for
    local scratch=$PWD/.setup/tmp/horovod
    mkdir "$scratch"
    printf '#!/bin/sh\nexec c++ "$@" -std=c++17\n' >"$scratch/c++17"
    chmod +x "$scratch/c++17"
    PATH="$PWD/.venv/bin:$PATH" CXX="$scratch/c++17" MAKEFLAGS="-j$(getconf _NPROCESSORS_ONLN)" \
        HOROVOD_WITH_PYTORCH=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITH_GLOO=1 \
        pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir "$scratch" "$horovod"
    rm -rf .setup/wheels
    mkdir -p "$wheels"
    mv "$scratch"/horovod-*.whl "$wheels/"
}
install_packages() {
    .venv/bin/python scripts/requirements.py packages >.setup/requirements.txt
    install --requirement .setup/requirements.txt
}
install_leastpack() {
    install --no-deps --force-reinstall "$wheels"/horovod-*.whl
    install --no-build-isolation --editable '.[dev]'
}
check() { # Delta's jars are fetched by the first Spark session, and kept for the next ones
    pip check
    .venv/bin/python -m leastpack.doctor --spark
}

if was_cut_off; then
    echo "set-up: an earlier one was cut off while it installed packages; .venv is made afresh"
    rm -rf .venv .setup/*.done
fi
rm -rf .setup/installing .setup/tmp
mkdir .setup/tmp
# Gigabytes are unpacked on the way: not in /tmp, which may be small, and where they would stay after a kill.
export TMPDIR="$PWD/.setup/tmp"
if ! finished venv || [ ! -x .venv/bin/python ]; then rm -f .setup/*.done; fi
stage venv "the virtual environment" make_venv
stage torch "torch and build tools" install_torch

horovod=$(grep '^horovod==' constraints.txt)
wheels=.setup/wheels/$horovod-$(.venv/bin/python -c '
import sys, importlib.metadata
print("torch-" + importlib.metadata.version("torch"), sys.implementation.cache_tag, sep="-")')
building=
if ! ls "$wheels"/horovod-*.whl >/dev/null 2>&1; then
    launch horovod build_horovod
    building=$launched
fi
stage packages "the other packages" install_packages
if [ -n "$building" ]; then
    printf "set-up: Horovod's build, begun beside the packages "
    watch horovod "$building"
fi
stage leastpack "Horovod and leastpack" install_leastpack
stage check "Delta's jars, and a check of everything" check
groups=()
printf 'set-up: done in %d s\n' $((SECONDS - started))
