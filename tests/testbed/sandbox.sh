#!/usr/bin/env bash
# The first process of a sandbox: started in new mount and process namespaces, it builds a root of
# its own and then only reaps. Programs in it see this machine, but
#   - /run and /var are empty folders of FOLDER, so that fixed paths in them are nobody else's,
#   - /proc shows the sandbox's processes, and the listed settings of the kernel are copies, so that
#     a kubelet "tunes" nothing.
# Usage: sandbox.sh FOLDER NAMESPACE [SEEN]...: NAMESPACE is the mount namespace of the caller, SEEN
# are folders that must be there even if they are in /run or /var.
set -euo pipefail

folder=$1 callers_namespace=$2
shift 2
root=$folder/root
read -r pid _ </proc/self/stat # as the caller sees it: /proc is still the caller's

if [[ $(readlink /proc/self/ns/mnt) == "$callers_namespace" ]]; then
    echo "not in a mount namespace of its own" >&2
    exit 1
fi
mount -n --make-rprivate / # nothing of what follows reaches the caller

mkdir -p "$root" "$folder/run" "$folder/var"/{cache,lib,log,tmp} "$folder/kernel"
ln -sfn /run "$folder/var/run"
mount -n -t tmpfs -o mode=755 sandbox "$root"
mount -n --make-unbindable "$root" # else a bind of /tmp would hold the root again
for entry in /*; do
    if [[ -L $entry ]]; then
        cp -P "$entry" "$root$entry"
    elif [[ -d $entry ]]; then
        mkdir "$root$entry"
        case $entry in
        /proc) mount -n -t proc proc "$root/proc" ;;
        /run | /var) mount -n --bind "$folder$entry" "$root$entry" ;;
        *) mount -n --rbind "$entry" "$root$entry" || echo "cannot see $entry" >&2 ;;
        esac
    fi
done
for seen in "$folder" "$@"; do
    if [[ ! -e $root$seen ]]; then
        mkdir -p "$root$seen"
        mount -n --bind "$seen" "$root$seen"
    fi
done
for setting in kernel/{panic,panic_on_oops,keys/root_maxkeys,keys/root_maxbytes} \
    vm/{overcommit_memory,panic_on_oom} net/ipv4/{ip_forward,conf/all/route_localnet}; do
    [[ -e /proc/sys/$setting ]] || continue
    copy=$folder/kernel/${setting//\//.}
    cat "/proc/sys/$setting" >"$copy"
    mount -n --bind "$copy" "$root/proc/sys/$setting"
done

mkdir "$root/.old"
cd "$root"
pivot_root . .old
umount -n -l /.old
rmdir /.old
mount -n --make-rshared / # as on a node, where pods may ask for mounts of the host to reach them

echo "$pid" >"$folder/sandbox.pid.new"
mv "$folder/sandbox.pid.new" "$folder/sandbox.pid"
sleep infinity &
while :; do wait; done # bash reaps whatever it inherits
