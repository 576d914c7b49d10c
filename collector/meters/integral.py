"""Joules out of watts that are read now and then."""

from __future__ import annotations

LONGEST_GAP_SECONDS = 120.0
"""Between two readings further apart nobody knows the power: nothing is counted for that time."""


class Integral:
    """The trapezoid sum of watts over time."""

    def __init__(self) -> None:
        self.joules = 0.0
        self._at: float | None = None
        self._watts = 0.0

    def add(self, at: float, watts: float) -> str:
        """Count the time since the last call at the mean of both powers.

        The answer is a sentence about time that could not be counted, else "".
        """
        last, before = self._at, self._watts
        self._at, self._watts = at, watts
        if last is None or at <= last:
            return ""
        if at - last > LONGEST_GAP_SECONDS:
            return f"{at - last:.0f} s without a reading: the energy of that time is not known"
        self.joules += (before + watts) / 2.0 * (at - last)
        return ""
