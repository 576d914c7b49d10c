"""What the paths of cgroups tell: shapes of real nodes, runtimes, drivers and classes."""

import os

import pytest

from collector.identity.name import GroupName, parse_path

UID = "5d5c9cbe-3f8a-4d6a-9f0c-1b2a3c4d5e6f"
UNDER = UID.replace("-", "_")
STATIC = "9b8f2f3c0d6f4e5a8b7c6d5e4f3a2b1c"  # config hash
ID = "3f2504e04f8911d39a0c0305e82c33013f2504e04f8911d39a0c0305e82c3301"
OTHER = "c" * 64

SYSTEMD = "/kubepods.slice"
KIND = "/kubelet.slice/kubelet-kubepods.slice"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice/cri-containerd-{ID}.scope",
            GroupName(UID, ID, "containerd", "Burstable"),
            id="containerd, systemd, Burstable",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-besteffort.slice/kubepods-besteffort-pod{UNDER}.slice/cri-containerd-{ID}.scope",
            GroupName(UID, ID, "containerd", "BestEffort"),
            id="containerd, systemd, BestEffort",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-pod{UNDER}.slice/cri-containerd-{ID}.scope",
            GroupName(UID, ID, "containerd", "Guaranteed"),
            id="containerd, systemd, Guaranteed",
        ),
        pytest.param(
            f"/kubepods/burstable/pod{UID}/{ID}",
            GroupName(UID, ID, "", "Burstable"),
            id="cgroupfs, Burstable",
        ),
        pytest.param(
            f"/kubepods/besteffort/pod{UID}/{ID}",
            GroupName(UID, ID, "", "BestEffort"),
            id="cgroupfs, BestEffort",
        ),
        pytest.param(
            f"/kubepods/pod{UID}/{ID}",
            GroupName(UID, ID, "", "Guaranteed"),
            id="cgroupfs, Guaranteed",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice/crio-{ID}.scope",
            GroupName(UID, ID, "cri-o", "Burstable"),
            id="cri-o, systemd",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice/crio-{ID}.scope/container",
            GroupName(UID, ID, "cri-o", "Burstable"),
            id="cri-o with crun's sub-cgroup",
        ),
        pytest.param(
            f"/kubepods/burstable/pod{UID}/crio-{ID}",
            GroupName(UID, ID, "cri-o", "Burstable"),
            id="cri-o, cgroupfs",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice/crio-conmon-{ID}.scope",
            GroupName(UID, "", "", "Burstable"),
            id="cri-o's monitor is the pod's",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice/docker-{ID}.scope",
            GroupName(UID, ID, "docker", "Burstable"),
            id="docker, systemd",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice",
            GroupName(UID, "", "", "Burstable"),
            id="the pod itself",
        ),
        pytest.param(
            f"/kubepods/pod{UID}", GroupName(UID, "", "", "Guaranteed"), id="the pod, cgroupfs"
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice/cri-containerd-{ID}.scope/system.slice/ssh.service",
            GroupName(UID, ID, "containerd", "Burstable"),
            id="systemd in a container is the container's",
        ),
        pytest.param(
            f"/kubepods/pod{UID}/{ID}/docker/{OTHER}",
            GroupName(UID, ID, "", "Guaranteed"),
            id="docker in a container is the container's",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{ID}.scope",
            GroupName(STATIC, ID, "containerd", "Burstable"),
            id="static pod, systemd",
        ),
        pytest.param(
            f"/kubepods/burstable/pod{STATIC}/{ID}",
            GroupName(STATIC, ID, "", "Burstable"),
            id="static pod, cgroupfs",
        ),
        pytest.param(
            f"/kubepods/burstable/podmy-own-uid/{ID}",
            GroupName("my-own-uid", ID, "", "Burstable"),
            id="static pod whose manifest names a uid",
        ),
        pytest.param(
            f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-podmy_own_uid.slice/cri-containerd-{ID}.scope",
            GroupName("my-own-uid", ID, "containerd", "Burstable"),
            id="static pod whose manifest names a uid, systemd",
        ),
        pytest.param(
            SYSTEMD
            + r"/kubepods-pod"
            + UID.replace("-", r"\x2d")
            + f".slice/cri-containerd-{ID}.scope",
            GroupName(UID, ID, "containerd", "Guaranteed"),
            id="dashes escaped as systemd does",
        ),
        pytest.param(
            f"/system.slice/containerd.service/kubepods-burstable-pod{UNDER}.slice:cri-containerd:{ID}",
            GroupName(UID, ID, "containerd", "Burstable"),
            id="containerd and kubelet with different drivers",
        ),
        pytest.param(
            f"{KIND}/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UNDER}.slice/cri-containerd-{ID}.scope",
            GroupName(UID, ID, "containerd", "Burstable"),
            id="kind",
        ),
        pytest.param(
            f"{KIND}/kubelet-kubepods-pod{UNDER}.slice/cri-containerd-{ID}.scope",
            GroupName(UID, ID, "containerd", "Guaranteed"),
            id="kind, Guaranteed",
        ),
        pytest.param(
            f"/docker/{OTHER}/kubelet/kubepods/besteffort/pod{UID}/{ID}",
            GroupName(UID, ID, "", "BestEffort"),
            id="kind, seen from its host",
        ),
        pytest.param(
            f"/system.slice/docker-{ID}.scope",
            GroupName("", ID, "docker"),
            id="docker without Kubernetes, systemd",
        ),
        pytest.param(
            f"/docker/{ID}", GroupName("", ID, "docker"), id="docker without Kubernetes, cgroupfs"
        ),
        pytest.param(
            f"/machine.slice/libpod-{ID}.scope/container",
            GroupName("", ID, "podman"),
            id="podman, root",
        ),
        pytest.param(
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
            GroupName("", ID, "podman"),
            id="podman, rootless",
        ),
        pytest.param(
            f"/libpod_parent/libpod-{ID}", GroupName("", ID, "podman"), id="podman, cgroupfs"
        ),
        pytest.param(
            f"/machine.slice/libpod-conmon-{ID}.scope",
            GroupName(service="machine.slice"),
            id="podman's monitor is a service",
        ),
        pytest.param(
            f"/system.slice/nerdctl-{ID}.scope",
            GroupName("", ID, "containerd"),
            id="nerdctl",
        ),
        pytest.param("/", GroupName(), id="the root"),
        pytest.param(
            "/system.slice/kubelet.service", GroupName(service="kubelet.service"), id="service"
        ),
        pytest.param(
            "/system.slice/system-getty.slice/getty@tty1.service",
            GroupName(service="getty@tty1.service"),
            id="service in a slice of its own",
        ),
        pytest.param(
            "/system.slice/containerd.service/supervisor",
            GroupName(service="containerd.service"),
            id="below a service",
        ),
        pytest.param(
            "/system.slice/run-r4711.scope",
            GroupName(service="system.slice"),
            id="transient scopes do not multiply names",
        ),
        pytest.param(
            "/system.slice/dev-hugepages.mount", GroupName(service="system.slice"), id="mount"
        ),
        pytest.param(
            "/user.slice/user-0.slice/session-c3.scope",
            GroupName(service="user.slice"),
            id="sessions do not multiply names",
        ),
        pytest.param("/init.scope", GroupName(service="init.scope"), id="init"),
        pytest.param(
            SYSTEMD, GroupName(service="kubepods.slice", is_pods_root=True), id="above the pods"
        ),
        pytest.param(
            f"{KIND}/kubelet-kubepods-besteffort.slice",
            GroupName(service="kubelet.slice", is_pods_root=True),
            id="a class of pods, kind",
        ),
        pytest.param(
            "/kubepods/burstable",
            GroupName(service="kubepods", is_pods_root=True),
            id="a class of pods, cgroupfs",
        ),
        pytest.param(
            "/podman.service", GroupName(service="podman.service"), id="no pod for all its name"
        ),
        pytest.param(
            f"/system.slice/app-{ID[:63]}.scope",
            GroupName(service="system.slice"),
            id="63 digits are no container",
        ),
    ],
)
def test_path(path, expected):
    assert parse_path(path) == expected


def test_bytes_that_are_no_text_become_text_that_can_be_exported():
    path = os.fsdecode(b"/system.slice/caf\xe9.service")
    assert parse_path(path) == GroupName(service="caf\ufffd.service")
