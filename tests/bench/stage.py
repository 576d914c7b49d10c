"""A fleet on real parts: its history in a Prometheus, its objects in an API server."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import requests

from recommender.cluster.connection import connect
from recommender.cluster.reader import ClusterReader
from recommender.evidence import LiveSource
from recommender.history.client import PrometheusClient
from recommender.history.store_reader import StoreReader
from recommender.settings import ClusterSettings, StoreSettings, WindowSettings
from recommender.units import DAY
from tests.bench.download import Download, encode_queries
from tests.bench.process import JOULEFIT, Spent, run
from tests.testbed.control_plane import ControlPlane
from tests.testbed.fleet import generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects

if TYPE_CHECKING:
    from recommender.history.client import RangeQuery
    from recommender.history.reply import Reply
    from recommender.model.recording import Recording
    from tests.testbed.fleet import FleetShape


@dataclass
class _RecordingClient:
    """Hands queries on and keeps them."""

    client: PrometheusClient
    queries: list[RangeQuery]

    def query_range(self, query: RangeQuery) -> Reply:
        self.queries.append(query)
        return self.client.query_range(query)


class Stage:
    """As a context manager: both servers run, with the whole fleet in them."""

    def __init__(self, shape: FleetShape) -> None:
        self.shape = shape
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            self.store = running.enter_context(prometheus_of_fleet(self.shape)).url
            plane = running.enter_context(ControlPlane())
            plane.apply(fleet_objects(generate_fleet(self.shape)))
            self.kubeconfig = str(plane.kubeconfig)
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def report(self) -> Spent:
        """One `joulefit report` over the fleet's whole window, as a process of its own."""
        window = ("--end", str(self.shape.end), "--history", f"{self.shape.days:g}d")
        where = ("--kubeconfig", self.kubeconfig, "--store", self.store)
        return run(JOULEFIT, "report", *where, *window)

    def download(self, queries: list[RangeQuery]) -> Download:
        """The same replies by a process that only downloads them, as many at a time."""
        parallel = str(StoreSettings().store_parallel)
        command = (sys.executable, "-m", "tests.bench.download", self.store, parallel)
        return Download(**json.loads(run(*command, given=encode_queries(queries)).output))

    def count_requests(self) -> int:
        """Requests to the store's query API since its start, by its own account."""
        with requests.Session() as session:
            session.trust_env = False
            text = session.get(f"{self.store}/metrics", timeout=10).text
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in text.splitlines()
            if line.startswith("prometheus_http_requests_total") and "/api/v1/" in line
        )

    def read(self) -> tuple[Recording, list[RangeQuery]]:
        """The evidence of such a report, and the queries that read it."""
        store = StoreSettings(store=self.store)
        recorder = _RecordingClient(PrometheusClient(store), [])
        settings = ClusterSettings(kubeconfig=self.kubeconfig)
        with connect(settings) as connection:
            evidence = LiveSource(
                store=StoreReader(store, client=recorder),
                cluster=ClusterReader(connection, settings),
                settings=settings,
                window=WindowSettings(end=self.shape.end, history=self.shape.days * DAY),
                store_name=self.store,
            ).read()
        return evidence, recorder.queries
