#!/usr/bin/env bash
# Installs the parts of parts.txt that are neither on PATH nor in KUBEBUILDER_ASSETS into the user's
# cache folder. One line per part. Quick when all is there; needs root or sudo only to refresh apt's
# lists. Missing parts are an error with CI=true; otherwise the tests that need them skip.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${JOULEFIT_TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/joulefit/testbed}
log=$cache/install.log
missing=0

find_command() { # command -> the program's path on stdout, or failure
    local found
    if [[ -n ${KUBEBUILDER_ASSETS:-} && -x $KUBEBUILDER_ASSETS/$1 ]]; then
        echo "$KUBEBUILDER_ASSETS/$1"
    elif found=$(type -P "$1"); then
        echo "$found"
    else
        compgen -G "$cache/*/$1" | sort -V | tail -n 1 | grep .
    fi
}

find_part() { # "command,command" -> the path of the first, if all of them are found
    local command
    for command in ${1//,/ }; do
        find_command "$command" >/dev/null || return 1
    done
    find_command "${1%%,*}"
}

say() { printf '%-17s %-10s %s\n' "$1" "$2" "$3"; }

give_up() { # name, what to do
    say "$1" missing "$2"
    missing=1
}

install_from_go() { # name, version, package
    local name=$1 version=$2 package=$3
    local target=$cache/$name-$version
    local set_version="-X k8s.io/component-base/version.git"
    if ! type -P go >/dev/null; then
        give_up "$name" "install Go 1.24 or newer (https://go.dev/dl), or set KUBEBUILDER_ASSETS"
        return
    fi
    mkdir -p "$target"
    say "$name" building "a few minutes, once; log in $log" >&2
    if (cd "$here/go" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off go build -trimpath \
        -ldflags "-s -w ${set_version}Version=v$version ${set_version}Major=1 ${set_version}Minor=34" \
        -o "$target/$name.$$" "$package") >>"$log" 2>&1; then
        mv "$target/$name.$$" "$target/$name" # whole or not at all, for a run beside this one
        say "$name" installed "$target/$name"
    else
        rm -f "$target/$name.$$"
        give_up "$name" "go build failed: $(tail -n 1 "$log") (log in $log)"
    fi
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; elif type -P sudo >/dev/null; then sudo -n "$@"; else false; fi
}

download_package() { # package, folder: needs no root; the lists may be old or absent
    local quiet=(-qq -o "APT::Sandbox::User=$(id -un)")
    (cd "$2" && apt-get "${quiet[@]}" download "$1") >>"$log" 2>&1 && return
    as_root apt-get -qq update >>"$log" 2>&1 &&
        (cd "$2" && apt-get "${quiet[@]}" download "$1") >>"$log" 2>&1
}

install_from_apt() { # name, package, "command,command": unpacked only, so no service starts
    local name=$1 package=$2 commands=${3//,/ } work version command
    local hint="install the package $package, so that ${3//,/ and } are on PATH"
    if ! type -P apt-get dpkg-deb >/dev/null; then
        give_up "$name" "$hint"
        return
    fi
    work=$(mktemp -d "$cache/.$name.XXXXXX")
    if ! download_package "$package" "$work" || ! dpkg-deb -x "$work"/*.deb "$work/root"; then
        rm -rf "$work"
        give_up "$name" "apt-get download $package failed; $hint (log in $log)"
        return
    fi
    version=$(dpkg-deb -f "$work"/*.deb Version)
    mkdir "$work/bin"
    for command in $commands; do
        mv "$work/root/usr/bin/$command" "$work/bin/"
        if ldd "$work/bin/$command" 2>&1 | grep -q 'not found'; then
            rm -rf "$work"
            give_up "$name" "$command lacks shared libraries; $hint"
            return
        fi
    done
    rm -rf "$cache/$name-$version"
    mv "$work/bin" "$cache/$name-$version"
    rm -rf "$work"
    say "$name" installed "$cache/$name-$version"
}

install_part() { # the fields of one line of parts.txt
    local name=$1 version=$2 from=$3 package=$4 commands=$5 path
    if path=$(find_part "$commands"); then
        say "$name" there "$path"
    elif [[ $from == go ]]; then
        install_from_go "$name" "$version" "$package"
    else
        install_from_apt "$name" "$package" "$commands"
    fi
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9 2>/dev/null || true # one installation at a time, where flock exists
while read -r name version from package commands; do
    [[ -z $name || $name == \#* ]] && continue
    install_part "$name" "$version" "$from" "$package" "$commands" </dev/null
done <"$here/parts.txt"
if [[ $missing == 1 && ${CI:-} == true ]]; then exit 1; fi
