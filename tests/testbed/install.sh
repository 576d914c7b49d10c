#!/usr/bin/env bash
# Installs the parts of parts.txt that are neither on PATH nor in KUBEBUILDER_ASSETS into the user's
# cache folder. One line per part. Quick when all is there; needs root or sudo only to refresh apt's
# lists, for bpfcc, which the system's Python must find, and for Chromium, which needs a system. No package's service is started. Missing
# parts are an error with CI=true; otherwise the tests that need them skip.
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
        find_own "$1"
    fi
}

find_own() { # file below a folder of the cache -> its path on stdout, or failure
    compgen -G "$cache/*/$1" | sort -V | tail -n 1 | grep .
}

find_part() { # "command,command" -> the path of the first, if all of them are found
    local command
    for command in ${1//,/ }; do
        find_command "$command" >/dev/null || return 1
    done
    find_command "${1%%,*}"
}

say() { printf '%-24s %-10s %s\n' "$1" "$2" "$3"; }

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

move_command() { # command, unpacked package, folder
    local place
    for place in usr/bin usr/sbin bin usr/lib/cni; do
        if [[ -f $2/$place/$1 && ! -L $2/$place/$1 ]]; then
            mv "$2/$place/$1" "$3/"
            return
        fi
    done
    return 1
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
    version=${version#*:}
    mkdir "$work/bin"
    for command in $commands; do
        if ! move_command "$command" "$work/root" "$work/bin"; then
            rm -rf "$work"
            give_up "$name" "$package holds no $command; $hint"
            return
        fi
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

install_into_system() { # name, package without services, from, commands: how it is found then
    local name=$1 package=$2 path
    local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends)
    if ! type -P apt-get >/dev/null; then
        give_up "$name" "install the package $package, or what your distribution calls it"
    elif { as_root "${quiet[@]}" "$package" ||
        { as_root apt-get -qq update && as_root "${quiet[@]}" "$package"; }; } >>"$log" 2>&1 &&
        path=$(find_installed "$3" "$4"); then
        say "$name" installed "$path"
    else
        give_up "$name" "as root: apt-get install $package (log in $log)"
    fi
}

unpack_headers() { # package, folder: the package, and those of headers that it depends on
    local package=$1 work=$2 depends
    while [[ -n $package ]]; do
        download_package "$package" "$work" || return 1
        depends=$(dpkg-deb -f "$work/$package"_*.deb Depends)
        dpkg-deb -x "$work/$package"_*.deb "$work/root" || return 1
        rm "$work/$package"_*.deb
        package=
        if [[ $depends =~ linux-headers-[^\ ,]+ ]]; then package=${BASH_REMATCH[0]}; fi
    done
}

# Debian and Ubuntu split the headers of a kernel: a tree that all configurations share, and a small
# one of what a configuration generated, with links to the first. bcc takes one folder, of any kernel.
merge_headers() { # folder with both trees -> the version on stdout; the whole is in its "merged"
    local tree shared='' own=''
    for tree in "$1"/root/usr/src/linux-headers-*; do
        if [[ -f $tree/include/linux/kconfig.h && ! -L $tree/include/linux ]]; then
            shared=$tree
        else
            own=$tree
        fi
    done
    [[ -n $shared && -n $own ]] || return 1
    find "$own" -type l -delete
    cp -a "$shared" "$1/merged" && cp -a "$own/." "$1/merged/" && echo "${own##*/linux-headers-}"
}

install_headers() { # name, prefix of the packages
    local name=$1 prefix=$2 work version
    local hint="set BCC_KERNEL_SOURCE to a folder with kernel headers"
    if ! type -P apt-get dpkg dpkg-deb >/dev/null; then
        give_up "$name" "$hint"
        return
    fi
    work=$(mktemp -d "$cache/.$name.XXXXXX")
    if { unpack_headers "$prefix-$(dpkg --print-architecture)" "$work" ||
        unpack_headers "$prefix-generic" "$work"; } && version=$(merge_headers "$work"); then
        rm -rf "$cache/$name-$version"
        mv "$work/merged" "$cache/$name-$version"
        say "$name" installed "$cache/$name-$version"
    else
        give_up "$name" "no packages $prefix-*; $hint (log in $log)"
    fi
    rm -rf "$work"
}

find_installed() { # from, commands -> a path that shows that the part is there, or failure
    case $1 in
    own) find_own "$2" ;;
    headers) find_own "$2" ;;
    system) compgen -G "$2" | tail -n 1 | grep . ;;
    *) find_part "$2" ;;
    esac
}

install_part() { # the fields of one line of parts.txt
    local name=$1 version=$2 from=$3 package=$4 commands=$5 path
    if path=$(find_installed "$from" "$commands"); then
        say "$name" there "$path"
        return
    fi
    case $from in
    go) install_from_go "$name" "$version" "$package" ;;
    system | whole) install_into_system "$name" "$package" "$from" "$commands" ;;
    headers) install_headers "$name" "$package" ;;
    *) install_from_apt "$name" "$package" "$commands" ;;
    esac
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9 2>/dev/null || true # one installation at a time, where flock exists
while read -r name version from package commands; do
    [[ -z $name || $name == \#* ]] && continue
    install_part "$name" "$version" "$from" "$package" "$commands" </dev/null
done <"$here/parts.txt"
if [[ $missing == 1 && ${CI:-} == true ]]; then exit 1; fi
