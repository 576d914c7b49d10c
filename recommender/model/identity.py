"""Names of workloads and containers, and which workload a pod belongs to."""

from __future__ import annotations

import re

import msgspec

SHORT_KINDS = {
    "Deployment": "deploy",
    "StatefulSet": "sts",
    "DaemonSet": "ds",
    "ReplicaSet": "rs",
    "ReplicationController": "rc",
    "Job": "job",
    "CronJob": "cronjob",
}

# The alphabet of generated name suffixes (k8s.io/apimachinery/pkg/util/rand): no vowels, no
# 0, 1, 3, so that no word arises by chance.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_SUFFIX = re.compile(rf"-{_RANDOM}{{5}}$")
# Of a pod template: of 32 bits, so 8 to 10 characters but for one in a hundred.
_HASH = re.compile(rf"-{_RANDOM}{{7,10}}$")
_ORDINAL = re.compile(r"-\d+$")
_MINUTE = re.compile(r"-\d{8,}$")  # of the epoch: eight digits from 1989 to 2160, seconds ten


class WorkloadRef(msgspec.Struct, frozen=True, order=True):
    """A workload: the topmost controller of some pods."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"

    @property
    def short(self) -> str:
        """Kubectl's way to write it: deploy/checkout."""
        return f"{SHORT_KINDS.get(self.kind, self.kind.lower())}/{self.name}"


_KUBECTL_SHORT = {"CronJob": "cj", "Pod": "po"}  # beside the short names that are also shown


def is_meant(ref: WorkloadRef, text: str) -> bool:
    """Whether NAMESPACE/KIND/NAME or NAMESPACE/NAME, as a user types it, names this workload.

    KIND may be short (deploy), full, plural, or with its group; in any case.
    """
    parts = text.split("/")
    if len(parts) == 2:
        return parts == [ref.namespace, ref.name]
    if len(parts) != 3 or (parts[0], parts[2]) != (ref.namespace, ref.name):
        return False
    kind = ref.kind.lower()
    short = ref.short.split("/")[0]
    spellings = {kind, f"{kind}s", short, _KUBECTL_SHORT.get(ref.kind, short)}
    return parts[1].lower().split(".")[0] in spellings


class ContainerRef(msgspec.Struct, frozen=True, order=True):
    """One container of a workload, over all its pods."""

    workload: WorkloadRef
    container: str


class PodOwners(msgspec.Struct, frozen=True):
    """Which workload a pod name of a metric series belongs to, deleted pods included.

    `pods` and `replica_sets` are exact, keyed by (namespace, name) and by (namespace, name
    of the ReplicaSet or Job): the topmost controller of each. `workloads` are the known
    topmost controllers: a pod of a ReplicaSet that is gone is matched against them by the
    pattern of generated names. With `guesses` a name that matches no known workload still
    gives one (for stores without a cluster): what remains without the generated suffixes.
    """

    pods: dict[tuple[str, str], WorkloadRef] = msgspec.field(default_factory=dict)
    replica_sets: dict[tuple[str, str], WorkloadRef] = msgspec.field(default_factory=dict)
    workloads: frozenset[WorkloadRef] = frozenset()
    guesses: bool = False

    def owner(self, namespace: str, pod: str) -> WorkloadRef | None:
        """The workload of this pod, or None for a pod that nobody known controls."""
        exact = self.pods.get((namespace, pod))
        if exact is not None:
            return exact
        parent = _SUFFIX.sub("", pod)
        if parent != pod and (namespace, parent) in self.replica_sets:
            return self.replica_sets[namespace, parent]
        for candidate in _candidates(namespace, pod):
            if candidate in self.workloads:
                return candidate
        if self.guesses:
            return next(iter(_candidates(namespace, pod)), WorkloadRef(namespace, "Pod", pod))
        return None


def _candidates(namespace: str, pod: str) -> list[WorkloadRef]:
    """Workloads whose controllers would have generated this pod name, likeliest first."""
    found = []
    parent = _SUFFIX.sub("", pod)
    if parent != pod:
        if _MINUTE.search(parent):  # name-<scheduled minute>-<random>
            found.append(WorkloadRef(namespace, "CronJob", _MINUTE.sub("", parent)))
        if _HASH.search(parent):
            found.append(WorkloadRef(namespace, "Deployment", _HASH.sub("", parent)))
        found += [
            WorkloadRef(namespace, kind, parent)
            for kind in ("DaemonSet", "Job", "ReplicaSet", "ReplicationController")
        ]
    if _ORDINAL.search(pod):
        found.append(WorkloadRef(namespace, "StatefulSet", _ORDINAL.sub("", pod)))
    return found
