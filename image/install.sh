#!/bin/sh
# Puts joulefit into /opt/joulefit of the file system that this runs in, from wheels alone. The
# Containerfile and the tests' recipe both run it, so that they cannot differ.
#   install.sh dependencies LOCK WHEELS   a virtual environment with what the lock names
#   install.sh project WHEEL              joulefit itself, into that environment
# pip may be anybody's that `python3 -m pip` finds; it is not installed.
set -eu

target=/opt/joulefit
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

install_wheels() { # pip's arguments
    python3 -m pip --python "$target/bin/python3" install --quiet --no-index --no-compile "$@"
}

# Files in place of times: the same sources give the same bytes, and a root that is read-only is
# never asked to be written. Python makes such files anew each time, so only what was added is named.
compile() { # folders
    "$target/bin/python3" -m compileall -q --invalidation-mode unchecked-hash "$@"
}

case $1 in
dependencies)
    python3 -m venv --without-pip "$target"
    install_wheels --require-hashes --find-links "$3" --requirement "$2"
    compile "$target"/lib/python3*/site-packages
    ;;
project)
    install_wheels --no-deps "$2"
    compile "$target"/lib/python3*/site-packages/recommender "$target"/lib/python3*/site-packages/collector
    ;;
*)
    echo "usage: install.sh dependencies LOCK WHEELS | project WHEEL" >&2
    exit 2
    ;;
esac
