"""A meter for machines without one: the power that such a machine usually draws at this load.

It never claims to be more: its quality is `modelled` throughout. The curve is the prior of
published servers (energy.md, section 2), or a file of the user's own measurements::

    {"cores": 64, "points": [[0.0, 102.0], [0.5, 257.0], [1.0, 461.0]]}

utilisation (0 ... 1) and watts of the whole machine; watts are scaled by visible CPUs / cores.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from collector.meters.integral import LONGEST_GAP_SECONDS
from collector.meters.refusal import Refusal
from collector.meters.topology import count_cores
from collector.model import MeterReading, Zone, ZoneReading
from recommender.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLATFORM = Zone("platform")


@dataclass(frozen=True)
class PowerModel:
    """Watts at each utilisation, linear between the points; `reason` says where it comes from."""

    utilisation: tuple[float, ...]
    watts: tuple[float, ...]
    reason: str

    def power(self, utilisation: float) -> float:
        return float(np.interp(utilisation, self.utilisation, self.watts))


class ModelledMeter:
    """Platform joules from the busy time of the node's CPUs and a power model."""

    name = "modelled"

    def __init__(
        self,
        model: PowerModel,
        *,
        procfs_root: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.remarks = (model.reason,)
        self.zones = (PLATFORM,)
        self._file = procfs_root / "stat"
        self._clock = clock
        self._joules = 0.0
        self._last: tuple[float, tuple[int, int]] | None = None

    def read(self) -> MeterReading:
        """Joules so far, from the time that CPUs were busy since the last reading."""
        at = self._clock()
        try:
            ticks = _read_ticks(self._file)
        except (OSError, ValueError) as error:
            return MeterReading(at, (), (f"modelled {self._file}: {error}",))
        last, self._last = self._last, (at, ticks)
        problems: tuple[str, ...] = ()
        if last is not None:
            problems = self._count(at - last[0], ticks[0] - last[1][0], ticks[1] - last[1][1])
        reading = ZoneReading(PLATFORM, self._joules, "modelled", "modelled")
        return MeterReading(at, (reading,), problems)

    def _count(self, seconds: float, busy: int, total: int) -> tuple[str, ...]:
        if seconds > LONGEST_GAP_SECONDS:
            return (f"modelled: {seconds:.0f} s without a reading are not counted",)
        if seconds > 0.0:
            load = min(max(busy / total, 0.0), 1.0) if total > 0 else 0.0
            self._joules += self.model.power(load) * seconds
        return ()


def find_modelled(
    procfs_root: Path,
    *,
    curve_file: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ModelledMeter | Refusal:
    """A model of the machine at `procfs_root`; UsageError for a curve file that cannot be meant."""
    cores = count_cores(procfs_root)
    if cores == 0:
        return Refusal("modelled", f"{procfs_root / 'stat'} does not tell the busy time of CPUs")
    if curve_file is None:
        model = prior_model(_read_cpu_model(procfs_root), cores=cores)
    else:
        model = read_power_model(curve_file, cores=cores)
    return ModelledMeter(model, procfs_root=procfs_root, clock=clock)


def prior_model(cpu_model: str, *, cores: int) -> PowerModel:
    """The prior curve of published servers for a machine of `cores` logical CPUs."""
    from recommender.energy.prior import estimate_prior  # noqa: PLC0415 - a node with a meter saves 1 MB

    empty = np.empty(0)
    curve = estimate_prior(cpu_model, cores=float(cores), utilisation=empty, watts=empty).curve
    grid = np.linspace(0.0, 1.0, 101)
    return PowerModel(tuple(grid.tolist()), tuple(curve.power(grid).tolist()), curve.reason)


def read_power_model(path: Path, *, cores: int) -> PowerModel:
    """The user's curve, scaled to `cores`. Raises UsageError saying what is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        measured = float(document["cores"])
        points = [(float(load), float(watts)) for load, watts in document["points"]]
    except OSError as error:
        raise UsageError(f"the power curve {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f'{path} is no power curve; write {{"cores": 64, "points": [[0, 100], [1, 400]]}} '
            "with utilisation in 0 ... 1 and watts"
        ) from error
    _check_points(path, measured, points)
    scale = cores / measured
    return PowerModel(
        tuple(load for load, _ in points),
        tuple(watts * scale for _, watts in points),
        f"power modelled by {path}, {measured:g} cores there and {cores} here",
    )


def _check_points(path: Path, cores: float, points: list[tuple[float, float]]) -> None:
    """A node never draws negative power and never gets thriftier by working more."""
    if not cores > 0.0 or len(points) < 2 or not np.isfinite([cores, *sum(points, ())]).all():
        raise UsageError(f"{path}: more than zero cores and at least two finite points are needed")
    if any(after[0] <= before[0] for before, after in pairwise(points)):
        raise UsageError(f"{path}: utilisation must rise from point to point")
    if points[0][0] < 0.0 or points[-1][0] > 1.0:
        raise UsageError(f"{path}: utilisation lies in 0 ... 1")
    watts = [value for _, value in points]
    if watts[0] < 0.0 or any(after < before for before, after in pairwise(watts)):
        raise UsageError(f"{path}: watts are not negative and never fall with utilisation")


def _read_ticks(path: Path) -> tuple[int, int]:
    """Busy and total ticks of all CPUs together.

    Fields of the line `cpu`: user nice system idle iowait irq softirq steal; guest time is
    counted in user already. Stolen time is another machine's work.
    """
    with path.open("rb") as stream:
        fields = stream.readline().split()
    if not fields or fields[0] != b"cpu" or len(fields) < 5:
        raise ValueError("does not begin with the busy time of all CPUs")
    ticks = [int(field) for field in fields[1:9]]
    total = sum(ticks)
    stolen = ticks[7] if len(ticks) > 7 else 0
    return total - sum(ticks[3:5]) - stolen, total


def _read_cpu_model(procfs_root: Path) -> str:
    try:
        with (procfs_root / "cpuinfo").open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""
