"""What is published: finished, and never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from collector.attribution.idle import IdleEstimate
    from collector.attribution.ledger import Account
    from collector.model import Owner, Zone


@dataclass(frozen=True)
class ZoneCharge:
    """One charged zone's energy of the last interval, in microjoules.

    energy == idle + dynamic + unattributed: `idle` and `dynamic` went to owners.
    """

    energy: int
    idle: int
    dynamic: int
    unattributed: int


@dataclass(frozen=True)
class Snapshot:
    """All counters at monotonic second `at`.

    owners        [O]
    accounts      [A]
    microjoules   int64 [O, A]
    work          int64 [O, 4]     cpu_ns, cycles, instructions, cache_misses
    seen_at       float64 [O]      when an owner's cgroup or name was last listed
    unattributed  int64 [A]        energy that no owner can be charged with
    retired       int64 [A]        energy of owners that are no longer kept one by one
    idle          by charged zone: its idle power, once known
    last          by charged zone that told: its last interval
    basis         what CPU work was weighed by: cycles, frequency or time ("": nothing yet)

    microjoules.sum(0) + unattributed + retired is all energy that charged zones have told.
    """

    at: float
    owners: tuple[Owner, ...]
    accounts: tuple[Account, ...]
    microjoules: NDArray[np.int64]
    work: NDArray[np.int64]
    seen_at: NDArray[np.float64]
    unattributed: NDArray[np.int64]
    retired: NDArray[np.int64]
    idle: Mapping[Zone, IdleEstimate] = field(default_factory=dict)
    last: Mapping[Zone, ZoneCharge] = field(default_factory=dict)
    basis: str = ""

    def told(self) -> dict[Account, int]:
        """Microjoules of each account altogether."""
        totals = self.microjoules.sum(axis=0) + self.unattributed + self.retired
        return dict(zip(self.accounts, totals.tolist(), strict=True))
