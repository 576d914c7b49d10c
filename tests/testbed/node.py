"""A real Kubernetes of one node: scheduler, controllers, kubelet and containerd beside the API
server; pods run in cgroups and network namespaces of this machine.
"""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.testbed.api import ApiError
from tests.testbed.cgroup import unified_root
from tests.testbed.image import write_image
from tests.testbed.node_configuration import containerd_toml, kubelet_json, network_json
from tests.testbed.part import MissingPartError, require_program
from tests.testbed.pod import CONTAINER, is_ready
from tests.testbed.pod_runner import POLL_SECONDS, PodRunner
from tests.testbed.process import Server, free_port, wait_until
from tests.testbed.sandbox import Sandbox, require_namespaces

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMS = (
    *("kube-controller-manager", "kube-scheduler", "kubelet"),
    *("containerd", "containerd-shim-runc-v2", "ctr", "runc", "ptp", "host-local", "loopback"),
)
KUBELET_RULES = [
    {
        "apiGroups": [""],
        "resources": ["nodes/metrics", "nodes/proxy", "nodes/stats"],
        "verbs": ["get"],
    }
]


def has_default_route(routes: Path = Path("/proc/net")) -> bool:
    """Whether the kubelet will find an address for its node, of either family."""
    v4 = [line.split() for line in (routes / "route").read_text().splitlines()[1:]]
    v6_file = routes / "ipv6_route"
    v6 = [line.split() for line in v6_file.read_text().splitlines()] if v6_file.exists() else []
    return any(line[1] == line[7] == "00000000" for line in v4) or any(
        set(line[0] + line[1]) == {"0"} and line[-1] != "lo" for line in v6
    )


class KubernetesNode(PodRunner):
    """A control plane with one node, which runs pods of the testbed's image.

    The kubelet answers at `kubelet_url`, on loopback, for the bearer of `kubelet_token`, with a
    certificate that `kubelet_ca` verifies. Everything of the node runs in a sandbox: it ends with
    the context, however the test run ends. Its pods have addresses that this machine reaches, but
    not each other: this machine's forwarding is left as it is.
    """

    name = "joulefit-node"

    def __init__(self) -> None:
        super().__init__()
        self._sandbox: Sandbox | None = None
        self._kubelet: Server | None = None

    @property
    def sandbox(self) -> Sandbox:
        """Where the node runs; its `subnet` is that of the pods, its `name` that of the cgroup."""
        assert self._sandbox is not None
        return self._sandbox

    def _prepare(self) -> None:
        require_namespaces()
        for program in PROGRAMS:
            require_program(program)
        if not has_default_route():
            raise MissingPartError("a node takes its address from the default route; add one")
        unified_root()
        write_image(self.folder / "image.tar")
        self._write_kubelet_certificate()

    def _start(self) -> None:
        self._sandbox = Sandbox(self.folder)
        self.sandbox.start()
        self._launch_containerd()
        super()._start()
        self._launch_controllers()
        self.import_image(self.folder / "image.tar")
        self.kubelet_port = free_port()
        self.kubelet_url = f"https://127.0.0.1:{self.kubelet_port}"
        kubelet = self.start_kubelet()
        self.kubelet_token = self.new_token("kubelet-reader", KUBELET_RULES)
        kubelet.wait_ready(self._is_ready, pause=POLL_SECONDS)

    def _write_kubelet_certificate(self) -> None:
        self.kubelet_ca = self.folder / "kubelet.crt"
        command = [
            *(str(require_program("openssl")), "req", "-x509", "-nodes", "-days", "2"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", str(self.folder / "kubelet.key"), "-out", str(self.kubelet_ca)),
            *("-subj", f"/O=system:nodes/CN=system:node:{self.name}"),
            *("-addext", f"subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:{self.name}"),
            *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
        ]
        subprocess.run(command, check=True, capture_output=True)

    def _launch_inside(self, *command: str) -> Server:
        """Start a program in the sandbox; its log has the program's name, as that of all others."""
        log = self.folder / f"{Path(command[0]).name}.log"
        server = Server(self.sandbox.enter(*command), log)
        self.servers.append(server)
        return server

    def _launch_containerd(self) -> None:
        network = self.folder / "network"
        network.mkdir(exist_ok=True)
        (network / "10-testbed.conflist").write_text(network_json(self.sandbox.subnet))
        configuration = self.folder / "containerd.toml"
        configuration.write_text(containerd_toml(network))
        containerd = self._launch_inside(
            str(require_program("containerd")), f"--config={configuration}"
        )
        containerd.wait_ready(self._has_containerd)

    def _has_containerd(self) -> bool:
        return (self.folder / "run/containerd/containerd.sock").exists() and self._ctr("version")

    def _ctr(self, *arguments: str) -> bool:
        """Whether the command succeeds."""
        command = [str(require_program("ctr")), "--namespace=k8s.io", *arguments]
        done = subprocess.run(self.sandbox.enter(*command), capture_output=True, check=False)
        return not done.returncode

    def import_image(self, archive: Path) -> None:
        """Let pods run the images of a docker-archive, under the names that it gives them."""
        wait_until(
            lambda: self._ctr("images", "import", str(archive)),
            f"containerd takes {archive.name}",
            pause=POLL_SECONDS,
        )

    def _launch_controllers(self) -> None:
        certificates = self.folder / "controller-certificates"
        shared = [
            f"--kubeconfig={self.kubeconfig}",
            f"--cert-dir={certificates}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
        ]
        self.launch(
            str(require_program("kube-controller-manager")),
            *shared,
            f"--secure-port={free_port()}",
            "--controllers=*,-nodeipam",
            f"--root-ca-file={self.authority}",
        )
        self.launch(str(require_program("kube-scheduler")), *shared, f"--secure-port={free_port()}")

    def start_kubelet(self) -> Server:
        """Start it, for the first time or after `stop_kubelet`; returns when it answers.

        For a moment after that its `/pods` may still be answered with no items at all.
        """
        configuration = self.folder / "kubelet.json"
        configuration.write_text(
            kubelet_json(
                self.folder / "kubelet.crt",
                self.folder / "kubelet.key",
                port=self.kubelet_port,
                cgroup=self.sandbox.name,
            )
        )
        self._kubelet = self._launch_inside(
            str(require_program("kubelet")),
            f"--config={configuration}",
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={self.name}",
        )
        self._kubelet.wait_ready(self._kubelet_answers)
        return self._kubelet

    def _kubelet_answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            try:
                reply = session.get(
                    f"{self.kubelet_url}/healthz", verify=str(self.kubelet_ca), timeout=5
                )
            except (requests.RequestException, OSError):
                return False
        return reply.status_code == requests.codes.unauthorized  # it asks who we are

    def stop_kubelet(self) -> None:
        """End the kubelet alone, by SIGKILL: the pods run on."""
        assert self._kubelet is not None
        self._kubelet.stop()
        self.servers.remove(self._kubelet)
        wait_until(lambda: not self._kubelet_listens(), "the kubelet is gone")

    def _kubelet_listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.kubelet_port)) == 0

    def get_from_kubelet(self, path: str) -> requests.Response:
        """What the kubelet answers to the bearer of its token."""
        with requests.Session() as session:
            session.trust_env = False
            return session.get(
                self.kubelet_url + path,
                headers={"Authorization": f"Bearer {self.kubelet_token}"},
                verify=str(self.kubelet_ca),
                timeout=30,
            )

    def _is_ready(self) -> bool:
        try:
            node = self.api.get(f"/api/v1/nodes/{self.name}")
        except ApiError:
            return False
        return is_ready(node) and not node["spec"].get("taints")

    def _stop_servers(self) -> None:
        if self._sandbox is not None:
            self._sandbox.stop()
            self._sandbox = None
        super()._stop_servers()

    def _runs(self, item: Mapping[str, Any]) -> bool:
        try:
            files = list(self.pod_cgroup(item).rglob("cgroup.procs"))
        except FileNotFoundError:
            return False
        return any(file.exists() and file.read_text() for file in files)

    def pod_cgroup(self, item: Mapping[str, Any]) -> Path:
        """The pod's folder in the unified hierarchy.

        Raises:
            FileNotFoundError: it has none, or none any more.
        """
        folder = f"pod{item['metadata']['uid']}"
        found = next((unified_root() / self.sandbox.name).rglob(folder), None)
        if found is None:
            raise FileNotFoundError(f"no cgroup {folder}")
        return found

    def container_cgroup(self, item: Mapping[str, Any], name: str = CONTAINER) -> Path:
        """The folder of one container of the pod, as it runs in `item`'s status."""
        ids = {s["name"]: s["containerID"] for s in item["status"]["containerStatuses"]}
        return self.pod_cgroup(item) / ids[name].removeprefix("containerd://")
