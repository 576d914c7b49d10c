"""Zones inside zones: which of them are charged, and with what.

packages, DRAM and GPUs are charged as they are metered. Core and uncore lie inside a package.
A platform meter (else psys) encloses them all: charged is what the others do not tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.accumulator.register import MICRO, Increment
from collector.model import Quality, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REST = Zone("rest")
"""Energy of the platform outside the metered packages, memory and GPUs: fans, disks, losses."""

_INSIDE_A_PACKAGE = frozenset({"core", "uncore"})
_OUTER = ("platform", "psys")
_TRUTH: tuple[Quality, ...] = ("measured", "derived", "modelled", "recorded")


PATIENCE_SECONDS = 60.0
"""So long the remainder waits for a zone that does not tell; then it is charged without."""

DEAF_SECONDS = 600.0
"""A platform meter with nothing beyond the inner zones for so long does not enclose them."""


class Enclosure:
    """Keeps what the outer zones have told beyond the inner ones, to the microjoule.

    The two are not read at the same instant, and a slow platform meter lags: what it has told
    too little is owed, not made up, and the remainder is released only when all zones have told.
    """

    def __init__(self) -> None:
        self._outer_name = ""
        self._inner: set[Zone] = set()
        self._outer: set[Zone] = set()
        self._balance = 0
        self._seconds = 0.0
        self._is_certain = True

    def charged(self, increments: Sequence[Increment]) -> list[Increment]:
        """The increments to charge: they overlap nowhere."""
        inner = [each for each in increments if each.zone.name not in (*_OUTER, *_INSIDE_A_PACKAGE)]
        outer = self._choose_outer(increments)
        self._inner.update(each.zone for each in inner)
        self._outer.update(each.zone for each in outer)
        if not self._inner:
            return outer
        if not self._outer:
            return inner
        return [*inner, *self._weigh(inner, outer)]

    @property
    def problem(self) -> str:
        """A sentence where the outer meter cannot enclose the inner ones, else ""."""
        if self._seconds <= DEAF_SECONDS or self._balance > 0:
            return ""
        return (
            f"{self._outer_name} has told {-self._balance / MICRO:.0f} J less than the zones "
            "inside it: it does not enclose them all, and nothing of it is charged"
        )

    def state(self) -> list[Any]:
        """What is owed, and between whom, for a state file."""
        zones = (sorted(each) for each in (self._inner, self._outer))
        names = ([[zone.name, zone.socket] for zone in each] for each in zones)
        return [self._outer_name, self._balance, *names]

    @classmethod
    def restore(cls, state: Any) -> Enclosure:
        """An enclosure that goes on where `state` ends. Raises ValueError for anything else."""
        enclosure = cls()
        try:
            name, balance, inner, outer = state
            enclosure._outer_name, enclosure._balance = str(name), int(balance)
            enclosure._inner = {Zone(*zone) for zone in inner}
            enclosure._outer = {Zone(*zone) for zone in outer}
        except TypeError as error:
            raise ValueError(f"not the state of an enclosure: {error}") from error
        return enclosure

    def _choose_outer(self, increments: Iterable[Increment]) -> list[Increment]:
        """The outermost zones there are: once a platform meter was seen, psys lies inside it."""
        found = {each.zone.name for each in increments} | {self._outer_name}
        name = next((name for name in _OUTER if name in found), "")
        if name != self._outer_name:
            self._outer_name, self._balance, self._seconds = name, 0, 0.0
            self._outer.clear()
        return [each for each in increments if each.zone.name == name]

    def _weigh(self, inner: list[Increment], outer: list[Increment]) -> list[Increment]:
        """The remainder as an increment, once every zone has told; empty until then."""
        both = [*inner, *outer]
        self._is_certain &= all(each.is_certain for each in both)
        self._balance += sum(each.microjoules for each in outer)
        self._balance -= sum(each.microjoules for each in inner)
        self._seconds += max((each.seconds for each in outer if each.microjoules), default=0.0)
        if not all(each.is_certain for each in outer):
            self._balance = max(self._balance, 0)  # what it lost it will never tell
        missing = (self._inner | self._outer) - {each.zone for each in both}
        if self._balance <= 0 or (missing and self._seconds < PATIENCE_SECONDS):
            return []
        remainder = Increment(
            REST,
            source=outer[0].source if outer else self._outer_name,
            quality=max((each.quality for each in both), key=_TRUTH.index),
            microjoules=self._balance,
            seconds=self._seconds,
            is_certain=self._is_certain and not missing,
        )
        self._balance, self._seconds, self._is_certain = 0, 0.0, True
        return [remainder]
