"""Whose a container series is: labels to workload containers, and those to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.history.registry import IGNORED, Identity
from recommender.model.identity import ContainerRef, WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recommender.model.identity import PodOwners

# Labels that tell containers apart for us; others (image, job, endpoint) only tell how it was
# scraped.
POD_LABELS = ("namespace", "pod", "container")
OWNER_LABELS = ("workload", "workload_kind")


def pod_key(labels: Mapping[str, str]) -> tuple[str, ...]:
    """The POD_LABELS of a series."""
    return labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", "")


def labelled_workload(labels: Mapping[str, str]) -> WorkloadRef | None:
    """The workload that joulefit's collector wrote on a series."""
    name, kind = (labels.get(label, "") for label in OWNER_LABELS)
    return WorkloadRef(labels.get("namespace", ""), kind, name) if name and kind else None


class _Workload(msgspec.Struct, frozen=True):
    """A wanted workload, and the rows of its containers: their names are quicker to look up."""

    ref: WorkloadRef
    rows: dict[str, int] = msgspec.field(default_factory=dict)


class ContainerRows:
    """A row for each wanted workload container, in the order in which they turn up.

    `owners` may be replaced by better ones before the first series is identified.
    """

    def __init__(self, owners: PodOwners, wanted: frozenset[WorkloadRef] | None) -> None:
        self.owners = owners
        self._wanted = wanted
        self._rows: dict[ContainerRef, int] = {}
        self._workloads: dict[tuple[str, str], _Workload | None] = {}
        self._found: dict[WorkloadRef, _Workload] = {}
        self._unowned: set[tuple[str, str]] = set()

    @property
    def refs(self) -> list[ContainerRef]:
        """The container of each row."""
        return list(self._rows)

    @property
    def unowned(self) -> list[str]:
        """Pods, as namespace/name, whose workload is not known."""
        return sorted(f"{namespace}/{pod}" for namespace, pod in self._unowned)

    def pods(self) -> Iterator[tuple[str, str, WorkloadRef, list[str]]]:
        """Namespace and name of each pod of a wanted workload, that, and its containers."""
        for (namespace, pod), workload in self._workloads.items():
            if workload is not None:
                yield namespace, pod, workload.ref, list(workload.rows)

    def identify_cpu(self, labels: Mapping[str, str]) -> Identity:
        """A CPU counter: units of a pod's container are its incarnations and, where there is no
        sum of them (cpu="total"), its CPUs.
        """
        incarnation = labels.get("id") or labels.get("name", "")
        return Identity(
            row=self._row(labels),
            group=pod_key(labels),
            unit=(incarnation, labels.get("cpu", "")),
            target=labels.get("instance") or labels.get("node", ""),
        )

    def identify_memory(self, labels: Mapping[str, str]) -> Identity:
        """A memory gauge: of each pod's container the highest counts, whoever reports it."""
        return Identity(row=self._row(labels), group=pod_key(labels))

    def _row(self, labels: Mapping[str, str]) -> int:
        workload = self._workload(labels)
        if workload is None:
            return IGNORED
        container = labels.get("container", "")
        row = workload.rows.get(container)
        if row is None:
            row = self._rows.setdefault(ContainerRef(workload.ref, container), len(self._rows))
            workload.rows[container] = row
        return row

    def _workload(self, labels: Mapping[str, str]) -> _Workload | None:
        """The workload of a pod; None where nobody owns it or nobody wants the owner."""
        key = labels.get("namespace", ""), labels.get("pod", "")
        if key in self._workloads:
            return self._workloads[key]
        ref = self._labelled(labels) or self.owners.owner(*key)
        if ref is None:
            self._unowned.add(key)
        is_wanted = ref is not None and (self._wanted is None or ref in self._wanted)
        found = self._found.setdefault(ref, _Workload(ref)) if ref and is_wanted else None
        self._workloads[key] = found
        return found

    def _labelled(self, labels: Mapping[str, str]) -> WorkloadRef | None:
        """As `labelled_workload`, if it still exists (or if nobody knows which exist)."""
        ref, known = labelled_workload(labels), self.owners.workloads
        return ref if self.owners.guesses or not known or ref in known else None
