"""Intel and AMD energy counters in the kernel's powercap tree (RAPL).

The tree has one folder per zone, all of them under class/powercap: `intel-rapl:0` is a package
(or psys), `intel-rapl:0:1` a part of it. AMD's counters bear the same names. `intel-rapl-mmio`
shows the package of `intel-rapl` once more through another register: it is used only where the
first is not there or not readable.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.meters.refusal import Refusal
from collector.meters.sensor import SensorFile, explain_failure, read_word
from collector.model import MeterReading, Zone, ZoneReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FOLDER = re.compile(r"(intel-rapl(?:-mmio)?):(\d+)(?::(\d+))?")
_PACKAGE = re.compile(r"package-(\d+(?:-die-\d+)?)")
_PSYS = re.compile(r"psys(?:-(\d+))?")
_PARTS = frozenset({"core", "uncore", "dram"})


@dataclass(frozen=True)
class _Domain:
    """One folder of the tree."""

    zone: Zone
    file: SensorFile
    range_joules: float

    def read(self) -> ZoneReading:
        joules = self.file.read_number() / 1e6
        return ZoneReading(self.zone, joules, "rapl", "measured", self.range_joules)


class RaplMeter:
    """RAPL zones of one node. `remarks` are sentences about folders that are not used."""

    name = "rapl"

    def __init__(
        self,
        domains: tuple[_Domain, ...],
        *,
        remarks: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._domains = domains
        self._clock = clock
        self.remarks = remarks
        self.zones = tuple(domain.zone for domain in domains)

    def read(self) -> MeterReading:
        """Every zone's register; a zone that fails is a sentence and is tried again next time."""
        readings, problems = [], []
        at = self._clock()
        for domain in self._domains:
            try:
                readings.append(domain.read())
            except (OSError, ValueError) as error:
                problems.append(f"rapl {explain_failure(domain.file.path, error)}")
        return MeterReading(at, tuple(readings), tuple(problems))


def find_rapl(
    sysfs_root: Path, *, clock: Callable[[], float] = time.monotonic
) -> RaplMeter | Refusal:
    """The RAPL zones of the tree at `sysfs_root`, or why there are none that can be read."""
    root = sysfs_root / "class" / "powercap"
    folders = _list_folders(root)
    if not folders:
        return Refusal("rapl", _explain_absence(root))
    remarks: list[str] = []
    domains = _choose_domains(folders, remarks)
    failures = [failure for domain in domains if (failure := _first_failure(domain))]
    if not domains or len(failures) == len(domains):
        return Refusal("rapl", (failures or remarks)[0])
    return RaplMeter(tuple(domains), remarks=tuple(remarks), clock=clock)


def _list_folders(root: Path) -> list[tuple[re.Match[str], Path]]:
    """Zone folders in the tree's own order, the MSR's before the MMIO's."""
    try:
        names = [path.name for path in root.iterdir()]
    except OSError:
        return []
    matches = [match for name in names if (match := _FOLDER.fullmatch(name))]
    matches.sort(key=lambda match: (match[1], int(match[2]), int(match[3] or -1)))
    return [(match, root / match[0]) for match in matches if (root / match[0] / "name").exists()]


def _explain_absence(root: Path) -> str:
    try:
        is_masked = any(path.is_symlink() and not path.exists() for path in root.iterdir())
    except OSError:
        is_masked = False
    if is_masked:
        return (
            f"{root} leads nowhere: container runtimes hide devices/virtual/powercap; mount the "
            "node's /sys and name it with --sysfs-root"
        )
    return (
        f"no intel-rapl zone in {root}: a virtual machine, another architecture, or the kernel "
        "modules intel_rapl_common and intel_rapl_msr are not loaded (modprobe intel_rapl_msr)"
    )


def _choose_domains(folders: list[tuple[re.Match[str], Path]], remarks: list[str]) -> list[_Domain]:
    """One folder per zone: the first that can be read, else the first."""
    chosen: dict[Zone, _Domain] = {}
    for domain in _name_domains(folders, remarks):
        there = chosen.get(domain.zone)
        if there is None or (_first_failure(there) and not _first_failure(domain)):
            chosen[domain.zone] = domain
        if there is not None:
            unused = there if chosen[domain.zone] is domain else domain
            remarks.append(
                f"{unused.file.path.parent} is not used: "
                f"{chosen[domain.zone].file.path.parent.name} tells the same zone"
            )
    return list(chosen.values())


def _name_domains(
    folders: list[tuple[re.Match[str], Path]], remarks: list[str]
) -> Iterator[_Domain]:
    names = {match[0]: read_word(folder / "name") for match, folder in folders}
    has_many_psys = any((psys := _PSYS.fullmatch(name)) and psys[1] for name in names.values())
    for match, folder in folders:
        parent = names.get(f"{match[1]}:{match[2]}", "")
        zone = _name_zone(names[match[0]], parent=parent, has_many_psys=has_many_psys)
        if zone is None:
            remarks.append(f"{folder} is not used: {names[match[0]]!r} is no zone known here")
            continue
        top = read_word(folder / "max_energy_range_uj")
        range_joules = int(top) / 1e6 if top.isdigit() else 0.0
        yield _Domain(zone, SensorFile(folder / "energy_uj"), range_joules)


def _name_zone(name: str, *, parent: str, has_many_psys: bool) -> Zone | None:
    """The kernel's name of a folder as a zone.

    The psys of the first of several sockets bears no number.
    """
    if package := _PACKAGE.fullmatch(name):
        return Zone("package", package[1])
    if psys := _PSYS.fullmatch(name):
        return Zone("psys", psys[1] or ("0" if has_many_psys else ""))
    above = _PACKAGE.fullmatch(parent)
    if name in _PARTS and above:
        return Zone(name, above[1])
    return None


def _first_failure(domain: _Domain) -> str:
    try:
        domain.read()
    except (OSError, ValueError) as error:
        return explain_failure(domain.file.path, error)
    return ""
