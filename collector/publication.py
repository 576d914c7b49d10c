"""From the attribution's counters to series that outsiders can add up.

Several owners may carry the same names: a container that was started again is another run. Their
sum is one series, which must not fall when the counters of an ended run are dropped.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from collector.attribution.ledger import WORK_COLUMNS
from collector.model import Owner, list_fields
from collector.snapshot import OwnerTotal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.attribution.snapshot import Snapshot as Counters
    from collector.model import ContainerFacts, Level

MICRO = 1e-6
NANO = 1e-9

_Names: TypeAlias = tuple[str, str, str, str]


@dataclass(slots=True)
class _Sum:
    """Microjoules by zone, part and quality, work, and seconds throttled (None: never told)."""

    energy: defaultdict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    work: list[int] = field(default_factory=lambda: [0] * len(WORK_COLUMNS))
    throttled: float | None = None


def names_of(owner: Owner) -> _Names:
    """What the labels of a series can tell apart."""
    return owner.part, owner.namespace, owner.pod, owner.container or owner.container_id


class Publication:
    """Sums by names, with what dropped runs had while another run carries their names."""

    def __init__(self) -> None:
        self._carried: dict[_Names, _Sum] = {}
        self._throttled: dict[Owner, float] = {}  # a cgroup's own count ends with it

    def see(self, facts: Mapping[Owner, ContainerFacts]) -> None:
        """Remember what the cgroups of running containers tell of themselves."""
        for owner, told in facts.items():
            if told.throttled_seconds is not None:
                self._throttled[owner] = told.throttled_seconds

    def totals(
        self, counters: Counters, facts: Mapping[Owner, ContainerFacts], *, level: Level
    ) -> tuple[OwnerTotal, ...]:
        """The series of all owners, those of the same names as one."""
        sums = {names: _copy(carried) for names, carried in self._carried.items()}
        newest: dict[_Names, Owner] = {}
        for owner, added in self._sums(counters):
            names = names_of(owner)
            if names in sums:
                _add(sums[names], added)
            else:
                sums[names] = added
            known = newest.get(names)
            if known is None or owner in facts:  # a running one knows its workload best
                newest[names] = owner
        return tuple(
            _total(owner, sums[names], facts.get(owner), level) for names, owner in newest.items()
        )

    def carry(self, gone: Iterable[Owner], counters: Counters) -> None:
        """Keep what these owners had by `counters`, where others of their names are still there."""
        leaving = set(gone)
        staying = {names_of(owner) for owner in counters.owners if owner not in leaving}
        for owner, had in self._sums(counters):
            if owner in leaving and names_of(owner) in staying:
                _add(self._carried.setdefault(names_of(owner), _Sum()), had)
        for owner in leaving:
            self._throttled.pop(owner, None)
        self._carried = {
            names: carried for names, carried in self._carried.items() if names in staying
        }

    def state(self) -> dict[str, Any]:
        """As plain lists, for a state file."""
        return {
            "carried": [
                [
                    list(names),
                    [[*key, amount] for key, amount in carried.energy.items()],
                    carried.work,
                    carried.throttled,
                ]
                for names, carried in self._carried.items()
            ],
            "throttled": [[*list_fields(owner), told] for owner, told in self._throttled.items()],
        }

    def restore(self, state: Any) -> None:
        """Go on where `state` ends. Raises ValueError for anything else."""
        try:
            carried = {
                (str(part), str(namespace), str(pod), str(container)): _Sum(
                    defaultdict(
                        int,
                        {(zone, kind, quality): amount for zone, kind, quality, amount in energy},
                    ),
                    [int(each) for each in work],
                    None if throttled is None else float(throttled),
                )
                for (part, namespace, pod, container), energy, work, throttled in state["carried"]
            }
            told = {Owner(*fields): float(told) for *fields, told in state["throttled"]}
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the state of a publication: {error}") from error
        self._carried, self._throttled = carried, told

    def _sums(self, counters: Counters) -> Iterable[tuple[Owner, _Sum]]:
        accounts = [(each.zone.name, each.part, each.quality) for each in counters.accounts]
        keys = list(dict.fromkeys(accounts))  # those of several sockets are one
        energy = np.zeros((len(counters.owners), len(keys)), dtype=np.int64)
        for column, key in enumerate(accounts):
            energy[:, keys.index(key)] += counters.microjoules[:, column]
        rows = zip(counters.owners, energy.tolist(), counters.work.tolist(), strict=True)
        for owner, amounts, work in rows:
            had = _Sum(work=work, throttled=self._throttled.get(owner))
            had.energy.update(zip(keys, amounts, strict=True))
            yield owner, had


def _copy(other: _Sum) -> _Sum:
    return _Sum(other.energy.copy(), [*other.work], other.throttled)


def _add(total: _Sum, other: _Sum) -> None:
    for key, amount in other.energy.items():
        total.energy[key] += amount
    total.work = [a + b for a, b in zip(total.work, other.work, strict=True)]
    if other.throttled is not None:
        total.throttled = (total.throttled or 0.0) + other.throttled


def _total(owner: Owner, had: _Sum, facts: ContainerFacts | None, level: Level) -> OwnerTotal:
    cpu_ns, cycles, instructions, misses = had.work
    counts = level == "counters"
    return OwnerTotal(
        owner=owner,
        joules={key: amount * MICRO for key, amount in had.energy.items()},  # type: ignore[misc]
        cpu_seconds=cpu_ns * NANO,
        cycles=cycles if counts else None,
        instructions=instructions if counts else None,
        cache_misses=misses if counts else None,
        throttled_seconds=had.throttled,
        facts=facts,
    )
