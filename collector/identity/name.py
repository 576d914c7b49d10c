"""What the path of a cgroup tells: pod, container, runtime, service.

Shapes, for a pod 1-2 of class Burstable (Guaranteed pods have no class in their path):

    systemd   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/
              cri-containerd-ID.scope
    cgroupfs  /kubepods/burstable/pod1-2/ID
    both      /kubepods-burstable-pod1_2.slice:cri-containerd:ID   (containerd without
              SystemdCgroup under a kubelet with the systemd driver)

Anything may stand above (kind: /kubelet.slice/kubelet-kubepods.slice/..., docker in docker) and
below: sub-cgroups that a container makes are the container's. The pod's folder, its sandbox
(pause) and its conmon are the pod's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Qos: TypeAlias = Literal["", "Guaranteed", "Burstable", "BestEffort"]

_UUID = r"[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}"
_POD_SLICE = re.compile(r"(?:.*-)?kubepods(?:-burstable|-besteffort)?-pod(?P<uid>.+)\.slice")
_POD_FOLDER = re.compile(rf"pod(?P<uid>{_UUID}|[0-9a-f]{{32}})")
_POD_FOLDER_ANY = re.compile(r"pod(?P<uid>.+)")  # only directly below kubepods or its classes
_CONTAINER = re.compile(
    r"(?:(?P<runtime>cri-containerd|containerd|crio|docker|libpod|nerdctl)[-:])?"
    r"(?P<id>[0-9a-f]{64})(?:\.scope)?"
)
_MONITOR = re.compile(r"(?:crio|libpod)-conmon-[0-9a-f]{64}(?:\.scope)?")
_RUNTIMES = {
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
}
_PARENTS = {"docker": "docker", "libpod_parent": "podman"}
_SYSTEM_SLICE = "system.slice"
_KUBEPODS = re.compile(r"(?:.*-)?kubepods(?:-burstable|-besteffort)?(?:\.slice)?")


@dataclass(frozen=True, slots=True)
class GroupName:
    """What a path says. Without pod and container it is a service of the node: `service` is
    its name, "" for the root.

    `is_pods_root` marks the folders between the root and the pods.
    """

    pod_uid: str = ""
    container_id: str = ""
    runtime: str = ""
    qos: Qos = ""
    service: str = ""
    is_pods_root: bool = False


def parse_path(path: str) -> GroupName:
    """Of a path that begins at the hierarchy's root, with "/".

    Linux takes any bytes as a name; what is no UTF-8 must not spoil the text of all the others.
    """
    path = path.encode(errors="surrogateescape").decode(errors="replace")
    parts = [part for each in path.split("/") if each for part in _split(each)]
    for index, part in enumerate(parts):
        uid = _pod_uid(part, parts[index - 1] if index else "")
        if uid:
            # Beside its containers a pod's folder holds their monitors: those are the pod's.
            below = parts[index + 1] if index + 1 < len(parts) else ""
            container = _CONTAINER.fullmatch(below)
            return GroupName(
                pod_uid=uid,
                container_id=container["id"] if container else "",
                runtime=_runtime(container, "") if container else "",
                qos=_qos(parts[: index + 1]),
            )
    return _outside_pods(parts)


def _outside_pods(parts: list[str]) -> GroupName:
    for index, part in enumerate(parts):
        if container := _CONTAINER.fullmatch(part):
            above = parts[index - 1] if index else ""
            return GroupName(container_id=container["id"], runtime=_runtime(container, above))
    if not parts:
        return GroupName()
    if _KUBEPODS.fullmatch(parts[-1]) or parts[-1] in {"burstable", "besteffort"}:
        return GroupName(service=parts[0], is_pods_root=True)
    return GroupName(service=_service(parts))


def _service(parts: list[str]) -> str:
    """A name that does not multiply: of system.slice the services, of all else the first folder
    (user.slice, init.scope); sessions, mounts and transient scopes are their slice's.
    """
    if parts[0] != _SYSTEM_SLICE:
        return "conmon" if _MONITOR.fullmatch(parts[0]) else parts[0]
    return next((part for part in parts[1:] if part.endswith(".service")), _SYSTEM_SLICE)


def _split(part: str) -> list[str]:
    r"""In systemd a dash inside a name is \x2d; runc's own notation joins with colons."""
    slice_, colon, rest = part.replace("\\x2d", "-").partition(".slice:")
    return [slice_ + ".slice", rest] if colon else [slice_]


def _pod_uid(part: str, above: str) -> str:
    match = _POD_SLICE.fullmatch(part) or _POD_FOLDER.fullmatch(part)
    if match is None and (_KUBEPODS.fullmatch(above) or above in {"burstable", "besteffort"}):
        match = _POD_FOLDER_ANY.fullmatch(part)
    return match["uid"].replace("_", "-") if match else ""


def _runtime(container: re.Match[str], above: str) -> str:
    prefix = container["runtime"] or ""
    return _RUNTIMES.get(prefix, prefix) or _PARENTS.get(above, "")


def _qos(parts: list[str]) -> Qos:
    text = "/".join(parts[-2:])
    if "besteffort" in text:
        return "BestEffort"
    return "Burstable" if "burstable" in text else "Guaranteed"
