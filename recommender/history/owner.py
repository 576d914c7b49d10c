"""Owners of pods from kube-state-metrics, for runs that ask no API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.history.client import RangeQuery
from recommender.history.reply import decode_labels
from recommender.history.selector import match_names
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid

_BETWEEN = {"ReplicaSet", "Job"}
_NO_OWNER = {"", "<none>", "Node"}  # the kubelet owns static pods; that makes no workload


def plan_owners(grid: TimeGrid) -> RangeQuery:
    """All owners that pods, ReplicaSets and Jobs had in the window, one point a day."""
    names = match_names(["kube_pod_owner", "kube_replicaset_owner", "kube_job_owner"])
    by = "replicaset,job_name,owner_kind,owner_name," + ",".join(
        f"{prefix}{label}" for label in ("namespace", "pod") for prefix in ("", "exported_")
    )
    query = f"group by ({by}) (last_over_time({names}[{DAY}s]))"
    return RangeQuery(query, grid.end - (grid.days - 1) * DAY, grid.end, DAY)


def read_owners(matrix: Matrix) -> PodOwners:
    """Whose each pod was: through its ReplicaSet or Job to what owns that."""
    above: dict[tuple[str, str, str], WorkloadRef] = {}
    pods: dict[tuple[str, str], WorkloadRef] = {}
    for metric in matrix.metrics:
        labels = decode_labels(metric)
        kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
        if kind in _NO_OWNER:
            continue
        namespace = own_label(labels, "namespace")
        ref = WorkloadRef(namespace, kind, name)
        if labels.get("replicaset"):
            above[namespace, "ReplicaSet", labels["replicaset"]] = ref
        elif labels.get("job_name"):
            above[namespace, "Job", labels["job_name"]] = ref
        else:
            pods[namespace, own_label(labels, "pod")] = ref
    return _join(pods, above)


def _join(
    pods: Mapping[tuple[str, str], WorkloadRef],
    above: Mapping[tuple[str, str, str], WorkloadRef],
) -> PodOwners:
    topmost = {
        key: above.get((ref.namespace, ref.kind, ref.name), ref) for key, ref in pods.items()
    }
    between = {(namespace, name): ref for (namespace, _, name), ref in above.items()}
    between |= {
        (ref.namespace, ref.name): ref
        for ref in pods.values()
        if ref.kind in _BETWEEN and (ref.namespace, ref.name) not in between
    }
    workloads = frozenset(topmost.values()) | frozenset(between.values())
    return PodOwners(topmost, between, workloads, guesses=True)


def own_label(labels: Mapping[str, str], name: str) -> str:
    """What kube-state-metrics says: under `exported_` where the scrape did not honour it."""
    return labels.get(f"exported_{name}") or labels.get(name, "")
