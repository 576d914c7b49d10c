"""The attribution of one node: every interval's energy to those who caused or reserved it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from collector.accumulator.register import MICRO
from collector.attribution.activity import WorkCounter
from collector.attribution.apportion import apportion
from collector.attribution.enclosure import REST, Enclosure
from collector.attribution.idle import IdleFit
from collector.attribution.ledger import RETIRED, UNATTRIBUTED, Account, Ledger
from collector.attribution.snapshot import Snapshot, ZoneCharge
from collector.attribution.weight import GroupRows, Pending, Weigher, reserved_cores
from collector.model import Owner, Zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.accumulator.register import Increment
    from collector.attribution.activity import Work
    from collector.meters.topology import Topology
    from collector.model import ActivityReading, Cast

IdlePolicy: TypeAlias = Literal["requests", "usage", "none"]
"""Who pays for the node being on: those who reserve it, those who use it, or nobody."""

_UNRESERVED = Owner("system", container="unreserved")
_IDLE = Owner("system", container="idle")

FULL_COVER = 0.9
"""Meters and probes are not read at the same instant: so much of a span counts as all of it."""


class Attributor:
    """Keeps the counters of one node. `problems` are sentences about the last interval."""

    def __init__(self, topology: Topology, *, idle_policy: IdlePolicy = "requests") -> None:
        self.problems: tuple[str, ...] = ()
        self._policy = idle_policy
        self._cores = topology.cores
        self._counter = WorkCounter(topology.cores)
        self._weigher = Weigher(topology)
        self._groups = GroupRows()
        self._enclosure = Enclosure()
        self._ledger = Ledger()
        self._pending: dict[Zone, Pending] = {REST: Pending.empty()}
        self._fits: dict[Zone, tuple[str, IdleFit]] = {}
        self._last: dict[Zone, ZoneCharge] = {}
        self._at = 0.0

    def account(
        self,
        at: float,
        increments: Sequence[Increment],
        activity: ActivityReading | None,
        cast: Cast,
        *,
        hertz: NDArray[np.float64] | None = None,
    ) -> None:
        """Charge one interval that ends at monotonic second `at`.

        `increments` are what the accumulator told of this interval. `activity` is None where
        the probe failed: energy of a time that no activity covers is charged to nobody. `hertz`
        [C] weighs CPU time where there are no cycle counters.
        """
        self._at = at
        work = None if activity is None else self._counter.advance(activity)
        if work is not None:
            self._carry(work, cast, hertz)
        charged = self._enclosure.charged(increments)
        self._last = {each.zone: self._charge(each) for each in charged}
        self.problems = (self._enclosure.problem,) if self._enclosure.problem else ()

    def snapshot(self) -> Snapshot:
        """All counters as they stand, copied: a later interval changes nothing of it."""
        ledger = self._ledger
        energy = ledger.energy.copy()
        first = RETIRED + 1
        estimates = ((zone, fit.estimate) for zone, (_, fit) in self._fits.items())
        return Snapshot(
            at=self._at,
            owners=tuple(ledger.owners[first:]),
            accounts=tuple(ledger.accounts),
            microjoules=energy[first:],
            work=ledger.work[first:].copy(),
            seen_at=ledger.seen_at[first:].copy(),
            unattributed=energy[UNATTRIBUTED],
            retired=energy[RETIRED],
            idle={zone: estimate for zone, estimate in estimates if estimate},
            last=dict(self._last),
            basis=self._weigher.basis,
        )

    def retire(self, before: float) -> tuple[Owner, ...]:
        """Stop keeping counters of owners last listed before monotonic second `before`.

        What they were charged stays in the sum, as `retired`. The answer is who they were.
        """
        nodes = self._ledger.find_rows([_UNRESERVED, _IDLE])
        is_retired = self._ledger.seen_at < before
        is_retired[nodes] = False
        gone = [
            owner
            for owner, is_gone in zip(self._ledger.owners, is_retired.tolist(), strict=True)
            if is_gone
        ][RETIRED + 1 :]
        if gone:
            moved = self._ledger.retire(is_retired)
            for pending in self._pending.values():
                pending.move(moved)
            self._groups.forget()
        return tuple(gone)

    def state(self) -> dict[str, Any]:
        """Everything that outlives a restart, as plain data for a state file."""
        return {
            "ledger": self._ledger.state(),
            "enclosure": self._enclosure.state(),
            "fits": [
                [zone.name, zone.socket, basis, fit.state()]
                for zone, (basis, fit) in self._fits.items()
            ],
        }

    def restore(self, state: Any) -> None:
        """Go on where `state` ends. Raises ValueError, and changes nothing, for anything else."""
        try:
            ledger = Ledger.restore(state["ledger"])
            enclosure = Enclosure.restore(state["enclosure"])
            fits = {
                Zone(name, socket): (basis, IdleFit.restore(samples))
                for name, socket, basis, samples in state["fits"]
            }
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the state of an attribution: {error}") from error
        self._ledger, self._enclosure, self._fits = ledger, enclosure, fits
        self._groups.forget()

    def _carry(self, work: Work, cast: Cast, hertz: NDArray[np.float64] | None) -> None:
        """Add an interval's work and reservations to what every zone will be paid by."""
        ledger = self._ledger
        rows = self._groups.find(work.groups, cast=cast, ledger=ledger)
        reserved = reserved_cores(cast, ledger, at=self._at)
        ledger.see(rows, self._at)
        counts = (work.cpu_ns, work.cycles, work.instructions, work.cache_misses)
        for column, count in enumerate(counts):
            if count is not None:
                total = count.sum(axis=1).astype(np.int64)
                ledger.add_work(rows, column, total)
        weights = self._weigher.weigh(
            work, list(self._pending), rows=rows, size=ledger.size, hertz=hertz
        )
        for zone, (basis, weight) in weights.items():
            self._pending[zone].add(
                weight, reserved * work.seconds, seconds=work.seconds, basis=basis
            )

    def _charge(self, told: Increment) -> ZoneCharge:
        """Split one zone's energy; it is all charged to somebody, or to nobody."""
        pending = self._pending.setdefault(told.zone, Pending.empty())
        if told.microjoules == 0:
            if not told.is_certain:
                pending.clear()  # what was done until now is not in the energy to come
            return ZoneCharge(0, 0, 0, 0)
        cover = min(pending.seconds / told.seconds, 1.0) if told.seconds > 0.0 else 0.0
        cover = 1.0 if cover >= FULL_COVER else cover
        self._learn(told, pending, is_covered=cover == 1.0)
        covered = round(told.microjoules * cover)
        idle = self._idle_energy(told, covered, seconds=told.seconds * cover)
        dynamic = covered - idle
        nobody = told.microjoules - covered
        account = Account(told.zone, "dynamic", told.quality)
        nobody += self._share(account, dynamic, pending.weights)
        idle_account = Account(told.zone, "idle", told.quality)
        unpaid = self._share(idle_account, idle, self._idle_weights(pending))
        self._ledger.charge_nobody(account, nobody)
        self._ledger.charge_nobody(idle_account, unpaid)
        pending.clear()
        lost = nobody - (told.microjoules - covered)
        return ZoneCharge(told.microjoules, idle - unpaid, dynamic - lost, nobody + unpaid)

    def _learn(self, told: Increment, pending: Pending, *, is_covered: bool) -> None:
        basis, fit = self._fits.get(told.zone, ("", None))
        if not (is_covered and told.is_certain and told.seconds > 0.0):
            return
        if fit is None or basis != pending.basis:
            fit = IdleFit()  # power against cycles says nothing of power against seconds
            self._fits[told.zone] = (pending.basis, fit)
        load = float(pending.weights.sum()) / pending.seconds
        fit.add(self._at, load, told.microjoules / MICRO / told.seconds)

    def _idle_energy(self, told: Increment, covered: int, *, seconds: float) -> int:
        """Idle power times time, never more than there is; all of it while nothing is known."""
        _, fit = self._fits.get(told.zone, ("", None))
        estimate = fit.estimate if fit is not None else None
        if estimate is None:
            return covered
        return min(covered, round(estimate.watts * seconds * MICRO))

    def _share(self, account: Account, energy: int, weights: NDArray[np.float64]) -> int:
        """Charge `energy` by `weights`; the answer is what nobody could be charged with."""
        if energy == 0:
            return 0
        if not weights.sum() > 0.0:
            return energy
        self._ledger.charge(account, apportion(energy, weights))
        return 0

    def _idle_weights(self, pending: Pending) -> NDArray[np.float64]:
        """By policy: core-seconds reserved, work done, or all for the node itself.

        What is not reserved is the node's: a container does not pay for its neighbour's absence.
        """
        if self._policy == "usage":
            return pending.weights
        row = self._ledger.row(_UNRESERVED if self._policy == "requests" else _IDLE)
        weights = np.zeros(self._ledger.size)
        if self._policy == "requests":
            weights[: len(pending.reserved)] = pending.reserved
            weights[row] = max(self._cores * pending.seconds - float(weights.sum()), 0.0)
        if not weights.any():
            weights[row] = 1.0
        return weights
