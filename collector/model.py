"""What meters, probes and identity tell, and what attribution makes of it: plain data, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

Quality: TypeAlias = Literal["measured", "derived", "modelled", "recorded"]
"""How joules came about: read from a counter, integrated from watts, computed from a model, or
played back from a recording."""

Level: TypeAlias = Literal["counters", "time", "cgroupfs"]
"""What a probe sees: hardware counters and time, time only, or the kernel's own CPU accounting."""


@dataclass(frozen=True, order=True)
class Zone:
    """A part of a node that is metered: package, core, uncore, dram, psys, platform or gpu.

    `socket` is the number of its socket as text, "" for the whole node.
    """

    name: str
    socket: str = ""


@dataclass(frozen=True)
class ZoneReading:
    """A zone's energy counter, in joules, as its register shows it.

    It falls to zero after `range_joules` (0: never).
    """

    zone: Zone
    joules: float
    source: str
    quality: Quality
    range_joules: float = 0.0


@dataclass(frozen=True)
class MeterReading:
    """All zones of one meter at monotonic second `at`; `problems` are sentences about zones that
    could not be read this time.
    """

    at: float
    zones: tuple[ZoneReading, ...]
    problems: tuple[str, ...] = ()


class Meter(Protocol):
    """Energy of the node from one source."""

    @property
    def name(self) -> str: ...

    def read(self) -> MeterReading: ...


@dataclass(frozen=True)
class ActivityReading:
    """What each cgroup did since the probe began; counters never fall while a cgroup is listed.

    Rows follow `groups` (cgroup ids: the inode of the cgroup's folder), ended cgroups included
    until the probe was told to forget them. Columns are CPUs 0 ... C-1, or one column where
    the source does not tell CPUs apart.

    cpu_ns        uint64 [G, C]   nanoseconds on CPU
    cycles        uint64 [G, C]   None below level "counters"
    instructions  uint64 [G]      None below level "counters"
    cache_misses  uint64 [G]      None below level "counters"
    lost          events that found no room in the map
    """

    at: float
    level: Level
    groups: tuple[int, ...]
    cpu_ns: NDArray[np.uint64]
    cycles: NDArray[np.uint64] | None = None
    instructions: NDArray[np.uint64] | None = None
    cache_misses: NDArray[np.uint64] | None = None
    lost: int = 0
    problems: tuple[str, ...] = ()


class Probe(Protocol):
    """Activity of cgroups from one source."""

    @property
    def level(self) -> Level: ...

    def read(self) -> ActivityReading: ...

    def forget(self, groups: frozenset[int]) -> None:
        """Ended cgroups whose work has been accounted for."""

    def close(self) -> None: ...


Part: TypeAlias = Literal["container", "system", "kernel", "unknown"]
"""Whose a cgroup is: a container of a pod; another service of the node; the kernel's own (root
cgroup); a container or pod that no list of pods names (yet)."""


@dataclass(frozen=True, order=True)
class Owner:
    """Who is charged. For system and kernel the names are "" and `container` says what it is.

    `uid` is the pod's and `container_id` the runtime's: two runs of one container are two owners.
    """

    part: Part
    namespace: str = ""
    pod: str = ""
    container: str = ""
    workload: str = ""
    workload_kind: str = ""
    uid: str = ""
    container_id: str = ""


def list_fields(owner: Owner) -> list[str]:
    """Its fields in their order, for a state file; `dataclasses.astuple` takes 60 microseconds."""
    return [*vars(owner).values()]


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What else is known of one container: its CPU request in cores (0: none), its memory working
    set in bytes and seconds throttled; None where the cgroup did not tell.
    """

    request_cores: float = 0.0
    working_set_bytes: int | None = None
    throttled_seconds: float | None = None


@dataclass(frozen=True)
class Cast:
    """Who is who at one moment.

    owners      by cgroup id; an id that is missing belongs to nobody known
    facts       by owner, for containers
    problems    sentences: what could not be asked, and what stands in for it
    failures    lists of pods that could not be read, and items of lists, since the begin
    """

    owners: Mapping[int, Owner]
    facts: Mapping[Owner, ContainerFacts] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    failures: int = 0
