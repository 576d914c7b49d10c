"""The workload behind a pod: what stays when a Deployment is rolled or a CronJob runs again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.identity.pod import Pod

_JOB_OF_CRON_JOB = re.compile(r"(?P<name>.+)-(?P<number>\d{8,10})")
_MOST_LATE = 32 * 86400.0


def find_workload(pod: Pod) -> tuple[str, str]:
    """Name and kind: (web, Deployment). A pod that nothing controls is its own workload."""
    if pod.is_static:
        return pod.node, "Node"
    if pod.controller is None:
        return pod.name, "Pod"
    above = _ABOVE.get(pod.controller.kind)
    found = above(pod, pod.controller.name) if above else None
    return found or (pod.controller.name, pod.controller.kind)


def _above_replica_set(pod: Pod, name: str) -> tuple[str, str] | None:
    """A Deployment names its ReplicaSets after itself and the hash of their template, which the
    pods bear as a label; Argo's Rollout does the same with a label of its own.
    """
    for hash_, kind in ((pod.template_hash, "Deployment"), (pod.rollout_hash, "Rollout")):
        if hash_ and name.endswith(f"-{hash_}"):
            return name.removesuffix(f"-{hash_}"), kind
    return None


def _above_job(pod: Pod, name: str) -> tuple[str, str] | None:
    """A CronJob names its Jobs after itself and the minute (before Kubernetes 1.21 the second)
    they were due. A number that is not a time near the pod's beginning is part of the name.
    """
    match = _JOB_OF_CRON_JOB.fullmatch(name)
    if match is None or pod.created_at is None:
        return None
    number = int(match["number"])
    due = number * 60.0 if len(match["number"]) < 10 else float(number)
    return (match["name"], "CronJob") if abs(pod.created_at - due) < _MOST_LATE else None


_ABOVE: dict[str, Callable[[Pod, str], tuple[str, str] | None]] = {
    "ReplicaSet": _above_replica_set,
    "Job": _above_job,
    "Node": lambda pod, _: (pod.node, "Node"),
}
