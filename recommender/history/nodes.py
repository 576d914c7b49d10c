"""Which queries read power and busy cores of nodes, and what becomes of their replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.history.assembly import NodeFindings, assemble_nodes
from recommender.history.choice import (
    choose_cpu,
    choose_frequency,
    describe_cpu,
    describe_power,
    ignore_power,
    order_power,
)
from recommender.history.nodename import NodeNames, plan_infos
from recommender.history.pipeline import Job
from recommender.history.plan import at_points
from recommender.history.power import NodeCpuReader, PowerReader
from recommender.history.schema import INFO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recommender.history.discovery import Inventory
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Pipeline
    from recommender.history.plan import PointRange
    from recommender.history.power import NodePower
    from recommender.history.schema import CpuSource, PowerSource
    from recommender.model.history import NodeHistory, SourceChoice, TimeGrid

_LABEL_BYTES = 300


class NodeReading:
    """Makes the jobs that read the nodes over a grid, and assembles what they find.

    `known` are the cluster's nodes, None where nobody knows them. With `after` only the points
    after those of that reading are read, from the series that it chose; `inventory` tells which
    of them there are.
    """

    def __init__(
        self,
        grid: TimeGrid,
        known: frozenset[str] | None,
        inventory: Inventory,
        *,
        asks_meters: bool,
        after: NodeReading | None = None,
    ) -> None:
        self.grid = grid
        self.inventory = inventory
        self.known = known
        self.asks_meters = asks_meters
        self.names: NodeNames = NodeNames(known, after=after.names if after else None)
        self.cpu: NodeCpuReader = NodeCpuReader(
            grid, self.names, after=after.cpu if after else None
        )
        self.cpu_source: CpuSource | None = after.cpu_source if after else choose_cpu(inventory)
        self.frequency: NodeCpuReader = NodeCpuReader(
            grid, self.names, after=after.frequency if after else None, is_gauge=True
        )
        self.frequency_source: CpuSource | None = (
            after.frequency_source if after else choose_frequency(inventory)
        )
        self.power: dict[PowerSource, PowerReader] = {
            source: PowerReader(source, grid, self.names, after=before)
            for source, before in (after.power.items() if after else ())
        }

    def naming_jobs(self) -> Iterator[Job]:
        """To be run before the others."""
        if self.inventory.has(*INFO):
            yield Job(plan_infos(self.grid), self.names.learn)

    def jobs(self) -> Iterator[Job]:
        if self.cpu_source is not None:
            series = self.inventory.count(self.cpu_source.metric)
            points = self.cpu.series.points
            yield from _split(self.cpu_source.query, self.cpu.read, points, series=series)
        if self.frequency_source is not None:
            series = self.inventory.count(self.frequency_source.metric)
            query, points = self._with_step(self.frequency_source), self.frequency.series.points
            yield from _split(query, self.frequency.read, points, series=series)
        if self.power:
            for source, reader in self.power.items():
                yield from self._power_jobs(source, reader)
        else:
            yield from self._next_power_jobs()

    def run(self, pipeline: Pipeline) -> None:
        """Ask for all of it. Raises StoreError."""
        pipeline.run("nodes", [*self.naming_jobs(), *self.jobs()])
        while more := self.more_power_jobs():
            pipeline.run("power", more)

    def more_power_jobs(self) -> list[Job]:
        """The next source of node power, while some node has none; empty when there is none."""
        known = set(self.known or self.cpu.finish())
        return list(self._next_power_jobs()) if self.power and known - set(self._power()) else []

    def _next_power_jobs(self) -> Iterator[Job]:
        """Jobs of the best source that exists and was not asked yet."""
        for source in order_power(self.inventory) if self.asks_meters else ():
            if source not in self.power:
                reader = self.power[source] = PowerReader(source, self.grid, self.names)
                yield from self._power_jobs(source, reader)
                return

    def _power_jobs(self, source: PowerSource, reader: PowerReader) -> Iterator[Job]:
        query = self._with_step(source)
        series = 2 * self.inventory.count(*source.metrics)  # dram beside each package
        yield from _split(query, reader.read, reader.series.points, series=series)

    def _with_step(self, source: CpuSource | PowerSource) -> str:
        return source.query.replace("[STEP]", f"[{self.grid.step}s]")

    def include(self, after: NodeReading, grid: TimeGrid) -> None:
        """Put what was read before in front, to cover `grid`. What there was, is still known."""
        self.inventory = after.inventory
        self.grid = grid
        self.cpu.series.include(after.cpu.series, grid)
        self.frequency.series.include(after.frequency.series, grid)
        for source, reader in self.power.items():
            before = after.power.get(source)
            reader.series.include(before.series if before else None, grid)

    def _power(self) -> dict[str, tuple[PowerSource, NodePower]]:
        """Power of each node by the best source that has some."""
        found: dict[str, tuple[PowerSource, NodePower]] = {}
        for source, reader in self.power.items():
            for node, power in reader.finish().items():
                found.setdefault(node, (source, power))
        return found

    def assemble(self, sized: Iterable[str] = ()) -> tuple[NodeHistory, tuple[SourceChoice, ...]]:
        """The history of the cluster's nodes, and which series gave it.

        Where nobody knows them: of all that were seen, and those whose size is known.
        """
        power, cpu = self._power(), self.cpu.finish()
        known = {*power, *cpu, *sized} if self.known is None else self.known
        nodes = assemble_nodes(
            self.grid,
            NodeFindings(
                known=sorted(known),
                power={node: found for node, (_, found) in power.items()},
                cpu=cpu,
                cpu_models=self.names.cpu_models,
                frequency=self.frequency.finish(),
            ),
        )
        count = len(nodes.nodes)
        choice = describe_cpu(
            self.cpu_source, self.inventory, nodes=len(cpu.keys() & known), known=count
        )
        if not self.asks_meters:
            return nodes, (choice, ignore_power())
        used: dict[PowerSource, dict[str, str]] = {source: {} for source in self.power}
        for node, (source, found) in power.items():
            if node in known:
                used[source][node] = found.reach
        return nodes, (choice, describe_power(used, self.inventory, count))


def _split(
    query: str, read: Callable[[Matrix], None], points: PointRange, *, series: int
) -> Iterator[Job]:
    for part in points.split(series=series, label_bytes=_LABEL_BYTES):
        yield Job(at_points(query, part, start=points.origin, step=points.step), read)
