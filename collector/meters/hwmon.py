"""Power and energy sensors that drivers show under class/hwmon.

Only sensors of which it is known what they meter are used:

==============================  ========================  ========  =====================
driver (file `name`)            sensor                    zone      quality
==============================  ========================  ========  =====================
power_meter (ACPI)              power*_average, _input    platform  derived
pmbus supplies, label pin*      power*_input              platform  derived, summed
fam15h_power                    power*_average, _input    package   derived
amd_energy, label Esocket<n>    energy*_input             package   measured (a register)
==============================  ========================  ========  =====================

Graphics cards have a meter of their own, a battery's sensor tells what it is charged with, and
a rail of unknown extent cannot be attributed: those are refused with the reason. Fans and
temperatures are no power and not even looked at.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.meters.integral import Integral
from collector.meters.refusal import Refusal
from collector.meters.sensor import SensorFile, explain_failure, read_word
from collector.model import MeterReading, Zone, ZoneReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_SENSOR = re.compile(r"(power|energy)(\d+)_(average|input)")
_GPU = re.compile(r"amdgpu|nouveau|radeon|i915|xe|nvidia.*")
_BATTERY = re.compile(r"BAT.*|ADP.*|ucsi_.*|.*battery.*", re.IGNORECASE)
_SUPPLY = re.compile(r"pin\d*", re.IGNORECASE)
_SOCKET = re.compile(r"esocket0*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class _Sensor:
    """One sensor file and what it meters."""

    zone: Zone
    file: SensorFile
    is_register: bool

    def read(self) -> float:
        """Joules of a register, watts of the others (the kernel shows millionths)."""
        return self.file.read_number() / 1e6


class HwmonMeter:
    """Sensors of one node. Watts are integrated from reading to reading; several sensors of one
    zone (two power supplies) are summed, and only together. `remarks` say what is not used.
    """

    name = "hwmon"

    def __init__(
        self,
        sensors: Iterable[_Sensor],
        *,
        remarks: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.remarks = remarks
        self._sensors: dict[Zone, list[_Sensor]] = {}
        for sensor in sensors:
            self._sensors.setdefault(sensor.zone, []).append(sensor)
        self._integrals = {zone: Integral() for zone in self._sensors}
        self.zones = tuple(self._sensors)

    def read(self) -> MeterReading:
        """Joules of every zone so far; a zone that fails is a sentence and is tried next time."""
        readings: list[ZoneReading] = []
        problems: list[str] = []
        at = self._clock()
        for zone, sensors in self._sensors.items():
            values = _read_all(sensors, problems)
            if values is None:
                continue
            if sensors[0].is_register:
                readings.append(ZoneReading(zone, values, "hwmon", "measured"))
                continue
            integral = self._integrals[zone]
            if problem := integral.add(at, values):
                problems.append(f"hwmon {sensors[0].file.path}: {problem}")
            readings.append(ZoneReading(zone, integral.joules, "hwmon", "derived"))
        return MeterReading(at, tuple(readings), tuple(problems))


def find_hwmon(
    sysfs_root: Path,
    *,
    known: frozenset[Zone] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> HwmonMeter | Refusal:
    """The usable sensors at `sysfs_root`, or why there are none.

    Zones in `known` are told by a better meter already and left out.
    """
    root = sysfs_root / "class" / "hwmon"
    remarks: list[str] = []
    sensors: list[_Sensor] = []
    for folder in _list_folders(root):
        sensors.extend(_choose_sensors(folder, remarks, taken=[*sensors], known=known))
    if sensors:
        return HwmonMeter(sensors, remarks=tuple(remarks), clock=clock)
    return Refusal("hwmon", "; ".join(remarks) or f"no power or energy sensor in {root}")


def _list_folders(root: Path) -> list[Path]:
    try:
        folders = [path for path in root.iterdir() if (path / "name").exists()]
    except OSError:
        return []
    return sorted(folders, key=lambda path: (len(path.name), path.name))


def _choose_sensors(
    folder: Path, remarks: list[str], *, taken: list[_Sensor], known: frozenset[Zone]
) -> list[_Sensor]:
    driver = read_word(folder / "name")
    found: list[_Sensor] = []
    for path in _list_files(folder):
        label = read_word(path.with_name(f"{path.name.partition('_')[0]}_label"))
        is_register = path.name.startswith("energy")
        zone = _name_zone(driver, label, packages=_count_packages([*taken, *found]))
        reason = _refuse_kind(driver, label) if zone is None else ""
        if zone is not None:
            reason = _refuse_zone(
                zone, is_register=is_register, taken=[*taken, *found], known=known
            )
        sensor = _Sensor(zone or Zone(""), SensorFile(path), is_register)
        reason = reason or _first_failure(sensor)
        if reason:
            remarks.append(f"{path} ({driver}) is not used: {reason}")
        else:
            found.append(sensor)
    return found


def _list_files(folder: Path) -> list[Path]:
    """One file per sensor: the driver's own average where it has one, else its latest value."""
    chosen: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name)):
        match = _SENSOR.fullmatch(path.name)
        if match and (match[3] == "average" or f"{match[1]}{match[2]}" not in chosen):
            chosen[f"{match[1]}{match[2]}"] = path
    return list(chosen.values())


def _count_packages(sensors: list[_Sensor]) -> int:
    return sum(sensor.zone.name == "package" for sensor in sensors)


def _name_zone(driver: str, label: str, *, packages: int) -> Zone | None:
    """What a sensor meters; None where that is not known. `packages`: found so far."""
    if driver == "power_meter" or _SUPPLY.fullmatch(label):
        return Zone("platform")
    if driver == "fam15h_power":
        return Zone("package", str(packages))
    if driver == "amd_energy" and (socket := _SOCKET.fullmatch(label)):
        return Zone("package", socket[1])
    return None


def _refuse_kind(driver: str, label: str) -> str:
    if _GPU.fullmatch(driver):
        return "a graphics card: its energy is not the CPUs' and wants a meter of its own"
    if _BATTERY.fullmatch(driver):
        return "a battery or charger, which does not tell what the node draws"
    return f"what {label or 'this sensor'} of this driver meters is not known"


def _refuse_zone(
    zone: Zone,
    *,
    is_register: bool,
    taken: list[_Sensor],
    known: frozenset[Zone],
) -> str:
    if zone in known:
        return f"{zone.name} is told by a better meter"
    if any(sensor.zone == zone and (is_register or sensor.is_register) for sensor in taken):
        return f"{zone.name} {zone.socket} is told by another sensor"
    return ""


def _first_failure(sensor: _Sensor) -> str:
    try:
        sensor.read()
    except (OSError, ValueError) as error:
        return explain_failure(sensor.file.path, error)
    return ""


def _read_all(sensors: list[_Sensor], problems: list[str]) -> float | None:
    """The sum of all sensors; None, and a sentence each, where one fails."""
    total, is_whole = 0.0, True
    for sensor in sensors:
        try:
            total += sensor.read()
        except (OSError, ValueError) as error:
            problems.append(f"hwmon {explain_failure(sensor.file.path, error)}")
            is_whole = False
    return total if is_whole else None
