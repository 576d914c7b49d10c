"""The files that containerd and the kubelet of the testbed are started with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.testbed.image import IMAGE
from tests.testbed.part import require_program

if TYPE_CHECKING:
    import ipaddress
    from pathlib import Path

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"

CONTAINERD = """
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
    "io.containerd.internal.v1.opt",        # would make /opt/containerd
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
# Without CAP_SYS_RESOURCE runc may not lower a score: "can't get final child's PID from pipe".
restrict_oom_score_adj = true
disable_apparmor = true                     # would leave a profile in the kernel
stream_server_address = "127.0.0.1"
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{network}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
"""


def containerd_toml(network: Path) -> str:
    """The configuration of a containerd in a sandbox, where its usual paths are its own."""
    return CONTAINERD.format(
        socket=CONTAINERD_SOCKET,
        image=IMAGE,
        plugins=require_program("ptp").parent,
        network=network,
        runc=require_program("runc"),
    )


def network_json(subnet: ipaddress.IPv4Network) -> str:
    """Each pod is one end of a pair of links; the other one is in this machine's namespace."""
    plugin = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": str(subnet)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps({"cniVersion": "1.0.0", "name": "testbed", "plugins": [plugin]})


def kubelet_json(certificate: Path, key: Path, *, port: int, cgroup: str) -> str:
    """As on a cluster: no anonymous reader, rights by the API server. Its pods are below `cgroup`."""
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": port,
        "healthzPort": 0,
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "volumePluginDir": "/var/lib/kubelet/plugins/volume",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        # This machine's disk may be full to any degree: no image goes for that, and no pod.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "1Mi"},
    }
    return json.dumps(configuration)
