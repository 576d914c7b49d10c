"""The loop: read meters, read activity, attribute, keep, publish.

Counters are kept in the state file before they are published: whoever saw a number will not
see a smaller one after a restart.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.accumulator.register import MICRO, EnergyAccumulator
from collector.health import Status
from collector.node import read_busy_seconds, read_overhead
from collector.publication import Publication
from collector.snapshot import Snapshot, ZoneTotal
from recommender.errors import JoulefitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Event

    from collector.accumulator.state import StateFile
    from collector.attribution.attributor import Attributor
    from collector.attribution.snapshot import Snapshot as Counters
    from collector.identity.identity import Identity
    from collector.meters.topology import FrequencyReader
    from collector.model import ActivityReading, Meter, MeterReading, Probe, Zone
    from collector.snapshot import NodeFacts, Overhead, Source

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What an agent is made of. `state` None: counters begin at zero with each start."""

    meters: tuple[Meter, ...]
    probe: Probe
    identity: Identity
    attributor: Attributor
    frequency: FrequencyReader
    node: NodeFacts
    sources: tuple[Source, ...]
    procfs_root: Path
    state: StateFile | None = None
    read_cost: Callable[[Overhead], Overhead] = lambda overhead: overhead


@dataclass
class Agent:
    """One node's collector. `newest` is replaced as a whole after each interval."""

    parts: Parts
    interval: float
    grace: float
    allows_modelled: bool = False
    newest: Snapshot | None = None
    began: float = field(default_factory=time.time)
    clock: Callable[[], float] = time.monotonic
    _accumulator: EnergyAccumulator = field(default_factory=EnergyAccumulator)
    _publication: Publication = field(default_factory=Publication)
    _failures: Counter[str] = field(default_factory=Counter)
    _said: frozenset[str] = frozenset()
    _work: dict[int, int] = field(default_factory=dict)

    def run(self, end: Event) -> None:
        """Collect each interval until `end` is set. A failed interval is said and is no end."""
        due = time.monotonic()
        while not end.is_set():
            try:
                self.collect()
            except (JoulefitError, OSError, ValueError) as error:
                self._failures["interval"] += 1
                _LOGGER.error("event=interval-failed error=%r", str(error))  # noqa: TRY400
            # A late interval is not made up for: the next is longer, nothing is lost.
            due = max(due + self.interval, time.monotonic())
            end.wait(due - time.monotonic())

    def close(self) -> None:
        """Let go of the probe's programs in the kernel."""
        self.parts.probe.close()

    def status(self) -> Status:
        """What health is judged by."""
        return Status(
            began=self.began,
            interval=self.interval,
            sources=self.parts.sources,
            snapshot=self.newest,
            allows_modelled=self.allows_modelled,
        )

    def collect(self) -> Snapshot:
        """One interval."""
        begun = self.clock()
        problems: list[str] = []
        activity = self._read_probe(problems)
        readings = self._read_meters(problems)
        cpu_seconds = self._read_busy(problems)  # of the same moment: curves compare the two
        cast = self.parts.identity.cast(activity.groups if activity else ())
        advance = self._accumulator.advance(readings)
        hertz = self.parts.frequency.read()
        self.parts.attributor.account(self.clock(), advance.increments, activity, cast, hertz=hertz)
        self._forget(activity)
        self._publication.see(cast.facts)
        counters = self._retire()
        problems += [*advance.problems, *self.parts.attributor.problems, *cast.problems]
        self._save(problems)
        self._say(problems)
        self.newest = Snapshot(
            at=time.time(),
            seconds=self.clock() - begun,
            node=self.parts.node,
            level=self.parts.probe.level,
            zones=self._zone_totals(),
            owners=self._publication.totals(counters, cast.facts, level=self.parts.probe.level),
            cpu_seconds=cpu_seconds,
            overhead=self.parts.read_cost(read_overhead()),
            unattributed=_unattributed(counters),
            idle_watts={zone: each.watts for zone, each in counters.idle.items()},
            frequency_hertz=None if hertz is None else float(np.nanmean(hertz)),
            lost=activity.lost if activity else self._lost(),
            failures=dict(self._failures) | ({"pods": cast.failures} if cast.failures else {}),
            problems=tuple(problems),
        )
        return self.newest

    def restore(self) -> None:
        """Go on where the state file ends, where there is one that is ours."""
        state = self.parts.state
        if state is None:
            return
        loaded = state.load()
        remark = loaded.remark
        if loaded.payload is not None:
            try:
                self._adopt(loaded.payload)
            except (KeyError, TypeError, ValueError) as error:
                remark = state.set_aside(str(error))
        if remark:
            _LOGGER.warning("event=state %s", remark)

    def _adopt(self, payload: Any) -> None:
        accumulator = EnergyAccumulator.restore(payload["energy"])
        publication = Publication()
        publication.restore(payload["published"])
        self.parts.attributor.restore(payload["charges"])
        self._accumulator, self._publication = accumulator, publication

    def _read_meters(self, problems: list[str]) -> list[MeterReading]:
        readings = []
        for meter in self.parts.meters:
            try:
                reading = meter.read()
            except (OSError, ValueError) as error:
                self._fail("meter", f"{meter.name} cannot be read: {error}", problems)
                continue
            for problem in reading.problems:
                self._fail("zone", problem, problems)
            readings.append(reading)
        return readings

    def _read_probe(self, problems: list[str]) -> ActivityReading | None:
        try:
            activity = self.parts.probe.read()
        except (OSError, ValueError) as error:
            self._fail("probe", f"activity cannot be read: {error}", problems)
            return None
        for problem in activity.problems:
            self._fail("cgroup", problem, problems)
        return activity

    def _read_busy(self, problems: list[str]) -> float | None:
        try:
            return read_busy_seconds(self.parts.procfs_root)
        except (OSError, ValueError) as error:
            self._fail("procfs", f"the node's busy time cannot be read: {error}", problems)
            return None

    def _fail(self, kind: str, problem: str, problems: list[str]) -> None:
        self._failures[kind] += 1
        problems.append(problem)

    def _forget(self, activity: ActivityReading | None) -> None:
        """Tell the probe which cgroups have ended; their work has been accounted for."""
        if activity is None:
            return
        last, self._work = self._work, dict(_total_work(activity))
        still = tuple(group for group, work in self._work.items() if last.get(group) == work)
        ended = self.parts.identity.ended(still)
        if ended:
            self.parts.probe.forget(ended)

    def _retire(self) -> Counters:
        """The counters without those of owners that ended longer ago than the grace period."""
        before = self.parts.attributor.snapshot()
        gone = self.parts.attributor.retire(self.clock() - self.grace)
        if not gone:
            return before
        self._publication.carry(gone, before)
        return self.parts.attributor.snapshot()

    def _save(self, problems: list[str]) -> None:
        if self.parts.state is None:
            return
        payload = {
            "energy": self._accumulator.state(),
            "charges": self.parts.attributor.state(),
            "published": self._publication.state(),
        }
        try:
            self.parts.state.write(payload)
        except OSError as error:
            self._fail("state", f"the state cannot be kept: {error}", problems)

    def _say(self, problems: list[str]) -> None:
        """A line for each problem that is new; one that stays is said once."""
        now = frozenset(problems)
        for problem in sorted(now - self._said):
            _LOGGER.warning("event=problem %s", problem)
        for problem in sorted(self._said - now):
            _LOGGER.info("event=over %s", problem)
        self._said = now

    def _lost(self) -> int:
        return self.newest.lost if self.newest else 0

    def _zone_totals(self) -> tuple[ZoneTotal, ...]:
        return tuple(
            ZoneTotal(zone, source, quality, amount / MICRO)
            for (zone, source, quality), amount in self._accumulator.totals().items()
        )


def _total_work(activity: ActivityReading) -> Iterator[tuple[int, int]]:
    totals = activity.cpu_ns.reshape(len(activity.groups), -1).sum(axis=1)
    return zip(activity.groups, totals.tolist(), strict=True)


def _unattributed(counters: Counters) -> dict[Zone, float]:
    """Joules of each charged zone that nobody was charged with."""
    amounts: Counter[Zone] = Counter()
    for account, amount in zip(counters.accounts, counters.unattributed.tolist(), strict=True):
        amounts[account.zone] += amount
    return {zone: amount / MICRO for zone, amount in amounts.items()}


def with_cost(overhead: Overhead, *, seconds: float, runs: int) -> Overhead:
    """The same with what the programs in the kernel took."""
    return replace(overhead, bpf_seconds=seconds, bpf_runs=runs)
