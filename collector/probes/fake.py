"""A probe for tests and demos: plays readings back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.model import ActivityReading, Level


class FakeProbe:
    """Answers its readings one after the other, then the last again; remembers what it forgot."""

    def __init__(self, readings: Sequence[ActivityReading]) -> None:
        self._readings = list(readings)
        self.forgotten: set[int] = set()
        self.is_closed = False

    @property
    def level(self) -> Level:
        return self._readings[0].level

    def read(self) -> ActivityReading:
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]

    def forget(self, groups: frozenset[int]) -> None:
        self.forgotten |= groups

    def close(self) -> None:
        self.is_closed = True
