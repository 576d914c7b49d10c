"""One read of a window: which queries, and what becomes of their replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.history.assembly import (
    NodeFindings,
    assemble_nodes,
    assemble_usage,
    warn_of_nodes,
    warn_of_usage,
)
from recommender.history.choice import (
    choose_usage,
    describe_cpu,
    describe_power,
    describe_usage,
    ignore_power,
)
from recommender.history.client import RangeQuery
from recommender.history.container import ContainerRows
from recommender.history.cpu import CpuReader, CpuReduction
from recommender.history.kubestate import KubeState, plan_live, plan_state
from recommender.history.memory import (
    HourGrid,
    MemoryReader,
    MemoryReduction,
    find_kills,
    plan_kills,
)
from recommender.history.nodename import NodeNames, plan_infos
from recommender.history.owner import plan_owners, read_owners
from recommender.history.pipeline import Job
from recommender.history.plan import group_namespaces, split_points
from recommender.history.power import NodeCpuReader, PowerReader
from recommender.history.schema import INFO, KILLS, NODE_CPU, NODE_POWER
from recommender.history.selector import match_any
from recommender.model.history import History
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from recommender.history.discovery import Inventory
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Pipeline
    from recommender.history.plan import NamespaceGroup, Part
    from recommender.history.power import NodePower
    from recommender.history.schema import PowerSource, UsageSchema
    from recommender.history.scope import Scope
    from recommender.model.cluster import ClusterState
    from recommender.model.history import SourceChoice, TimeGrid

_NODE_LABEL_BYTES = 300
_PEAK_LABEL_BYTES = 150
# In one query of memory. Its reply is small, but the store looks at each sample for it: one query
# for the whole window would be the last one under way, for as long as all others together.
_PEAK_DAYS = 2


class Reading:
    """Makes the jobs that read a window, collects what they find, and assembles it.

    Jobs are taken in order: what names nodes and owners comes before what needs the names.
    """

    def __init__(
        self, grid: TimeGrid, scope: Scope, inventory: Inventory, *, asks_meters: bool
    ) -> None:
        self._grid = grid
        self._scope = scope
        self._inventory = inventory
        self._asks_meters = asks_meters
        self._schema = choose_usage(inventory)
        self._names = NodeNames(scope.node_names)
        self._rows = ContainerRows(scope.owners, scope.wanted)
        self._state = KubeState(self._names)
        self._kills: dict[tuple[str, ...], int] = {}
        usual = inventory.usual.get(self._schema.cpu, {}) if self._schema else {}
        self._groups = group_namespaces(usual, wanted=scope.namespaces)
        room = sum(usual.values())
        self._cpu = CpuReduction(grid, room=room)
        self._memory = MemoryReduction(grid, room=room)
        self._node_cpu = NodeCpuReader(grid, self._names)
        self._cpu_source = next((s for s in NODE_CPU if inventory.has(s.metric)), None)
        self._power: dict[PowerSource, PowerReader] = {}
        self._memory_readers: list[MemoryReader] = []
        asked = scope.namespaces
        self._matcher = "" if asked is None else match_any("namespace", asked)

    def jobs(self) -> list[Job]:
        """All that is known to be needed from the start."""
        return [
            *self._naming_jobs(),
            *self._usage_jobs(),
            *self._node_cpu_jobs(),
            *self._power_jobs(),
        ]

    def more_power_jobs(self) -> list[Job]:
        """The next source of node power, while some node has none; empty when there is none."""
        known = set(self._scope.node_names or self._node_cpu.finish())
        return self._power_jobs() if self._power and known - set(self._find_power()) else []

    def _naming_jobs(self) -> Iterator[Job]:
        grid, inventory = self._grid, self._inventory
        if inventory.has(*INFO):
            yield Job(plan_infos(grid), self._names.learn)
        if self._scope.reads_cluster:
            if inventory.has("kube_pod_owner"):
                yield Job(plan_owners(grid), self._take_owners)
            yield Job(plan_state(grid), self._state.read)
            if self._schema:
                yield Job(plan_live(grid, self._schema, self._matcher), self._state.read_live)
        if self._groups and inventory.has(*KILLS):
            yield Job(plan_kills(grid, self._matcher), self._take_kills)

    def _usage_jobs(self) -> Iterator[Job]:
        if self._schema is not None:
            for group in self._groups:
                yield from self._cpu_jobs(self._schema, group)
                yield from self._memory_jobs(self._schema, group)

    def _cpu_jobs(self, schema: UsageSchema, group: NamespaceGroup) -> Iterator[Job]:
        grid = self._grid
        reader = CpuReader(self._cpu, grid, self._rows.identify_cpu)
        query = schema.cpu_query(group.matcher)
        for part in split_points(grid.bins + 1, series=group.series):
            yield Job(_at_points(query, grid, part), reader.read)

    def _memory_jobs(self, schema: UsageSchema, group: NamespaceGroup) -> Iterator[Job]:
        hours = HourGrid(self._grid)
        reader = MemoryReader(
            self._memory, self._grid, self._rows.identify_memory, kills=self._kills
        )
        query = schema.memory_query(group.matcher, seconds=hours.step)
        # Point 0 ends no hour of the grid.
        parts = split_points(
            hours.points,
            series=group.series,
            label_bytes=_PEAK_LABEL_BYTES,
            offset=1,
            longest=_PEAK_DAYS * DAY // hours.step,
        )
        yield from (Job(_at_points(query, hours, part), reader.read) for part in parts)
        self._memory_readers.append(reader)

    def _node_cpu_jobs(self) -> Iterator[Job]:
        source = self._cpu_source
        if source is not None:
            series = self._inventory.count(source.metric)
            yield from self._node_jobs(source.query, self._node_cpu.read, series)

    def _power_jobs(self) -> list[Job]:
        """Jobs of the best source that exists and was not asked yet."""
        for source in NODE_POWER if self._asks_meters else ():
            if source not in self._power and self._inventory.has(*source.metrics):
                reader = self._power[source] = PowerReader(source, self._grid, self._names)
                query = source.query.replace("[STEP]", f"[{self._grid.step}s]")
                series = 2 * self._inventory.count(*source.metrics)  # dram beside each package
                return list(self._node_jobs(query, reader.read, series))
        return []

    def _node_jobs(self, query: str, read: Callable[[Matrix], None], series: int) -> Iterator[Job]:
        grid = self._grid
        parts = split_points(grid.bins + 1, series=series, label_bytes=_NODE_LABEL_BYTES)
        for part in parts:
            yield Job(_at_points(query, grid, part), read)

    def _take_owners(self, matrix: Matrix) -> None:
        self._rows.owners = read_owners(matrix)

    def _take_kills(self, matrix: Matrix) -> None:
        self._kills.update(find_kills(matrix))

    def _find_power(self) -> dict[str, tuple[PowerSource, NodePower]]:
        """Power of each node by the best source that has some."""
        found: dict[str, tuple[PowerSource, NodePower]] = {}
        for source, reader in self._power.items():
            for node, power in reader.finish().items():
                found.setdefault(node, (source, power))
        return found

    def finish(self, pipeline: Pipeline) -> History:
        """The history; to be called once, after all jobs."""
        for reader in self._memory_readers:
            reader.finish()
        usage = assemble_usage(self._grid, self._rows.refs, self._cpu, self._memory)
        state = self._build_state()
        power, cpu = self._find_power(), self._node_cpu.finish()
        nodes = assemble_nodes(
            self._grid,
            NodeFindings(
                known=sorted(self._known_nodes(state, {*power, *cpu})),
                power={node: found for node, (_, found) in power.items()},
                cpu=cpu,
                cpu_models=self._names.cpu_models,
            ),
        )
        return History(
            usage=usage,
            nodes=nodes,
            sources=tuple(self._describe(power, cpu, len(nodes.nodes))),
            cluster=state,
            queries=pipeline.queries,
            received_bytes=pipeline.received_bytes,
            warnings=(
                *pipeline.warnings,
                *warn_of_usage(usage, self._rows.unowned),
                *warn_of_nodes(nodes, sorted(self._names.strangers), asks_meters=self._asks_meters),
            ),
        )

    def _build_state(self) -> ClusterState | None:
        if not self._scope.reads_cluster:
            return None
        return self._state.build(
            self._rows.owners, namespaces=self._scope.namespaces, killed=self._kills
        )

    def _known_nodes(self, state: ClusterState | None, seen: set[str]) -> set[str]:
        if self._scope.node_names is not None:
            return set(self._scope.node_names)
        return seen | {node.name for node in state.nodes} if state else seen

    def _describe(
        self,
        power: Mapping[str, tuple[PowerSource, NodePower]],
        cpu: Mapping[str, object],
        nodes: int,
    ) -> Iterator[SourceChoice]:
        yield from describe_usage(self._inventory, self._schema)
        yield describe_cpu(self._cpu_source, len(cpu), nodes)
        if not self._asks_meters:
            yield ignore_power()
            return
        used: dict[PowerSource, dict[str, str]] = {source: {} for source in self._power}
        for node, (source, found) in power.items():
            used[source][node] = found.reach
        yield describe_power(used, self._inventory, nodes)


def _at_points(query: str, grid: TimeGrid | HourGrid, part: Part) -> RangeQuery:
    first, last = (grid.start + point * grid.step for point in (part.first, part.last))
    return RangeQuery(query, first, last, grid.step, first_at=part.first)
