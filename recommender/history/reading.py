"""One read of a window: which queries, and what becomes of their replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recommender.history.assembly import assemble_usage, warn_of_nodes, warn_of_usage
from recommender.history.burst import place_bursts, read_bursts
from recommender.history.choice import choose_usage, describe_usage
from recommender.history.kubestate import KubeState, plan_live, plan_state
from recommender.history.nodes import NodeReading
from recommender.history.owner import plan_owners, read_owners
from recommender.history.pipeline import Job
from recommender.history.plan import group_namespaces
from recommender.history.selector import match_any
from recommender.history.strain import (
    StrainReading,
    choose_strain,
    describe_strain,
    place_strain,
    plan_spans,
)
from recommender.history.usage import UsageReading
from recommender.model.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from recommender.history.discovery import Inventory
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Pipeline
    from recommender.history.scope import Scope
    from recommender.model.cluster import ClusterState
    from recommender.model.history import TimeGrid
    from recommender.model.identity import ContainerRef


class Reading:
    """Makes the jobs that read a window, collects what they find, and assembles it.

    Jobs are taken in order: what names nodes and owners comes before what needs the names.
    `spare` days of room follow the grid in the reductions of usage. With `reads_bursts` the last
    day of one pod of each workload is read by the minute too.
    """

    def __init__(
        self,
        grid: TimeGrid,
        scope: Scope,
        inventory: Inventory,
        *,
        asks_meters: bool,
        reads_bursts: bool = False,
        spare: int = 0,
    ) -> None:
        self._grid = grid
        self._scope = scope
        self._inventory = inventory
        schema = choose_usage(inventory)
        usual = inventory.usual.get(schema.cpu, {}) if schema else {}
        self.usage = UsageReading(
            grid,
            scope,
            inventory,
            group_namespaces(usual, wanted=scope.namespaces),
            schema=schema,
            spare=spare,
        )
        spans = plan_spans(grid, choose_strain(inventory))
        self.strain = StrainReading(scope, spans, self.usage.groups)
        self.bursts: dict[ContainerRef, NDArray[np.float32]] = {}
        self._reads_bursts = reads_bursts
        self.nodes = NodeReading(grid, scope.node_names, inventory, asks_meters=asks_meters)
        self._state = KubeState(self.nodes.names)

    def run(self, pipeline: Pipeline) -> None:
        """Ask for all of it. Raises StoreError."""
        jobs = [
            *self.nodes.naming_jobs(),
            *self.nodes.jobs(),
            *self._state_jobs(),
            *self.usage.kill_jobs(),
            *self.usage.cpu_jobs(),
        ]
        others = [*self.usage.memory_jobs(), *self.strain.jobs()]
        # Small replies over which the store works long: some of them while we read the last large
        # ones of CPU, which name the pods of the bursts, and some while we read those.
        schema = self.usage.schema if self._reads_bursts else None
        later = others[len(others) // 2 :] if schema else []
        pipeline.run("history", [*jobs, *others[: len(others) - len(later)]])
        if schema:
            self.bursts = read_bursts(pipeline, self._grid.end, schema, self.usage, beside=later)
        while more := self.nodes.more_power_jobs():
            pipeline.run("power", more)
        self.usage.finish()

    def _state_jobs(self) -> Iterator[Job]:
        grid, schema = self._grid, self.usage.schema
        if not self._scope.reads_cluster:
            return
        if self._inventory.has("kube_pod_owner"):
            yield Job(plan_owners(grid), self._take_owners)
        yield Job(plan_state(grid), self._state.read)
        if schema:
            asked = self._scope.namespaces
            matcher = "" if asked is None else match_any("namespace", asked)
            yield Job(plan_live(grid, schema, matcher), self._state.read_live)

    def _take_owners(self, matrix: Matrix) -> None:
        self.usage.rows.owners = self.strain.owners = read_owners(matrix)

    def finish(self, pipeline: Pipeline) -> History:
        """The history; to be called once, after all jobs."""
        self.usage.add_rests()
        rows = self.usage.rows
        usage = assemble_usage(self._grid, rows.refs, self.usage.cpu, self.usage.memory)
        usage = place_strain(self.strain.tables(), usage)
        usage = replace(usage, burst=place_bursts(self.bursts, usage.containers))
        state = self._build_state()
        nodes, sources = self.nodes.assemble(node.name for node in (state.nodes if state else ()))
        return History(
            usage=usage,
            nodes=nodes,
            sources=(
                *describe_usage(self._inventory, self.usage.schema),
                *describe_strain(self._inventory),
                *sources,
            ),
            cluster=state,
            queries=pipeline.queries,
            received_bytes=pipeline.received_bytes,
            warnings=(
                *pipeline.warnings,
                *warn_of_usage(usage, rows.unowned),
                *warn_of_nodes(
                    nodes,
                    sorted(self.nodes.names.strangers),
                    asks_meters=self.nodes.asks_meters,
                ),
            ),
        )

    def _build_state(self) -> ClusterState | None:
        if not self._scope.reads_cluster:
            return None
        return self._state.build(
            self.usage.rows.owners,
            namespaces=self._scope.namespaces,
            killed=self.usage.kills.kills,
        )
