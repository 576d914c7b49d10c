"""Requests over time, as our own service and kube-state-metrics export them.

The service tells of every workload that it sizes. kube-state-metrics tells of VPAs: by itself up
to 2.8, later as custom resources under the names that its users gave them. Of what both tell that
is taken which covers more of the window.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

import numpy as np
from msgspec.structs import replace

from recommender.history.client import PrometheusClient, RangeQuery
from recommender.history.owner import own_label
from recommender.history.pipeline import Job, Pipeline
from recommender.history.plan import split_points
from recommender.history.selector import match_any
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.target import Course, TargetHistory, TargetKey
from recommender.units import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from recommender.history.client import QueryClient
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Progress
    from recommender.model.cluster import ClusterState, Rival, Vpa
    from recommender.model.history import TimeGrid
    from recommender.model.target import Policy
    from recommender.settings import StoreSettings

OWN = {
    "joulefit_recommender_request_cores": "cpu",
    "joulefit_recommender_request_bytes": "memory",
}
"""Our service's series by resource, with the labels namespace, workload_kind, workload, container
and policy."""

POLICIES: dict[str, Policy] = {
    "current": "now",
    "rival": "rival",
    "stock": "stock",
    "recommended": "ours",
}
"""What the label `policy` of OWN says. `rival` is the oldest other VPA on the workload."""

_OF_VPAS = (
    "kube_(customresource_)?verticalpodautoscaler_status_recommendation"
    "_containerrecommendations_target(_cpu|_memory)?"
)
_RESOURCES = ("cpu", "memory")
_SUFFIX = re.compile("_(cpu|memory)$")

FEW_CONTAINERS = 50
"""So many are read bin by bin, and named in the query; more are read once an hour, all there are:
recommendations move seldom, and 1,000 containers over 14 days would be 32 million samples."""

_SERIES_OF_A_CONTAINER = 8  # two resources of four policies
_LABEL_BYTES = 350


class TargetSource(Protocol):
    """Where the history of requests comes from. Raises StoreError."""

    def read(self, grid: TimeGrid, cluster: ClusterState) -> TargetHistory: ...


class TargetReader:
    """Reads requests over time from a metric store. `client` stands in for the store in tests."""

    def __init__(
        self,
        settings: StoreSettings,
        *,
        progress: Progress | None = None,
        client: QueryClient | None = None,
    ) -> None:
        """Raises UsageError for settings that make no sense."""
        self._settings = settings
        self._progress = progress
        self._client = client or PrometheusClient(settings)

    def read(self, grid: TimeGrid, cluster: ClusterState) -> TargetHistory:
        """What the store has of the VPAs, rivals and workloads of `cluster`; it may be nothing.

        Raises StoreError and its kinds.
        """
        containers = sum(len(each.containers) for each in cluster.workloads)
        is_few = containers <= FEW_CONTAINERS
        stride = 1 if is_few else max(HOUR // grid.step, 1)
        history = TargetHistory(grid, stride)
        if not cluster.vpas or not containers:
            return history
        intake = _Intake(history, cluster.vpas, cluster.rivals)
        own, others = _select(cluster) if is_few else ("", "")
        series = containers * _SERIES_OF_A_CONTAINER
        pipeline = Pipeline(self._client, self._settings.store_parallel, self._progress)
        pipeline.run(
            "recommendations",
            [
                *_plan(history, _query_own(own), series, intake.take_own),
                *_plan(history, _query_vpas(others), series, intake.take_vpas),
            ],
        )
        return intake.finish()


def _select(cluster: ClusterState) -> tuple[str, str]:
    """Matchers for the workloads and for the VPAs of a small cluster."""
    workloads = {vpa.target.name for vpa in cluster.vpas if vpa.target}
    vpas = {vpa.name for vpa in cluster.vpas} | {rival.name for rival in cluster.rivals}
    return (
        "," + match_any("workload", workloads) if workloads else "",
        "," + match_any("verticalpodautoscaler", vpas),
    )


def _query_own(matcher: str) -> str:
    names = "|".join(OWN)
    labels = "policy,workload,workload_kind,container,exported_container"
    return _query(names, f"{labels},namespace,exported_namespace", matcher)


def _query_vpas(matcher: str) -> str:
    labels = "verticalpodautoscaler,container,exported_container,resource"
    return _query(_OF_VPAS, f"{labels},namespace,exported_namespace", matcher)


def _query(names: str, labels: str, matcher: str) -> str:
    """`max`: two scrapers, or two replicas of the service, are one. A scrape that does not honour
    labels puts what the exporter says under `exported_`.
    """
    return f'max by (__name__,{labels}) ({{__name__=~"{names}"{matcher}}})'


def _plan(
    history: TargetHistory, query: str, series: int, take: Callable[[Matrix], None]
) -> list[Job]:
    grid, step = history.grid, history.stride * history.grid.step
    parts = split_points(history.points, series=series, label_bytes=_LABEL_BYTES)
    return [
        Job(
            RangeQuery(
                query,
                grid.start + part.first * step,
                grid.start + part.last * step,
                step,
                first_at=part.first,
            ),
            take,
        )
        for part in parts
    ]


class _Intake:
    """Takes the replies, and knows whose the VPAs are."""

    def __init__(
        self, history: TargetHistory, vpas: Sequence[Vpa], rivals: Sequence[Rival]
    ) -> None:
        self._history = history
        self._found: defaultdict[TargetKey, dict[str, NDArray[np.float32]]] = defaultdict(dict)
        self._ours = {
            (vpa.namespace, vpa.name): vpa.target for vpa in vpas if vpa.target and not vpa.problem
        }
        self._rivals = {(rival.target.namespace, rival.name): rival.target for rival in rivals}
        self._targets = frozenset(self._ours.values())
        # The oldest stands first, and is set last.
        self._oldest = {rival.target: rival.name for rival in reversed(rivals)}

    def take_own(self, matrix: Matrix) -> None:
        for labels, at, values in matrix.series():
            resource = OWN.get(labels.get("__name__", ""))
            policy = POLICIES.get(labels.get("policy", ""))
            ref = WorkloadRef(
                own_label(labels, "namespace"),
                labels.get("workload_kind", ""),
                labels.get("workload", ""),
            )
            if resource is None or policy is None or ref not in self._targets:
                continue
            rival = self._oldest.get(ref, "") if policy == "rival" else ""
            if policy != "rival" or rival:
                key = TargetKey(_container(ref, labels), resource, policy, rival)
                self._add(key, labels, at, values)

    def take_vpas(self, matrix: Matrix) -> None:
        for labels, at, values in matrix.series():
            suffix = _SUFFIX.search(labels.get("__name__", ""))
            resource = suffix[1] if suffix else labels.get("resource", "")
            vpa = own_label(labels, "namespace"), labels.get("verticalpodautoscaler", "")
            if resource not in _RESOURCES:
                continue
            if (ref := self._ours.get(vpa)) is not None:
                key = TargetKey(_container(ref, labels), resource, "ours")
            elif (ref := self._rivals.get(vpa)) is not None:
                key = TargetKey(_container(ref, labels), resource, "rival", vpa[1])
            else:
                continue
            self._add(key, labels, at, values)

    def _add(
        self,
        key: TargetKey,
        labels: Mapping[str, str],
        at: NDArray[np.int32],
        values: NDArray[np.float64],
    ) -> None:
        row = self._found[key].setdefault(
            labels["__name__"], np.full(self._history.points, np.nan, np.float32)
        )
        is_amount = np.isfinite(values) & (values > 0.0)  # a request of nothing is none
        places = at[is_amount]
        row[places] = np.fmax(row[places], values[is_amount].astype(np.float32))

    def finish(self) -> TargetHistory:
        """Of each request the series that covers most of the window, our own of equals."""
        courses = {}
        for key, found in self._found.items():
            metric = max(found, key=lambda name: (_covered(found[name]), name in OWN, name))
            if _covered(found[metric]):
                courses[key] = Course(found[metric], metric)
        return replace(self._history, courses=courses)


def _container(ref: WorkloadRef, labels: Mapping[str, str]) -> ContainerRef:
    return ContainerRef(ref, own_label(labels, "container"))


def _covered(values: NDArray[np.float32]) -> int:
    return int(np.isfinite(values).sum())
