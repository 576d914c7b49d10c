"""Where evidence comes from: the live edges or a recording, as one `Recording`.

A live run and the recording made of it are the same object, so their reports are the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recommender.history.store_reader import Scope, StoreReader
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners
from recommender.model.recording import Recording
from recommender.recording import read_recording
from recommender.units import format_time

if TYPE_CHECKING:
    from pathlib import Path

    from recommender.cluster.reader import ClusterReader
    from recommender.model.cluster import ClusterState
    from recommender.settings import WindowSettings


@dataclass(frozen=True)
class RecordedSource:
    """Evidence from a recording file."""

    path: Path

    def read(self) -> Recording:
        return read_recording(self.path)


@dataclass(frozen=True)
class LiveSource:
    """Evidence from the metric store and, unless `cluster` is None, from the API server.

    With `explained` (NAMESPACE/KIND/NAME) only that namespace's history is read, if the
    namespace exists; the nodes stay whole, since the price is the pool's.
    """

    store: StoreReader
    cluster: ClusterReader | None
    window: WindowSettings
    store_name: str
    namespaces: tuple[str, ...] = ()
    explained: str = ""

    def read(self) -> Recording:
        now = time.time()
        end = now if self.window.end is None else min(self.window.end, now)
        grid = TimeGrid.ending(end, self.window.history)
        state = _keep_namespace(self.cluster.read(), self.explained) if self.cluster else None
        history = self.store.read(grid, self._scope(state))
        cluster = state or history.cluster
        if cluster is None:  # the store reader builds one whenever it is asked to
            raise AssertionError("a run without an API server reads the cluster from the store")
        return Recording(
            created=format_time(now),
            cluster=cluster,
            history=replace(history, cluster=None),
            store=self.store_name,
            is_simulated=False,
            is_anonymous=False,
        )

    def _scope(self, state: ClusterState | None) -> Scope:
        if state is None:
            return Scope(
                namespaces=frozenset(self.namespaces) or None,
                owners=PodOwners(guesses=True),
                wanted=None,
                reads_cluster=True,
                node_names=None,
            )
        wanted = frozenset(workload.ref for workload in state.workloads)
        return Scope(
            namespaces=frozenset(ref.namespace for ref in wanted),
            owners=state.owners,
            wanted=wanted,
            reads_cluster=False,
            node_names=frozenset(node.name for node in state.nodes),
        )


def _keep_namespace(state: ClusterState, explained: str) -> ClusterState:
    namespace = explained.partition("/")[0]
    kept = tuple(each for each in state.workloads if each.ref.namespace == namespace)
    return replace(state, workloads=kept) if kept else state
