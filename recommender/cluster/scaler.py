"""HorizontalPodAutoscalers that look at CPU: what they scale, and where they hold it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from recommender.model.cluster import CpuScaler
from recommender.model.identity import WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.cluster.manifest import Hpa, NamedResource


class NamedScaler(msgspec.Struct, frozen=True):
    """An HPA on CPU, by its name."""

    name: str
    scaler: CpuScaler


def find_cpu_scalers(hpas: Sequence[Hpa]) -> dict[WorkloadRef, NamedScaler]:
    """By what they scale: the HPAs that look at CPU, of the pods or of one container.

    Of several on one workload the first on CPU counts, and none of them decides alone.
    """
    found: dict[WorkloadRef, NamedScaler] = {}
    count = Counter(_scaled_by(hpa) for hpa in hpas)
    for hpa in hpas:
        ref = _scaled_by(hpa)
        scaler = _read_cpu_scaler(hpa, is_only=count[ref] == 1)
        if scaler is not None:
            found.setdefault(ref, NamedScaler(hpa.metadata.name, scaler))
    return found


def _scaled_by(hpa: Hpa) -> WorkloadRef:
    target = hpa.spec.scale_target_ref
    return WorkloadRef(hpa.metadata.namespace, target.kind, target.name)


def _read_cpu_scaler(hpa: Hpa, *, is_only: bool) -> CpuScaler | None:
    """How this HPA holds CPU; None where it does not look at it.

    A Resource metric is of all containers of a pod together, a ContainerResource metric of one.
    With several metrics an HPA takes the one that asks for the most replicas.
    """
    metrics = hpa.spec.metrics or []
    resources = [part for each in metrics for part in (each.resource, each.container_resource)]
    on_cpu = [each for each in resources if each is not None and each.name == "cpu"]
    if not on_cpu:
        return None
    least = hpa.spec.min_replicas
    return CpuScaler(
        utilisation=_read_utilisation(on_cpu[0]),
        container=on_cpu[0].container or "",
        least=1 if least is None else max(least, 0),
        most=max(hpa.spec.max_replicas or 0, 0),
        is_alone=is_only and len(metrics) == 1,
    )


def _read_utilisation(metric: NamedResource) -> float | None:
    percent = metric.target.average_utilization if metric.target else None
    return percent / 100.0 if percent is not None and percent > 0 else None
