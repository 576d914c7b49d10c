"""What a workload's own metric says of its work, for the explanation of that workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.errors import JoulefitError
from recommender.model.identity import WorkloadRef
from recommender.sizing.work import explain_failure, explain_work, sum_busy_cores

if TYPE_CHECKING:
    from recommender.history.work import WorkReader
    from recommender.model.profile import WorkMetric
    from recommender.model.recording import Recording
    from recommender.model.report import Reason, WorkloadReport


def read_work(
    evidence: Recording, workload: WorkloadReport, reader: WorkReader | None
) -> Reason | None:
    """The step "work" of a workload; None where its EnergyProfile names no metric.

    `reader` is None where there is no store to ask. What goes wrong is said in the step: the
    explanation stands without it.
    """
    metric = _find_metric(evidence, workload)
    if metric is None:
        return None
    if reader is None:
        return explain_failure(metric, "a recording does not hold it")
    usage = evidence.history.usage
    ref = WorkloadRef(workload.namespace, workload.kind, workload.name)
    try:
        rate = reader.read(metric.series, ref, owners=evidence.cluster.owners, grid=usage.grid)
    except JoulefitError as error:
        return explain_failure(metric, str(error))
    return explain_work(metric, rate, sum_busy_cores(usage, ref), ref=ref)


def _find_metric(evidence: Recording, workload: WorkloadReport) -> WorkMetric | None:
    for vpa in evidence.cluster.vpas:
        if (vpa.namespace, vpa.name) == (workload.namespace, workload.vpa) and vpa.profile:
            return vpa.profile.work_metric
    return None
