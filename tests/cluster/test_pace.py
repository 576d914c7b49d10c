"""Our own limit: a burst after a rest, then so many a second, however many threads ask."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.pace import Pace


class Time:
    """A clock that only pauses move."""

    def __init__(self):
        self.now = 100.0
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def paced(per_second, burst):
    time = Time()
    return time, Pace(per_second, burst=burst, clock=lambda: time.now, pause=time.pause)


def test_a_burst_passes_at_once_and_then_each_waits_its_turn():
    time, pace = paced(10.0, burst=3)
    for _ in range(5):
        pace.wait()
    assert time.pauses == pytest.approx([0.1, 0.1])


def test_a_rest_allows_the_burst_again_and_no_more():
    time, pace = paced(10.0, burst=3)
    for _ in range(3):
        pace.wait()
    time.now += 60.0
    for _ in range(4):
        pace.wait()
    assert time.pauses == pytest.approx([0.1])


@given(
    st.integers(1, 20),
    st.lists(st.floats(0.0, 1.0), max_size=60),
)
def test_no_second_sees_more_than_the_burst_and_its_share(burst, rests):
    time, pace = paced(10.0, burst=burst)
    passed = []
    for rest in rests:
        time.now += rest
        pace.wait()
        passed.append(time.now)
    for first, begun in enumerate(passed):
        within = [at for at in passed[first:] if at < begun + 1.0]
        assert len(within) <= burst + 10


def test_threads_share_one_pace():
    time, lock = Time(), threading.Lock()
    dues = []

    def pause(seconds):
        with lock:
            dues.append(seconds)

    pace = Pace(10.0, burst=1, clock=lambda: time.now, pause=pause)
    threads = [threading.Thread(target=pace.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [b - a for a, b in pairwise([0.0, *sorted(dues)])] == pytest.approx([0.1] * 7)
