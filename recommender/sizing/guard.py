"""The guard of the service level: where pods suffered of late, requests rise and never fall.

A day was bad if its limit held the container back for more than 1 % of the time, if it waited
for a CPU more than 10 % of the time in hours in which it used most of its request, or if the
latency that its EnergyProfile names was above what that allows in any hour. Then the request is
at least Q(u) / rho, and not lowered until seven clean days have passed (energy.md, 4).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.report import Reason
from recommender.sizing.resource import describe_amount, round_up

if TYPE_CHECKING:
    from recommender.sizing.strain import Hours, Strain

RHO = 0.8
"""Use of a request up to which work hardly waits: it waits rho / (1 - rho) of its own length for a
single server, 4 times at 0.8 and 9 times at 0.9."""

MOST_THROTTLED = 0.01
MOST_PRESSURE = 0.10

CLEAN_DAYS = 7
"""As a week has one day of each kind."""

_DAY_HOURS = 24


class Guard(msgspec.Struct, frozen=True):
    """What the days of the last week were like.

    faults   what was wrong with them, each as it was on the newest day that had it
    bad_day  days from the newest bad one to the last, 0 for the last; None for a clean week
    days     days that are known, at most CLEAN_DAYS
    asked    what is known of them, in words
    """

    faults: tuple[str, ...]
    bad_day: int | None
    days: int
    asked: tuple[str, ...]


class _Sign(msgspec.Struct, frozen=True):
    """One thing that tells of suffering: by hour [H], NaN in hours that do not count.

    `most` is what a day may have of it: on average, or in any hour with `is_worst`.
    """

    name: str
    by_hour: Hours
    most: float
    text: str
    is_worst: bool = False

    def find_fault(self, day: slice) -> str:
        """What was wrong on a day; "" for nothing."""
        counted = self.by_hour[day][~np.isnan(self.by_hour[day])]
        if not len(counted):
            return ""
        value = float(counted.max() if self.is_worst else counted.mean())
        if math.isinf(value):
            return f"{self.name} beyond what its series can tell"
        return self.text.format(value) if value > self.most else ""


def judge_strain(strain: Strain, request: float | None) -> Guard | None:
    """The last week of a container whose request is so many cores, None without one; None where
    nothing but its use is known. Days are counted back from the newest hour that is known.
    """
    signs = _find_signs(strain, request)
    known = np.zeros(len(strain.cores), np.bool_)
    for each in (strain.throttled, strain.pressure, strain.latency):
        known |= False if each is None else ~np.isnan(each)
    hours = np.flatnonzero(known)
    if not len(hours):
        return None
    end = int(hours[-1]) + 1
    days = min(CLEAN_DAYS, -(-(end - int(hours[0])) // _DAY_HOURS))
    faults: dict[str, str] = {}
    bad_day: int | None = None
    for day in range(days):
        part = slice(max(end - (day + 1) * _DAY_HOURS, 0), end - day * _DAY_HOURS)
        for sign in signs:
            fault = sign.find_fault(part)
            if fault:
                faults.setdefault(sign.name, fault)
                bad_day = day if bad_day is None else bad_day
    return Guard(tuple(faults.values()), bad_day, days, tuple(sign.name for sign in signs))


def guard_request(
    guard: Guard | None, covered: float, *, request: int | None, published: int | None
) -> tuple[int, tuple[Reason, ...]]:
    """The least target in millicores, 0 for any, with the step that says why.

    `covered`: cores that the request would cover without the guard, Q(u); `request` is what the
    pods have and `published` what was recommended to them, millicores.
    """
    if guard is None:
        return 0, ()
    if guard.bad_day is None:
        known = f"{', '.join(guard.asked)} of the last {guard.days} d"
        return 0, (Reason("slo guard", "clean", f"{known}: no bad day"),)
    held = max(request or 0, published or 0)
    least = max(round_up(covered * 1000.0 / RHO), held)
    ago = {0: "in the last day", 1: "1 day before it"}.get(
        guard.bad_day, f"{guard.bad_day} days before the last"
    )
    kept = f", no less than the {describe_amount('cpu', held)} of now" if held else ""
    room = f"{describe_amount('cpu', covered * 1000.0)} / {RHO:g}"
    why = f"{', '.join(guard.faults)}, {ago}: at least {room}{kept}, until {CLEAN_DAYS} clean days"
    return least, (Reason("slo guard", describe_amount("cpu", least), why),)


def _find_signs(strain: Strain, request: float | None) -> list[_Sign]:
    signs = []
    is_up = np.isfinite(strain.cores)
    if strain.throttled is not None:
        held_back = np.where(is_up, strain.throttled, np.nan)
        signs.append(
            _Sign("throttling", held_back, MOST_THROTTLED, "held back by its limit {:.1%} of a day")
        )
    if strain.pressure is not None:
        # Waiting counts where the request is nearly used up: else a larger one would not help.
        is_full = is_up & (np.nan_to_num(strain.cores) > RHO * (request or 0.0))
        waiting = np.where(is_full, strain.pressure, np.nan)
        signs.append(
            _Sign(
                "CPU pressure", waiting, MOST_PRESSURE, "waited for a CPU {:.0%} of its busy time"
            )
        )
    if strain.latency is not None:
        text = "latency {:.2g} times what its EnergyProfile allows"
        signs.append(_Sign("latency", strain.latency, 1.0, text, is_worst=True))
    return signs
