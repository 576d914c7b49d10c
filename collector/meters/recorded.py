"""A recording of a meter, played back in real time: for demos and for tests of a whole node.

JSON lines or CSV (by the file's suffix `.csv`), one zone's cumulative joules a line::

    {"seconds": 0, "zone": "package", "socket": "0", "joules": 0}
    seconds,zone,socket,joules

Between lines joules grow evenly; after the last one the recording begins again and the counters
go on. Its quality is `recorded`, always: nothing played back may pass for a measurement.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.model import MeterReading, Zone, ZoneReading
from recommender.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


class _Track:
    """Joules of one zone over the seconds of the recording, from 0 on."""

    def __init__(self, seconds: list[float], joules: list[float]) -> None:
        self.seconds: NDArray[np.float64] = np.array(seconds)
        self.joules: NDArray[np.float64] = np.array(joules) - joules[0]

    def at(self, elapsed: float, *, length: float) -> float:
        rounds, rest = divmod(elapsed, length)
        played = float(np.interp(rest, self.seconds, self.joules))
        return rounds * float(self.joules[-1]) + played


class RecordedMeter:
    """Plays the tracks of one recording from the first reading on."""

    name = "recorded"

    def __init__(
        self,
        tracks: Mapping[Zone, _Track],
        *,
        length: float,
        remarks: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.remarks = remarks
        self.zones = tuple(tracks)
        self._tracks = tracks
        self._length = length
        self._clock = clock
        self._start: float | None = None

    def read(self) -> MeterReading:
        """Joules of every zone since the first reading."""
        at = self._clock()
        start = self._start = at if self._start is None else self._start
        return MeterReading(
            at,
            tuple(
                ZoneReading(zone, track.at(at - start, length=self._length), "file", "recorded")
                for zone, track in self._tracks.items()
            ),
        )


def read_recorded(path: Path, *, clock: Callable[[], float] = time.monotonic) -> RecordedMeter:
    """The recording at `path`. Raises UsageError with the line that cannot be meant."""
    points: dict[Zone, tuple[list[float], list[float]]] = {}
    for number, row in _read_rows(path):
        try:
            zone = Zone(str(row["zone"]), str(row.get("socket") or ""))
            second, joules = float(row["seconds"]), float(row["joules"])
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"{path}, line {number}: seconds, zone, socket and joules are needed"
            ) from error
        seconds, energy = points.setdefault(zone, ([], []))
        if seconds and not (second > seconds[-1] and joules >= energy[-1]):
            raise UsageError(f"{path}, line {number}: seconds must rise, joules must not fall")
        seconds.append(second)
        energy.append(joules)
    first = min((seconds[0] for seconds, _ in points.values()), default=0.0)
    length = max((seconds[-1] for seconds, _ in points.values()), default=0.0) - first
    if not (points and 0.0 < length < float("inf")):
        raise UsageError(f"{path}: a recording needs at least two moments of one zone")
    tracks = {
        zone: _Track([second - first for second in seconds], energy)
        for zone, (seconds, energy) in points.items()
    }
    remark = f"{length:.0f} s of {path} are played back in a loop: no measurement of this node"
    return RecordedMeter(tracks, length=length, remarks=(remark,), clock=clock)


def _read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their line numbers."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the recording {path} cannot be read: {error}") from error
    lines = text.splitlines()
    if path.suffix == ".csv":
        import csv  # noqa: PLC0415 - for demonstrations alone

        yield from enumerate(csv.DictReader(lines), start=2)
        return
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: no JSON") from error
            yield number, row if isinstance(row, dict) else {}
