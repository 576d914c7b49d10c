"""Which meters a node has, and why the others are not used."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from collector.meters.hwmon import HwmonMeter, find_hwmon
from collector.meters.modelled import ModelledMeter, find_modelled
from collector.meters.rapl import RaplMeter, find_rapl
from collector.meters.recorded import RecordedMeter, read_recorded
from collector.meters.refusal import Refusal
from recommender.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collector.model import Meter, Zone

MeterName: TypeAlias = Literal["auto", "rapl", "hwmon", "modelled", "recorded"]
_Found: TypeAlias = RaplMeter | HwmonMeter | ModelledMeter | RecordedMeter


@dataclass(frozen=True)
class MeterChoice:
    """What was found; every sentence is for people.

    meters      to be read together; their zones do not overlap; none where nothing is usable
    findings    a sentence per meter used: its zones and how true they are
    refusals    sources that are not used, with the reason
    """

    meters: tuple[Meter, ...]
    findings: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def is_real(self) -> bool:
        """A meter of this node is among them, not only a model or a recording."""
        return any(meter.name in ("rapl", "hwmon") for meter in self.meters)


def choose_meters(
    meter: MeterName = "auto",
    *,
    sysfs_root: Path,
    procfs_root: Path,
    curve_file: Path | None = None,
    recording: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> MeterChoice:
    """Find the node's meters.

    `auto` takes RAPL, and hwmon for what RAPL does not tell (a platform meter, say); the model
    only where neither is there; a recording never. A meter that is asked for by name is used
    alone, and nothing stands in for it. UsageError for files that cannot be meant.
    """
    if meter == "recorded":
        if recording is None:
            raise UsageError("--meter recorded needs a recording: name its file")
        return _conclude([read_recorded(recording, clock=clock)])
    if meter == "modelled":
        return _conclude([find_modelled(procfs_root, curve_file=curve_file, clock=clock)])
    results: list[_Found | Refusal] = []
    if meter in ("auto", "rapl"):
        results.append(find_rapl(sysfs_root, clock=clock))
    if meter in ("auto", "hwmon"):
        results.append(find_hwmon(sysfs_root, known=_known_zones(results), clock=clock))
    if meter == "auto":
        results.append(_model_if_alone(results, procfs_root, curve_file, clock))
    return _conclude(results)


def _known_zones(results: list[_Found | Refusal]) -> frozenset[Zone]:
    return frozenset(
        zone for result in results if not isinstance(result, Refusal) for zone in result.zones
    )


def _model_if_alone(
    results: list[_Found | Refusal],
    procfs_root: Path,
    curve_file: Path | None,
    clock: Callable[[], float],
) -> _Found | Refusal:
    if _known_zones(results):
        return Refusal("modelled", "not needed: this node has a meter")
    return find_modelled(procfs_root, curve_file=curve_file, clock=clock)


def _conclude(results: list[_Found | Refusal]) -> MeterChoice:
    meters = [result for result in results if not isinstance(result, Refusal)]
    refusals = [result for result in results if isinstance(result, Refusal)]
    for meter in meters:
        if not isinstance(meter, ModelledMeter | RecordedMeter):
            refusals.extend(Refusal(meter.name, remark) for remark in meter.remarks)
    return MeterChoice(tuple(meters), tuple(map(_describe, meters)), tuple(refusals))


def _describe(meter: _Found) -> str:
    """`rapl: package 0, package 1, psys`, and what a model or recording says of itself."""
    zones = ", ".join(f"{zone.name} {zone.socket}".strip() for zone in meter.zones)
    if isinstance(meter, ModelledMeter | RecordedMeter):
        return f"{meter.name}: {zones}; {'; '.join(meter.remarks)}"
    return f"{meter.name}: {zones}"
