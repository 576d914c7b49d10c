"""Pods as JSON, and cgroup trees as folders, for tests of identity."""

import hashlib
import json

from collector.identity.hierarchy import find_hierarchy

UID = "5d5c9cbe-3f8a-4d6a-9f0c-1b2a3c4d5e6f"


def container_id(text):
    """64 hexadecimal digits, the same for the same text."""
    return hashlib.sha256(text.encode()).hexdigest()


def a_pod(
    name="web-7c5d-x1",
    *,
    uid=UID,
    containers=("app",),
    runs=None,
    owner=("ReplicaSet", "web-7c5d"),
    labels=None,
    requests=None,
    **more,
):
    """A v1 Pod; `runs` are container ids by container, of those that the kubelet reported."""
    runs = {each: container_id(f"{name}/{each}") for each in containers} if runs is None else runs
    requests = requests or {}
    metadata = {"name": name, "namespace": "shop", "uid": uid, "labels": labels or {}}
    metadata["creationTimestamp"] = "2026-03-01T10:00:00Z"
    if owner:
        kind, owner_name = owner
        metadata["ownerReferences"] = [{"kind": kind, "name": owner_name, "controller": True}]
    spec = {
        "nodeName": "node-1",
        "containers": [
            {"name": each, "resources": {"requests": {"cpu": requests[each]}}}
            if each in requests
            else {"name": each}
            for each in containers
        ],
    }
    status = {
        "containerStatuses": [
            {"name": each, "containerID": f"containerd://{run}"} for each, run in runs.items()
        ]
    }
    return {
        "metadata": metadata | more.get("metadata", {}),
        "spec": spec | more.get("spec", {}),
        "status": status | more.get("status", {}),
    }


def body_of(*pods):
    return json.dumps({"kind": "PodList", "items": list(pods)}).encode()


class CgroupFolders:
    """A tree of version 2 below a folder."""

    def __init__(self, root):
        self.root = root
        (root / "cgroup.controllers").touch()
        (root / "cpu.stat").touch()

    @property
    def hierarchy(self):
        return find_hierarchy(self.root)

    def add(self, path, *, memory=None, cache=0, throttled=None):
        """Its id; `memory` and `cache` in bytes, `throttled` in microseconds."""
        folder = self.root / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        if memory is not None:
            (folder / "memory.current").write_text(f"{memory}\n")
            (folder / "memory.stat").write_text(f"anon 1\nfile 2\ninactive_file {cache}\n")
        if throttled is not None:
            (folder / "cpu.stat").write_text(f"usage_usec 1\nthrottled_usec {throttled}\n")
        return folder.stat().st_ino

    def end(self, path):
        """The folder goes elsewhere, so that its inode is not given out again."""
        folder = self.root / path.lstrip("/")
        folder.rename(self.root.parent / f"ended-{folder.stat().st_ino}")


def pod_folder(uid=UID):
    """Of a Burstable pod, systemd driver."""
    escaped = uid.replace("-", "_")
    return f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{escaped}.slice"


def container_folder(run, uid=UID):
    return f"{pod_folder(uid)}/cri-containerd-{run}.scope"
