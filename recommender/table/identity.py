"""Whose a row is: its five names to the number of a pod's container, and to a row of history."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from recommender.model.identity import SHORT_KINDS, ContainerRef, WorkloadRef
from recommender.table.fault import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from recommender.table.block import Block

    Names: TypeAlias = tuple[str, str, str, str, str]

NAMES = ("namespace", "workload", "kind", "container", "pod")

_KINDS = {kind.lower(): kind for kind in SHORT_KINDS} | {
    short: kind for kind, short in SHORT_KINDS.items()
}
_BAD = -1


class PodBook:
    """Numbers pods' containers as they turn up, and the rows of their workloads' containers.

    `refs` names the rows.
    """

    def __init__(self) -> None:
        self.refs: list[ContainerRef] = []
        self._row: list[int] = []
        self._pod: list[int] = []
        self._arrays = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._rows: dict[ContainerRef, int] = {}
        self._numbers: dict[Names, int] = {}
        self._pods: dict[tuple[str, str], int] = {}
        self._seen = 0

    @property
    def row(self) -> NDArray[np.int64]:
        """The row of each number."""
        return self._as_arrays()[0]

    @property
    def pod(self) -> NDArray[np.int64]:
        """The pod of each number: containers of one pod have the same."""
        return self._as_arrays()[1]

    def _as_arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if len(self._arrays[0]) != len(self._row):
            self._arrays = (np.array(self._row, np.int64), np.array(self._pod, np.int64))
        return self._arrays

    def find(self, block: Block) -> NDArray[np.int64]:
        """The number of each row of a block [B]; rows that lack a name are rejected: -1."""
        columns = [block.columns[name] for name in NAMES]
        keys = list(zip(*columns, strict=True))
        found = list(map(self._numbers.get, keys))
        if None in found:
            for at, key in enumerate(keys):
                if found[at] is None:
                    found[at] = self._enter(key)
        numbers = np.array(found, dtype=np.int64)
        for at in np.flatnonzero(numbers == _BAD).tolist():
            block.reject(at, lambda at=at: _complain(keys[at]))  # type: ignore[misc]
        return numbers

    def keep(self, numbers: Iterable[int]) -> None:
        """Forget the names of all others: pods come and go, and the bins of theirs are done."""
        kept = set(numbers) | {_BAD}
        self._numbers = {key: number for key, number in self._numbers.items() if number in kept}
        pods = {self._pod[number] for number in kept if number != _BAD}
        self._pods = {key: pod for key, pod in self._pods.items() if pod in pods}

    def _enter(self, key: Names) -> int:
        known = self._numbers.get(key)
        if known is not None:  # earlier in the same block
            return known
        namespace, workload, kind, container, pod = (name.strip() for name in key)
        if not all((namespace, workload, kind, container, pod)):
            return self._numbers.setdefault(key, _BAD)
        kind = _KINDS.get(kind.lower(), kind)
        clean = (namespace, workload, kind, container, pod)
        if clean in self._numbers:  # the same written in another way
            return self._numbers.setdefault(key, self._numbers[clean])
        ref = ContainerRef(WorkloadRef(namespace, kind, workload), container)
        row = self._rows.get(ref)
        if row is None:
            row = self._rows[ref] = len(self.refs)
            self.refs.append(ref)
        number = self._numbers[key] = self._numbers[clean] = len(self._row)
        self._row.append(row)
        self._pod.append(self._pods.setdefault((namespace, pod), self._seen))
        self._seen = max(self._seen, self._pod[-1] + 1)
        return number


def _complain(key: Names) -> str:
    lacking = [name for name, cell in zip(NAMES, key, strict=True) if not cell.strip()]
    return f"no {' and no '.join(lacking)} ({quote(','.join(key))})"
