"""A Kubernetes of one node as a user has it: pods have service accounts and reach the API server."""

from __future__ import annotations

from contextlib import ExitStack

from tests.deploy.gateway import Gateway
from tests.testbed.node import KubernetesNode
from tests.testbed.shipped_image import write_shipped_image

IMAGE = "joulefit.test/joulefit"
TAGS = ("previous", "current")


class UserCluster(KubernetesNode):
    """With the image that ships, under two tags, in its container engine.

    Without a service network, as where kube-proxy is replaced: `server` is the address (host, port)
    at which pods find the API server.
    """

    name = "node-01"  # as the testbed's fleets call their first

    def __init__(self) -> None:
        super().__init__()
        self._gateways = ExitStack()
        self.server = ("", 0)

    @property
    def gateway(self) -> str:
        """This machine's end of the pods' links: the subnet's first address."""
        return str(self.sandbox.subnet[1])

    def _server_options(self) -> list[str]:
        # Its certificate names the address that it advertises.
        return [
            "--disable-admission-plugins=TaintNodesByCondition",
            f"--advertise-address={self.gateway}",
        ]

    def _start(self) -> None:
        super()._start()
        self.server = self.open(int(self.url.rpartition(":")[2]))
        archive = self.folder / "shipped.tar"
        write_shipped_image(archive, *(f"{IMAGE}:{tag}" for tag in TAGS))
        self.import_image(archive)
        archive.unlink()

    def open(self, port: int) -> tuple[str, int]:
        """The address at which pods reach what listens on that port of the loopback."""
        gateway = self._gateways.enter_context(Gateway(self.gateway, port))
        return gateway.address, gateway.port

    def _stop_servers(self) -> None:
        self._gateways.close()
        super()._stop_servers()
