"""The loop of the service: when a cycle runs, and that nothing but the end stops it."""

import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreUnreachableError
from recommender.service import Alarm, Rhythm, Service


class Done(SimpleNamespace):
    """A cycle that had nothing to do; `unread`: it had no history either."""

    def __init__(self, unread=""):
        super().__init__(evidence=SimpleNamespace(unread=unread), changes=(), profiles=())


FAST = Rhythm(interval=0.01, jitter=0.0, first_retry=0.001, least_pause=0.0)


class Notes:
    """An observer that keeps what it hears."""

    def __init__(self):
        self.cycles, self.failures, self.standbys = [], [], 0

    def record_cycle(self, cycle, **_):
        self.cycles.append(cycle)

    def record_failure(self, error, **_):
        self.failures.append(error)

    def record_standby(self):
        self.standbys += 1


def run(cycle, *, turns, may_run=lambda: True, rhythm=FAST):
    """Let the loop turn so often; what its observer heard."""
    alarm, notes = Alarm(), Notes()
    count = 0

    def asked():
        nonlocal count
        count += 1
        if count >= turns:
            alarm.end()
        return may_run()

    Service(
        cycle, may_run=asked, observer=notes, alarm=alarm, rhythm=rhythm, draw=lambda: 0.5
    ).run()
    return notes


def test_cycles_follow_each_other_until_the_end():
    assert len(run(Done, turns=5).cycles) == 5


def test_a_replica_that_does_not_lead_runs_none_and_lives():
    notes = run(Done, turns=4, may_run=lambda: False)
    assert (notes.cycles, notes.standbys) == ([], 4)


@pytest.mark.parametrize(
    "error", [StoreUnreachableError("down"), ValueError("a defect")], ids=["a store", "a defect"]
)
def test_a_failed_cycle_is_recorded_and_the_next_one_comes(error):
    results = iter([error, error, None])

    def cycle():
        if result := next(results):
            raise result
        return Done()

    notes = run(cycle, turns=3)
    assert (notes.failures, len(notes.cycles)) == ([error, error], 1)


def test_who_rings_is_answered_before_the_interval_is_over():
    alarm, notes = Alarm(), Notes()
    seen = threading.Event()
    slow = Rhythm(interval=3600.0, least_pause=0.0)

    def cycle():
        if notes.cycles:
            alarm.end()
        seen.set()
        return Done()

    service = Service(cycle, may_run=lambda: True, observer=notes, alarm=alarm, rhythm=slow)
    thread = threading.Thread(target=service.run)
    thread.start()
    assert seen.wait(10)
    alarm.ring()
    thread.join(10)
    assert not thread.is_alive()
    assert len(notes.cycles) == 2


def test_ringing_often_while_a_cycle_runs_asks_for_one_more():
    alarm, notes = Alarm(), Notes()
    slow = Rhythm(interval=3600.0, least_pause=0.0)

    def cycle():
        if not notes.cycles:
            for _ in range(100):
                alarm.ring()
        elif len(notes.cycles) == 1:
            threading.Timer(0.05, alarm.end).start()
        return Done()

    Service(cycle, may_run=lambda: True, observer=notes, alarm=alarm, rhythm=slow).run()
    assert len(notes.cycles) == 2


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 200.0))
def test_cycles_start_an_interval_apart_within_the_jitter(draw, took):
    pause = Rhythm().pause(took=took, failures=0, draw=draw)
    assert pause >= Rhythm().least_pause
    if took < 50.0:
        assert 54.0 <= pause + took <= 66.0


def test_retries_come_soon_then_less_often_and_never_later_than_the_interval():
    pauses = [Rhythm().pause(took=1.0, failures=n, draw=0.5) for n in range(1, 7)]
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


@pytest.mark.parametrize(
    ("took", "rested", "expected"),
    [(0.5, 0.2, 1.0), (20.0, 5.0, 15.0), (20.0, 25.0, 1.0), (3600.0, 5.0, 55.0)],
    ids=["a moment", "half of its time", "it has rested", "stopped for an hour"],
)
def test_who_is_asked_again_rests_half_of_its_time_but_no_longer_than_the_interval(
    took, rested, expected
):
    assert Rhythm(interval=60.0).rest_on(took=took, rested=rested) == expected
