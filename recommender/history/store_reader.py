"""Reads a window of usage and power from a metric store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recommender.errors import NoDataError
from recommender.history.choice import find_contests
from recommender.history.client import PrometheusClient
from recommender.history.coverage import Coverage, plan_coverage, take_coverage
from recommender.history.discovery import Inventory, plan_discovery, take_inventory
from recommender.history.endpoint import redact_url
from recommender.history.pipeline import Job, Pipeline
from recommender.history.reading import Reading
from recommender.history.schema import USAGE
from recommender.history.scope import Scope
from recommender.units import format_time

if TYPE_CHECKING:
    from recommender.history.client import QueryClient
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Progress
    from recommender.model.history import History, TimeGrid
    from recommender.settings import StoreSettings

__all__ = ["Scope", "StoreReader"]


class StoreReader:
    """The history of a metric store that speaks Prometheus' API.

    `power` is auto, or modelled, which asks no meters. With `reads_bursts` the last day is read by
    the minute too. `progress` is called with the name of a
    step, what is done of it and the total. `client` stands in for the store in tests.
    """

    def __init__(
        self,
        settings: StoreSettings,
        *,
        power: str = "auto",
        reads_bursts: bool = False,
        progress: Progress | None = None,
        client: QueryClient | None = None,
    ) -> None:
        """Raises UsageError for settings that make no sense."""
        self._settings = settings
        self.asks_meters = power == "auto"
        self.reads_bursts = reads_bursts
        self._progress = progress
        self._client = client or PrometheusClient(settings)

    @property
    def kept(self) -> History | None:
        """What an earlier read gave; this reader keeps nothing."""
        return None

    def read(self, grid: TimeGrid, scope: Scope) -> History:
        """Raises StoreError and its kinds, and NoDataError where no container was seen."""
        pipeline = self.open()
        reading = self.read_whole(pipeline, grid, scope)
        return reading.finish(pipeline)

    def open(self) -> Pipeline:
        """A way to the store that counts what it costs."""
        return Pipeline(self._client, self._settings.store_parallel, self._progress)

    def read_whole(
        self, pipeline: Pipeline, grid: TimeGrid, scope: Scope, *, spare: int = 0
    ) -> Reading:
        """As `read`, not assembled yet and with room for `spare` more days."""
        inventory = self.discover(pipeline, grid, scope)
        if not inventory.containers and scope.namespaces != frozenset():
            raise NoDataError(self._describe_nothing(grid, scope))
        reading = Reading(
            grid,
            scope,
            inventory,
            asks_meters=self.asks_meters,
            reads_bursts=self.reads_bursts,
            spare=spare,
        )
        reading.run(pipeline)
        return reading

    def discover(
        self, pipeline: Pipeline, grid: TimeGrid, scope: Scope, *, looks_back: bool = True
    ) -> Inventory:
        """What the store has: looking at a few times first and, with `looks_back`, at all times
        if that shows nothing; and then how far back each source reaches where several compete.
        """
        inventory = Inventory({}, {}, {})
        for at_all_times in (False, True)[: 1 + looks_back]:
            queries = plan_discovery(grid, scope.namespaces, looks_back=at_all_times)
            found: list[Matrix] = []
            pipeline.run("series", [Job(query, found.append) for query in queries])
            inventory = take_inventory(*found)
            if inventory.containers or scope.namespaces == frozenset():
                break
        contests = find_contests(inventory, asks_meters=self.asks_meters) if looks_back else ()
        if not contests:
            return inventory
        coverage = Coverage()

        def take_looks(matrix: Matrix) -> None:
            nonlocal coverage
            coverage = take_coverage(matrix, grid)

        query = plan_coverage(grid, scope.namespaces, contests)
        pipeline.run("series", [Job(query, take_looks)])
        return replace(inventory, coverage=coverage)

    def _describe_nothing(self, grid: TimeGrid, scope: Scope) -> str:
        names = " or ".join(schema.cpu for schema in reversed(USAGE))
        where = f" in namespace {_list_some(scope.namespaces)}" if scope.namespaces else ""
        return (
            f"store {redact_url(self._settings.store)} has no CPU series of containers ({names})"
            f"{where} between {format_time(grid.start)} and {format_time(grid.end)}; look at "
            "--store, --end and --history"
        )


def _list_some(names: frozenset[str]) -> str:
    """The first three, and how many more there are."""
    first, more = sorted(names)[:3], len(names) - 3
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
