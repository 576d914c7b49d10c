"""The work of workloads: by the metric of an EnergyProfile, else by instructions retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from recommender.errors import JoulefitError
from recommender.model.identity import is_meant
from recommender.model.profile import MetricSelector
from recommender.model.work import WorkEvidence, WorkRate

if TYPE_CHECKING:
    from recommender.model.cluster import ClusterState
    from recommender.model.history import TimeGrid
    from recommender.model.identity import PodOwners, WorkloadRef
    from recommender.model.profile import WorkMetric

INSTRUCTIONS = "joulefit_container_instructions_total"


class WorkSource(Protocol):
    """The store's edge for work: one that reads each time, or one that keeps what it read."""

    def read(
        self, series: MetricSelector, ref: WorkloadRef, *, owners: PodOwners, grid: TimeGrid
    ) -> WorkRate: ...


def read_work(
    cluster: ClusterState, source: WorkSource, *, grid: TimeGrid, explained: str = ""
) -> dict[WorkloadRef, WorkEvidence]:
    """What is known of the work of each that is shown and has an EnergyProfile or is `explained`.

    Instructions are asked for where its own metric tells nothing. What goes wrong with one is
    said in its evidence and ends nothing else.
    """
    metrics: dict[WorkloadRef, WorkMetric | None] = {
        each.ref: None for each in cluster.workloads if is_meant(each.ref, explained)
    }
    metrics |= {
        vpa.target: vpa.profile.work_metric
        for vpa in reversed(cluster.vpas)
        if vpa.profile and vpa.target and not vpa.problem and vpa.is_shown
    }
    asked = _Question(source, cluster.owners, grid)
    return {ref: asked.evidence(ref, metric) for ref, metric in sorted(metrics.items())}


class _Question:
    """What is asked of one source about one grid."""

    def __init__(self, source: WorkSource, owners: PodOwners, grid: TimeGrid) -> None:
        self._source = source
        self._owners = owners
        self._grid = grid

    def evidence(self, ref: WorkloadRef, metric: WorkMetric | None) -> WorkEvidence:
        rate, failure = (None, "") if metric is None else self._ask(metric.series, ref)
        if rate is not None and not rate.flaw and np.isfinite(rate.per_second).any():
            return WorkEvidence(metric=rate)
        labels = {"workload": ref.name, "workload_kind": ref.kind}
        retired, _ = self._ask(MetricSelector(INSTRUCTIONS, labels), ref)
        return WorkEvidence(rate, failure, retired)

    def _ask(self, series: MetricSelector, ref: WorkloadRef) -> tuple[WorkRate | None, str]:
        """The rate, or None and what went wrong."""
        try:
            return self._source.read(series, ref, owners=self._owners, grid=self._grid), ""
        except JoulefitError as error:
            return None, str(error)
