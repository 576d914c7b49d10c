"""Tables of usage and of nodes as the evidence of a report."""

from __future__ import annotations

import time
from collections import defaultdict
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from recommender.energy.published import find_server
from recommender.history.assembly import empty_history
from recommender.model.cluster import Amounts, ClusterState, ContainerSpec, NodeLoad, Workload
from recommender.model.history import History, SourceChoice
from recommender.model.recording import Recording
from recommender.table.nodes import read_nodes
from recommender.table.pool import model_pool
from recommender.table.usage import read_usage
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recommender.energy.published import PublishedServer
    from recommender.model.cluster import Node
    from recommender.model.history import NodeHistory
    from recommender.model.identity import WorkloadRef
    from recommender.table.usage import UsageTable

SCHEMA = "table"


class TableSource(msgspec.Struct, frozen=True):
    """Evidence from tables: of usage, and of nodes or, with `server`, modelled ones of that kind.

    With neither there is no price, and so no energy evidence.
    """

    usage: Path
    nodes: Path | None
    server: str
    progress: Callable[[str, int, int], None]

    def read(self) -> Recording:
        """Raises TableError, and UsageError for a server that nobody knows."""
        server = find_server(self.server) if self.server else None
        table = read_usage(self.usage, progress=self.progress)
        pool = self._choose_pool(table, server)
        workloads = _describe_workloads(table, pool.pods_on)
        return Recording(
            created=format_time(time.time()),
            cluster=ClusterState(
                source=f"table {self.usage.name}",
                nodes=pool.nodes,
                workloads=workloads,
                reserved=pool.reserved,
            ),
            history=History(
                usage=table.usage,
                nodes=pool.history,
                sources=(
                    SourceChoice("usage", SCHEMA, f"{self.usage.name}, {table.rows:,} rows"),
                    SourceChoice("memory", SCHEMA, f"{self.usage.name}"),
                    *pool.sources,
                ),
                warnings=(*table.warnings, *pool.warnings),
            ),
            store="tables; no metric store was asked",
        )

    def _choose_pool(self, table: UsageTable, server: PublishedServer | None) -> _Pool:
        if self.nodes is not None:
            return self._read_nodes(self.nodes, table)
        if server is not None:
            return _model_nodes(server, table)
        nothing = tuple(
            SourceChoice(purpose, "", "no table of nodes and no server was named")
            for purpose in ("node cpu", "node power")
        )
        return _Pool((), empty_history(table.usage.grid).nodes, nothing)

    def _read_nodes(self, path: Path, table: UsageTable) -> _Pool:
        found = read_nodes(path, table.usage.grid, progress=self.progress)
        names = {node.name for node in found.nodes}
        pods_on = {
            ref: {name: pods for name, pods in nodes.items() if name in names}
            for ref, nodes in table.pods_on.items()
        }
        rows = f"{path.name}, {found.rows:,} rows"
        return _Pool(
            nodes=found.nodes,
            history=found.history,
            sources=tuple(
                SourceChoice(purpose, SCHEMA, rows) for purpose in ("node cpu", "node power")
            ),
            pods_on=pods_on,
            reserved=_sum_requests(table, pods_on, names),
            warnings=found.warnings,
        )


class _Pool(msgspec.Struct, frozen=True):
    """The nodes, which pods run on them, and where that is known from."""

    nodes: tuple[Node, ...]
    history: NodeHistory
    sources: tuple[SourceChoice, ...]
    pods_on: dict[WorkloadRef, dict[str, int]] = msgspec.field(default_factory=dict)
    reserved: dict[str, NodeLoad] = msgspec.field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def _model_nodes(server: PublishedServer, table: UsageTable) -> _Pool:
    pool = model_pool(table, server)
    curve = f"{server.name} ({server.cpu}, SPECpower_ssj2008, {server.year})"
    return _Pool(
        nodes=pool.nodes,
        history=pool.history,
        sources=(
            SourceChoice("node cpu", SCHEMA, "MODELLED: the pods on it, no system beside them"),
            SourceChoice("node power", SCHEMA, f"MODELLED: published curve of {curve}"),
        ),
        pods_on=pool.pods_on,
        reserved=pool.reserved,
        warnings=(
            f"nodes and their power are modelled: {len(pool.nodes)} x {server.name} hold the pods",
        ),
    )


def _describe_workloads(
    table: UsageTable, pods_on: dict[WorkloadRef, dict[str, int]]
) -> tuple[Workload, ...]:
    containers: defaultdict[WorkloadRef, list[ContainerSpec]] = defaultdict(list)
    for ref, (cores, memory) in sorted(table.requests.items()):
        # A request of zero is none to the scheduler.
        requests = Amounts(
            cpu_millicores=ceil(round(cores * 1000, 6)) if cores else None,
            memory_bytes=ceil(memory) if memory else None,
        )
        containers[ref.workload].append(ContainerSpec(ref.container, requests))
    return tuple(
        Workload(
            ref,
            containers=tuple(specs),
            replicas=table.pods.get(ref, 0),
            pods_on=pods_on.get(ref, {}),
        )
        for ref, specs in containers.items()
    )


def _sum_requests(
    table: UsageTable, pods_on: dict[WorkloadRef, dict[str, int]], names: set[str]
) -> dict[str, NodeLoad]:
    """Requests on each node; empty (unknown) unless it is known of every pod where it runs."""
    if any(sum(pods_on.get(ref, {}).values()) < pods for ref, pods in table.pods.items()):
        return {}
    cores, memory = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for ref, (its_cores, its_memory) in table.requests.items():
        for name, pods in pods_on.get(ref.workload, {}).items():
            cores[name] += pods * (its_cores or 0.0)
            memory[name] += pods * (its_memory or 0.0)
    return {name: NodeLoad(cores[name], memory[name]) for name in sorted(names)}
