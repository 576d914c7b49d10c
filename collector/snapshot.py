"""A finished picture of a node: what a scrape reads, and nothing that a scrape could change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model import ContainerFacts, Level, Owner, Quality, Zone


@dataclass(frozen=True)
class NodeFacts:
    """The node as a curve of its class needs it; "" where it is not known."""

    name: str
    cpu_model: str
    cores: int
    kernel: str = ""


@dataclass(frozen=True)
class ZoneTotal:
    """Joules of one zone since the state file began; they never fall."""

    zone: Zone
    source: str
    quality: Quality
    joules: float


@dataclass(frozen=True, slots=True)
class OwnerTotal:
    """What one container, service or the kernel used since the state file began, over all runs
    that carry the same names.

    `joules` is keyed by zone name, part (dynamic, idle) and quality, summed over sockets.
    Counters are None where the probe does not see them, or the cgroup does not tell.
    """

    owner: Owner
    joules: Mapping[tuple[str, str, Quality], float]
    cpu_seconds: float
    cycles: int | None = None
    instructions: int | None = None
    cache_misses: int | None = None
    throttled_seconds: float | None = None
    facts: ContainerFacts | None = None


@dataclass(frozen=True)
class Source:
    """One source that was looked for: what it is, whether it is used, and why (not)."""

    purpose: str
    name: str
    is_used: bool
    reason: str


@dataclass(frozen=True)
class Overhead:
    """What the collector itself costs: CPU seconds and resident bytes of the process, seconds
    and runs of its programs in the kernel (None where the kernel does not count them).
    """

    cpu_seconds: float
    resident_bytes: int
    bpf_seconds: float | None = None
    bpf_runs: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """One node after one interval. `at` is unix seconds; counters never fall between snapshots.

    unattributed  joules of each charged zone that nobody was charged with; zone `rest` is what a
                  platform meter shows beyond the zones inside of it
    idle_watts    power of each charged zone without load, once known
    lost          events that found no room in the kernel's map
    cpu_seconds   busy time of the node; None where it could not be read
    failures      by kind, what could not be read since the process began
    """

    at: float
    seconds: float
    node: NodeFacts
    level: Level
    zones: tuple[ZoneTotal, ...]
    owners: tuple[OwnerTotal, ...]
    cpu_seconds: float | None
    overhead: Overhead
    unattributed: Mapping[Zone, float] = field(default_factory=dict)
    idle_watts: Mapping[Zone, float] = field(default_factory=dict)
    frequency_hertz: float | None = None
    lost: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
