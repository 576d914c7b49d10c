"""Where evidence comes from: the live edges or a recording, as one `Recording`.

A live run and the recording made of it are the same object, so their reports are the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from recommender.cluster.part import is_narrowed, warn_of_part
from recommender.errors import NoDataError, StoreError, UsageError
from recommender.history.assembly import empty_history
from recommender.history.store_reader import Scope
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, is_meant
from recommender.model.recording import Recording
from recommender.recording import choose_recorded_settings, read_recording
from recommender.settings import ClusterSettings
from recommender.units import MINUTE, format_duration, format_time
from recommender.work import read_work

if TYPE_CHECKING:
    from pathlib import Path

    from recommender.history.latency import LatencyReader
    from recommender.model.cluster import ClusterState
    from recommender.model.history import History
    from recommender.model.identity import WorkloadRef
    from recommender.model.work import WorkEvidence
    from recommender.settings import WindowSettings
    from recommender.work import WorkSource

MOST_BINS = 100_000
"""Of a window: eleven months of five minutes, eleven days of ten seconds. A thousand containers in
so many bins are 0.6 GB."""


class HistoryReader(Protocol):
    """The store's edge: one that reads all each time, or one that keeps what it read."""

    @property
    def kept(self) -> History | None: ...

    def read(self, grid: TimeGrid, scope: Scope) -> History: ...


class ClusterSource(Protocol):
    """The API server's edge."""

    def read(self) -> ClusterState: ...


class RecordedSource(msgspec.Struct, frozen=True):
    """Evidence from a recording file; with `namespaces`, of their workloads and VPAs only.

    The nodes stay whole, since the price is the pool's. With `sees_all` the other workloads stay
    too and are not shown, since its tier is the pool's as well.
    """

    path: Path
    namespaces: tuple[str, ...] = ()
    sees_all: bool = False

    def read(self) -> Recording:
        recording = read_recording(self.path)
        if not self.namespaces:
            return recording
        narrow = _show if self.sees_all else _keep
        cluster = narrow(recording.cluster, frozenset(self.namespaces))
        there = {each.ref.namespace for each in cluster.workloads}
        there |= {vpa.namespace for vpa in cluster.vpas}
        warnings = [
            f"nothing was recorded in namespace {namespace}; is its name right?"
            for namespace in dict.fromkeys(self.namespaces)
            if namespace not in there
        ]
        if not self.sees_all:
            warnings.append(warn_of_part(ClusterSettings(namespace=self.namespaces)))
        return replace(recording, cluster=replace(cluster, warnings=(*cluster.warnings, *warnings)))


class LiveSource(msgspec.Struct, frozen=True):
    """Evidence from the metric store and, unless `cluster` is None, from the API server.

    `work` is asked for the work of the workloads whose EnergyProfile names a metric of it. With
    `explained` (NAMESPACE/KIND/NAME) of all workloads only those with a VPA of ours are read and
    that one: what decides is the pool that a service sees. Where -n or -l narrow what is read,
    and not only what is shown (`sees_all`), a warning says so.

    With `keeps_going` a store that cannot be read is no error: what an earlier read gave stands
    in, or nothing, and `Recording.unread` says why. `settle`: seconds by which the window ends
    before now. With `nodes_only` no container's history is read where an API server tells what
    is requested. `latency` reads what EnergyProfiles name; without it none is known.
    """

    store: HistoryReader
    cluster: ClusterSource | None
    settings: ClusterSettings
    window: WindowSettings
    store_name: str
    work: WorkSource | None = None
    explained: str = ""
    keeps_going: bool = False
    settle: float = 0.0
    nodes_only: bool = False
    latency: LatencyReader | None = None
    sees_all: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for a window of too many bins: a service would meet it each minute."""
        _check_bins(self.window)

    def read(self) -> Recording:
        now = time.time()
        grid = choose_grid(self.window, now=now, settle=self.settle)
        state = self._read_cluster()
        history, unread = self._read_history(grid, self._scope(state))
        cluster = state or history.cluster
        if cluster is None:  # the store reader builds one whenever it is asked to
            raise AssertionError("a run without an API server reads the cluster from the store")
        if self._sees_a_part():
            note = warn_of_part(self.settings)
            cluster = replace(cluster, warnings=(*cluster.warnings, note))
        return Recording(
            created=format_time(now),
            cluster=cluster,
            history=self._add_latency(
                replace(history, cluster=None, work=self._read_work(cluster, history)), cluster
            ),
            store=self.store_name,
            settings=choose_recorded_settings(self.settings, self.window),
            unread=unread,
        )

    def _sees_a_part(self) -> bool:
        return is_narrowed(self.settings) and not self.sees_all and not self.nodes_only

    def _add_latency(self, history: History, cluster: ClusterState) -> History:
        guards = {
            vpa.target: vpa.profile.latency
            for vpa in cluster.vpas
            if vpa.target and vpa.profile and vpa.profile.latency and not vpa.profile.problem
        }
        if self.latency is None or not guards:
            return history
        usage, warnings = self.latency.attach(history.usage, guards, owners=cluster.owners)
        return replace(history, usage=usage, warnings=(*history.warnings, *warnings))

    def _read_history(self, grid: TimeGrid, scope: Scope) -> tuple[History, str]:
        try:
            return self.store.read(grid, scope), ""
        except (StoreError, NoDataError) as error:
            if not self.keeps_going:
                raise
            return self.store.kept or empty_history(grid), str(error)

    def _read_work(
        self, cluster: ClusterState, history: History
    ) -> dict[WorkloadRef, WorkEvidence]:
        if self.work is None:
            return {}
        return read_work(cluster, self.work, grid=history.usage.grid, explained=self.explained)

    def _read_cluster(self) -> ClusterState | None:
        if self.cluster is None:
            return None
        state = self.cluster.read()
        return _keep_explained(state, self.explained) if self.explained else state

    def _scope(self, state: ClusterState | None) -> Scope:
        if state is None:
            return Scope(
                namespaces=frozenset(self.settings.namespace) or None,
                owners=PodOwners(guesses=True),
                wanted=None,
                reads_cluster=True,
                node_names=None,
            )
        wanted = frozenset(workload.ref for workload in state.workloads if not self.nodes_only)
        return Scope(
            namespaces=frozenset(ref.namespace for ref in wanted),
            owners=state.owners,
            wanted=wanted,
            reads_cluster=False,
            node_names=frozenset(node.name for node in state.nodes),
        )


def choose_grid(window: WindowSettings, *, now: float, settle: float = 0.0) -> TimeGrid:
    """The bins of the window. Raises UsageError for an end in the future, and for too many."""
    _check_bins(window)
    end = now - settle if window.end is None else window.end
    if end > now + MINUTE:
        raise UsageError(f"--end {format_time(end)} lies in the future; leave it out for now")
    return TimeGrid.ending(end, window.history, step=window.step)


def _check_bins(window: WindowSettings) -> None:
    bins = window.history / window.step
    if bins > MOST_BINS:
        raise UsageError(
            f"--history {format_duration(window.history)} in --step "
            f"{format_duration(window.step)} is {bins:,.0f} time bins, more than "
            f"{MOST_BINS:,}; give a longer --step or a shorter --history"
        )


def _keep_explained(state: ClusterState, explained: str) -> ClusterState:
    """The workloads that a service sizes, since their pool is replayed with them, and this one.

    Where none is meant: those of its namespace, of which one may have been.
    """
    meant = {each.ref for each in state.workloads if is_meant(each.ref, explained)}
    if not meant:
        near = _keep(state, frozenset((explained.partition("/")[0],)))
        return near if near.workloads else state
    wanted = meant | {vpa.target for vpa in state.vpas if vpa.target and not vpa.problem}
    kept = tuple(each for each in state.workloads if each.ref in wanted)
    return replace(state, workloads=kept)


def _keep(state: ClusterState, namespaces: frozenset[str]) -> ClusterState:
    return replace(
        state,
        workloads=tuple(each for each in state.workloads if each.ref.namespace in namespaces),
        vpas=tuple(vpa for vpa in state.vpas if vpa.namespace in namespaces),
        rivals=tuple(each for each in state.rivals if each.target.namespace in namespaces),
    )


def _show(state: ClusterState, namespaces: frozenset[str]) -> ClusterState:
    return replace(
        state,
        workloads=tuple(
            replace(each, is_shown=each.ref.namespace in namespaces) for each in state.workloads
        ),
        vpas=tuple(replace(vpa, is_shown=vpa.namespace in namespaces) for vpa in state.vpas),
    )
