"""`joulefit run`: a cycle a minute, and at once when somebody asks; one writer; a graceful end.

The loop decides *when*; what a cycle does is `cycle.run_once`. A cycle never overlaps another:
there is one thread that runs them.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import msgspec

from recommender.errors import JoulefitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.cycle import Cycle

_LOGGER = logging.getLogger(__name__)

_SHOWN = 3  # failures of a cycle that get a line each; the metric counts all


class Observer(Protocol):
    """Who hears what became of each turn of the loop: metrics, health, Events."""

    def record_cycle(self, cycle: Cycle, *, seconds: float) -> None: ...

    def record_failure(self, error: Exception, *, seconds: float) -> None: ...

    def record_standby(self) -> None: ...


class Rhythm(msgspec.Struct, frozen=True):
    """Seconds between the starts of two cycles, and how it varies.

    jitter       share of the interval by which starts vary, so that replicas and clusters that
                 were started together do not ask the store together for ever
    first_retry  after a cycle that failed; doubled with each further failure, up to the interval
    least_pause  between the end of a cycle and the start of one that somebody asked for, so that a
                 stream of changes is answered together
    """

    interval: float = 60.0
    jitter: float = 0.1
    first_retry: float = 5.0
    least_pause: float = 1.0

    def pause(self, *, took: float, failures: int, draw: float) -> float:
        """Seconds to wait after a cycle of `took` seconds; `draw` is uniform in [0, 1)."""
        if failures:
            return float(min(self.first_retry * 2.0 ** (failures - 1), self.interval))
        due = self.interval * (1.0 + self.jitter * (2.0 * draw - 1.0))
        return max(due - took, self.least_pause)

    def rest_on(self, *, took: float, rested: float) -> float:
        """Seconds to rest on when somebody rings `rested` seconds after a cycle of `took` seconds.

        Who is always asked still rests half of its time, but no longer than the interval: a process
        that was stopped within a cycle for an hour need not rest for another one.
        """
        return max(min(took, self.interval) - rested, self.least_pause)


@dataclass
class Alarm:
    """What wakes the loop before its time; safe to use from signal handlers and other threads."""

    _rung: threading.Event = field(default_factory=threading.Event)
    _end: threading.Event = field(default_factory=threading.Event)

    def ring(self) -> None:
        """Ask for a cycle soon."""
        self._rung.set()

    def end(self) -> None:
        """Ask for the end."""
        self._end.set()
        self._rung.set()

    @property
    def has_ended(self) -> bool:
        return self._end.is_set()

    @property
    def ending(self) -> threading.Event:
        """Set when the end was asked for, for other threads to wait on."""
        return self._end

    def wait(self, seconds: float) -> bool:
        """Whether somebody rang within this time."""
        has_rung = self._rung.wait(seconds)
        if has_rung and not self.has_ended:
            self._rung.clear()
        return has_rung


class Service:
    """The loop. `may_run` says whether this replica is the one that works."""

    def __init__(
        self,
        run_cycle: Callable[[], Cycle],
        *,
        may_run: Callable[[], bool],
        observer: Observer,
        alarm: Alarm,
        rhythm: Rhythm,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._run_cycle = run_cycle
        self._may_run = may_run
        self._observer = observer
        self._alarm = alarm
        self._rhythm = rhythm
        self._draw = draw
        self._failures = 0

    def run(self) -> None:
        """Until the alarm says the end; a cycle under way writes nothing from then on."""
        while not self._alarm.has_ended:
            begun = time.monotonic()
            if self._may_run():
                self._turn(begun)
            else:
                self._observer.record_standby()
            self._rest(time.monotonic() - begun)

    def _turn(self, begun: float) -> None:
        """One cycle; whatever goes wrong in it, the next one comes."""
        try:
            cycle = self._run_cycle()
        except (
            Exception
        ) as error:  # the boundary of a cycle: what is known stays, the service lives
            self._failures += 1
            self._observer.record_failure(error, seconds=time.monotonic() - begun)
            if isinstance(error, JoulefitError):
                _LOGGER.warning("cycle failed error=%r detail=%r", str(error), error.detail)
            else:
                _LOGGER.exception("cycle failed; please report it")
        else:
            seconds = time.monotonic() - begun
            self._failures = self._failures + 1 if cycle.evidence.unread else 0
            self._observer.record_cycle(cycle, seconds=seconds)
            _say(cycle, seconds)

    def _rest(self, took: float) -> None:
        pause = self._rhythm.pause(took=took, failures=self._failures, draw=self._draw())
        begun = time.monotonic()
        if self._alarm.wait(pause):
            # Whoever changes one object often changes the next; a moment lets them be answered
            # together.
            rested = time.monotonic() - begun
            self._alarm.ending.wait(self._rhythm.rest_on(took=took, rested=rested))


def _say(cycle: Cycle, seconds: float) -> None:
    """A line for a cycle that changed something, and for what it could not do."""
    outcomes = Counter(change.outcome for change in (*cycle.changes, *cycle.profiles))
    if cycle.evidence.unread:
        _LOGGER.warning("history unread error=%r", cycle.evidence.unread)
    failed = [change for change in (*cycle.changes, *cycle.profiles) if change.outcome == "failed"]
    for change in failed[:_SHOWN]:
        _LOGGER.warning("vpa=%s/%s error=%r", change.vpa.namespace, change.vpa.name, change.error)
    if set(outcomes) - {"unchanged"}:
        said = " ".join(f"{name}={count}" for name, count in sorted(outcomes.items()))
        _LOGGER.info("cycle seconds=%.2f %s", seconds, said)
