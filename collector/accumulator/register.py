"""From registers that wrap and reset to counters that only grow."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from collector.model import Quality, Zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.model import MeterReading, ZoneReading

MICRO = 1_000_000

PLAUSIBLE_WATTS = {
    "package": 2_000.0,
    "core": 2_000.0,
    "uncore": 1_000.0,
    "dram": 1_000.0,
    "gpu": 3_000.0,
}
"""More than any zone of that kind draws: the hungriest packages sold draw 500 W, with peaks of
twice that. A jump beyond is a reset or a glitch, not energy."""

PLAUSIBLE_WATTS_OTHER = 20_000.0
"""Whole machines (psys, platform): the largest power supplies of one node together."""

SLACK_SECONDS = 1.0
"""Registers are updated in steps of their own: a short interval may hold one step more."""

GAP_FACTOR = 2.0
"""Power in an unseen gap is taken to be at most so many times the highest seen."""

_Key: TypeAlias = tuple[Zone, str, Quality]


@dataclass(frozen=True)
class Increment:
    """Energy of one zone since it last told of any.

    `seconds` reach back to the last change of its register: a register that is updated once a
    minute tells of a minute. `is_certain` is False where the span cannot be compared with
    others: a first reading, a reset, a jump that was dropped, a gap that may hold a full round.
    """

    zone: Zone
    source: str
    quality: Quality
    microjoules: int
    seconds: float
    is_certain: bool = True


@dataclass(frozen=True)
class Advance:
    """What readings added; `problems` are sentences about resets, jumps and gaps."""

    increments: tuple[Increment, ...]
    problems: tuple[str, ...]


@dataclass
class _Register:
    raw: int
    read_at: float
    changed_at: float
    total: int = 0
    peak_watts: float = 0.0


class EnergyAccumulator:
    """Counters of all zones, by zone, source and quality."""

    def __init__(self) -> None:
        self._registers: dict[_Key, _Register] = {}

    def advance(self, readings: Sequence[MeterReading]) -> Advance:
        """Add what the meters' registers have grown by since the last call."""
        increments: list[Increment] = []
        problems: list[str] = []
        for reading in readings:
            for zone in reading.zones:
                increment = self._advance_zone(zone, reading.at, problems)
                if increment is not None:
                    increments.append(increment)
        return Advance(tuple(increments), tuple(problems))

    def totals(self) -> dict[tuple[Zone, str, Quality], int]:
        """Microjoules of each zone, source and quality since it was first read."""
        return {key: register.total for key, register in self._registers.items()}

    def state(self) -> list[list[Any]]:
        """All registers as plain lists, for a state file."""
        return [
            [*astuple(zone), source, quality, *astuple(register)]
            for (zone, source, quality), register in self._registers.items()
        ]

    @classmethod
    def restore(cls, state: Any) -> EnergyAccumulator:
        """Counters that go on where `state` ends. Raises ValueError for anything else."""
        accumulator = cls()
        try:
            for name, socket, source, quality, raw, read_at, changed_at, total, peak in state:
                register = _Register(
                    int(raw), float(read_at), float(changed_at), int(total), float(peak)
                )
                accumulator._registers[(Zone(name, socket), source, quality)] = register
        except (TypeError, ValueError) as error:
            raise ValueError(f"not the state of energy counters: {error}") from error
        return accumulator

    def _advance_zone(self, now: ZoneReading, at: float, problems: list[str]) -> Increment | None:
        raw = round(now.joules * MICRO)
        key = (now.zone, now.source, now.quality)
        register = self._registers.get(key)
        if register is None:
            self._registers[key] = _Register(raw, at, at)
            return Increment(*key, 0, 0.0, is_certain=False)
        if at <= register.read_at:
            return None  # the same moment again tells nothing new
        step = _step(now, raw, at=at, register=register)
        seconds = at - register.changed_at
        if step.problem:
            problems.append(f"{_title(now)}: {step.problem}")
        register.total += step.microjoules
        if step.is_certain and step.microjoules and at - register.read_at >= SLACK_SECONDS:
            watts = step.microjoules / MICRO / seconds
            register.peak_watts = max(register.peak_watts, watts)
        if step.microjoules or not step.is_certain:
            register.changed_at = at
        register.raw, register.read_at = raw, at
        return Increment(*key, step.microjoules, seconds, is_certain=step.is_certain)


@dataclass(frozen=True)
class _Step:
    microjoules: int
    is_certain: bool = True
    problem: str = ""


def _step(now: ZoneReading, raw: int, *, at: float, register: _Register) -> _Step:
    """What a register has grown by: by growing, by wrapping, or since a reset."""
    most = _plausible_watts(now.zone) * (at - register.changed_at + SLACK_SECONDS) * MICRO
    span = round(now.range_joules * MICRO)  # less one unit (15 or 61 uJ), which each round loses
    grown = raw - register.raw
    if span and grown < 0:
        grown += span
    if 0 <= grown <= most:
        return _check_gap(now, grown, span=span, gap=at - register.read_at, register=register)
    if raw > register.raw:
        return _Step(
            0,
            is_certain=False,
            problem=f"a jump of {grown / MICRO:.0f} J is not plausible: dropped",
        )
    if 0 <= raw <= most:
        # What this collector integrates itself begins at zero whenever it starts: nothing to say.
        said = f"was reset: {raw / MICRO:.0f} J since then are counted"
        return _Step(raw, is_certain=False, problem=said if now.quality == "measured" else "")
    return _Step(
        0,
        is_certain=False,
        problem=f"was reset to {raw / MICRO:.0f} J, which is not plausible: dropped",
    )


def _check_gap(
    now: ZoneReading, grown: int, *, span: int, gap: float, register: _Register
) -> _Step:
    """Whether a register may have gone round unseen; then the least possible is counted."""
    watts = GAP_FACTOR * register.peak_watts or _plausible_watts(now.zone)
    if not span or watts * gap * MICRO < span:
        return _Step(grown)
    return _Step(
        grown,
        is_certain=False,
        problem=f"{gap:.0f} s without a reading, in which a register of {now.range_joules:.0f} J "
        f"may have gone round more than once: the least possible, {grown / MICRO:.0f} J, counts",
    )


def _plausible_watts(zone: Zone) -> float:
    return PLAUSIBLE_WATTS.get(zone.name, PLAUSIBLE_WATTS_OTHER)


def _title(now: ZoneReading) -> str:
    return f"{now.source} {now.zone.name} {now.zone.socket}".strip()
