"""A real Prometheus that scrapes the collector of a node and, where it is named, its kubelet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from tests.testbed.store import PrometheusServer

if TYPE_CHECKING:
    from tests.collector.real.process import CollectorProcess
    from tests.testbed.node import KubernetesNode

KUBELET_INTERVAL = "5s"  # cAdvisor itself looks every ten seconds


class ScrapingPrometheus(PrometheusServer):
    """Scrapes a collector each second, under the name of its node, as a relabelling would; with
    `kubelet_of` also the cAdvisor of that node's kubelet.
    """

    def __init__(
        self,
        collector: CollectorProcess,
        node_name: str,
        *,
        kubelet_of: KubernetesNode | None = None,
    ) -> None:
        super().__init__()
        self._collector = collector.url.removeprefix("http://")
        self._node_name = node_name
        self._kubelet_of = kubelet_of

    def _configuration(self) -> dict[str, object]:
        jobs = [{"job_name": "joulefit", "static_configs": [self._target(self._collector)]}]
        if self._kubelet_of is not None:
            jobs.append(self._kubelet_job(self._kubelet_of))
        return {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": jobs,
        }

    def _target(self, address: str) -> dict[str, Any]:
        return {"targets": [address], "labels": {"node": self._node_name}}

    def _kubelet_job(self, node: KubernetesNode) -> dict[str, Any]:
        token = self.folder / "kubelet.token"
        token.write_text(node.kubelet_token)
        return {
            "job_name": "kubelet",
            "scheme": "https",
            "metrics_path": "/metrics/cadvisor",
            "scrape_interval": KUBELET_INTERVAL,
            "scrape_timeout": KUBELET_INTERVAL,
            "authorization": {"credentials_file": str(token)},
            "tls_config": {"ca_file": str(node.kubelet_ca)},
            "static_configs": [self._target(node.kubelet_url.removeprefix("https://"))],
        }

    def query(
        self, expression: str, at: float | None = None
    ) -> dict[frozenset[tuple[str, str]], float]:
        """The values of an instant vector by labels; `at` unix seconds, None: now."""
        time = {} if at is None else {"time": str(at)}
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(
                f"{self.url}/api/v1/query", params={"query": expression} | time, timeout=30
            )
        reply.raise_for_status()
        return {
            frozenset(row["metric"].items()): float(row["value"][1])
            for row in reply.json()["data"]["result"]
        }
