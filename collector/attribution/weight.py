"""By how much each owner pays for each zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.attribution.activity import weigh_cpu
from collector.model import Owner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.attribution.activity import Work
    from collector.attribution.ledger import Ledger
    from collector.meters.topology import Topology
    from collector.model import Cast, Zone

_UNKNOWN = Owner("unknown")


@dataclass
class Pending:
    """What was done and reserved since a zone last told of energy.

    A zone that does not tell, or tells once a minute, is paid for by all who worked meanwhile,
    the ended ones too. `weights` and `reserved` (core-seconds) are by row of the ledger.
    """

    weights: NDArray[np.float64]
    reserved: NDArray[np.float64]
    seconds: float = 0.0
    basis: str = ""

    @classmethod
    def empty(cls) -> Pending:
        return cls(np.zeros(0), np.zeros(0))

    def add(
        self,
        weights: NDArray[np.float64],
        reserved: NDArray[np.float64],
        *,
        seconds: float,
        basis: str,
    ) -> None:
        if basis != self.basis:  # seconds and cycles do not add up
            self.clear()
            self.basis = basis
        self.weights = _sum(self.weights, weights)
        self.reserved = _sum(self.reserved, reserved)
        self.seconds += seconds

    def clear(self) -> None:
        self.weights, self.reserved, self.seconds = np.zeros(0), np.zeros(0), 0.0

    def move(self, moved: NDArray[np.intp]) -> None:
        """Follow the ledger's rows to their new places."""
        for name in ("weights", "reserved"):
            old = getattr(self, name)
            new = np.zeros(int(moved.max()) + 1)
            np.add.at(new, moved[: len(old)], old)
            setattr(self, name, new)


def _sum(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """Both vectors, the shorter one padded: the ledger gets rows, and keeps them."""
    if not len(old):
        return new
    total = new.copy()
    total[: len(old)] += old
    return total


class GroupRows:
    """The ledger's rows of cgroups, remembered while a cgroup keeps its owner."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Owner | None, int]] = {}

    def find(self, groups: NDArray[np.uint64], *, cast: Cast, ledger: Ledger) -> NDArray[np.intp]:
        """Rows [G]; cgroups that nobody knows share one."""
        known: dict[int, tuple[Owner | None, int]] = {}
        for group in groups.tolist():
            owner = cast.owners.get(group)
            before = self._known.get(group)
            if before is None or before[0] is not owner:
                before = (owner, ledger.row(owner or _UNKNOWN))
            known[group] = before
        self._known = known
        return np.fromiter((row for _, row in known.values()), dtype=np.intp, count=len(known))

    def forget(self) -> None:
        self._known.clear()


def reserved_cores(cast: Cast, ledger: Ledger, *, at: float) -> NDArray[np.float64]:
    """CPU requests in cores by row of the ledger; containers in `cast` get one, seen at `at`."""
    rows = ledger.find_rows(list(cast.facts))
    ledger.see(rows, at)
    reserved = np.zeros(ledger.size)
    reserved[rows] = [max(facts.request_cores, 0.0) for facts in cast.facts.values()]
    return reserved


class Weigher:
    """Weights of one node's zones."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._members: dict[tuple[str, int], NDArray[np.float64]] = {}
        self._has_misses = False
        self.basis = ""

    def weigh(
        self,
        work: Work,
        zones: list[Zone],
        *,
        rows: NDArray[np.intp],
        size: int,
        hertz: NDArray[np.float64] | None,
    ) -> dict[Zone, tuple[str, NDArray[np.float64]]]:
        """Basis and weights by row [size] of each zone.

        Each socket's energy is shared by the work on its own CPUs; where the source does not
        tell CPUs apart, by all work. DRAM is shared by cache misses once there were some, those
        of a socket in proportion to the work there. GPUs have no weights here.
        """
        self.basis, cpu = weigh_cpu(work, hertz)
        everywhere = cpu.sum(axis=1)
        if work.cache_misses is not None and work.cache_misses.any():
            self._has_misses = True
        found: dict[Zone, tuple[str, NDArray[np.float64]]] = {}
        by_socket: dict[str, NDArray[np.float64]] = {}
        for zone in zones:
            if zone.socket not in by_socket:
                by_socket[zone.socket] = cpu @ self._inside(zone.socket, cpu.shape[1])
            weights, basis = by_socket[zone.socket], str(self.basis)
            if zone.name == "gpu":
                weights = np.zeros(len(rows))
            elif zone.name == "dram" and self._has_misses and work.cache_misses is not None:
                share = np.divide(
                    weights, everywhere, out=np.zeros(len(rows)), where=everywhere > 0.0
                )
                weights, basis = work.cache_misses[:, 0] * share, "misses"
            by_row = np.bincount(rows, weights=weights, minlength=size)
            found[zone] = basis, by_row.astype(np.float64, copy=False)
        return found

    def _inside(self, socket: str, columns: int) -> NDArray[np.float64]:
        key = (socket, columns)
        if key not in self._members:
            self._members[key] = self._topology.members(socket, columns)
        return self._members[key]
