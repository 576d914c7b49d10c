"""Runs of one container are one series, and no series ever falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attribution.ledger import Account
from collector.attribution.snapshot import Snapshot as Counters
from collector.model import ContainerFacts, Owner, Zone
from collector.publication import Publication

DYNAMIC = Account(Zone("package", "0"), "dynamic", "measured")
OTHER_SOCKET = Account(Zone("package", "1"), "dynamic", "measured")


def run_of(container, container_id, *, workload=""):
    return Owner(
        "container",
        namespace="shop",
        pod="web-0",
        container=container,
        workload=workload,
        container_id=container_id,
    )


def counters(amounts, accounts=(DYNAMIC,)):
    """Microjoules by owner; each owner also had 10^9 ns of CPU."""
    owners = tuple(amounts)
    energy = np.array([np.atleast_1d(amounts[each]) for each in owners], dtype=np.int64)
    return Counters(
        at=1.0,
        owners=owners,
        accounts=accounts,
        microjoules=energy.reshape(len(owners), len(accounts)),
        work=np.tile(np.array([10**9, 7, 5, 3]), (len(owners), 1)),
        seen_at=np.zeros(len(owners)),
        unattributed=np.zeros(len(accounts), dtype=np.int64),
        retired=np.zeros(len(accounts), dtype=np.int64),
    )


def joules(publication, told, facts=None):
    totals = publication.totals(told, facts or {}, level="time")
    return {total.owner.container: sum(total.joules.values()) for total in totals}


def test_two_runs_of_a_container_are_one_series():
    first, second = run_of("app", "a"), run_of("app", "b")
    (total,) = Publication().totals(
        counters({first: 2_000_000, second: 3_000_000}), {}, level="counters"
    )
    assert total.joules == {("package", "dynamic", "measured"): 5.0}
    assert (total.cpu_seconds, total.cycles, total.instructions) == (2.0, 14, 10)


def test_sockets_of_a_zone_are_added():
    told = counters({run_of("app", "a"): [2_000_000, 500_000]}, (DYNAMIC, OTHER_SOCKET))
    assert joules(Publication(), told) == {"app": 2.5}


def test_below_the_level_counters_there_are_no_counters():
    (total,) = Publication().totals(counters({run_of("app", "a"): 1}), {}, level="time")
    assert (total.cycles, total.instructions, total.cache_misses) == (None, None, None)


def test_the_running_one_tells_the_workload():
    ended, running = run_of("app", "a", workload="old"), run_of("app", "b", workload="new")
    told = counters({running: 1, ended: 1})
    (total,) = Publication().totals(told, {running: ContainerFacts()}, level="time")
    assert total.owner.workload == "new"


def test_a_dropped_run_stays_in_the_sum_while_another_carries_its_name():
    publication = Publication()
    ended, running = run_of("app", "a"), run_of("app", "b")
    told = counters({ended: 2_000_000, running: 3_000_000})
    before = joules(publication, told)
    publication.carry([ended], told)
    assert joules(publication, counters({running: 3_000_000})) == before == {"app": 5.0}


def test_the_last_run_takes_what_was_carried_with_it():
    publication = Publication()
    ended, running = run_of("app", "a"), run_of("app", "b")
    publication.carry([ended], counters({ended: 2_000_000, running: 3_000_000}))
    publication.carry([running], counters({running: 3_000_000}))
    reborn = run_of("app", "c")
    assert joules(publication, counters({reborn: 1_000_000})) == {"app": 1.0}


def test_what_was_carried_survives_a_restart():
    publication, again = Publication(), Publication()
    ended, running = run_of("app", "a"), run_of("app", "b")
    publication.carry([ended], counters({ended: 2_000_000, running: 3_000_000}))
    again.restore(publication.state())
    assert joules(again, counters({running: 3_000_000})) == {"app": 5.0}


def throttled(publication, told):
    (total,) = publication.totals(told, {}, level="time")
    return total.throttled_seconds


def test_throttled_time_goes_on_when_a_container_is_started_again():
    """Each run's cgroup counts from zero, and its count ends with it."""
    publication, ended, running = Publication(), run_of("app", "a"), run_of("app", "b")
    publication.see({ended: ContainerFacts(throttled_seconds=3.0)})
    assert throttled(publication, counters({ended: 1})) == 3.0
    publication.see({running: ContainerFacts(throttled_seconds=0.5)})
    both = counters({ended: 1, running: 1})
    assert throttled(publication, both) == 3.5
    publication.carry([ended], both)
    assert throttled(publication, counters({running: 1})) == 3.5


def test_throttled_time_that_no_cgroup_tells_is_absent_not_zero():
    publication, owner = Publication(), run_of("app", "a")
    publication.see({owner: ContainerFacts()})
    assert throttled(publication, counters({owner: 1})) is None


def test_throttled_time_of_ended_runs_survives_a_restart():
    publication, again = Publication(), Publication()
    runs = [run_of("app", name) for name in "abc"]
    for seconds, owner in enumerate(runs, start=1):
        publication.see({owner: ContainerFacts(throttled_seconds=float(seconds))})
    publication.carry([runs[0]], counters(dict.fromkeys(runs, 1)))
    again.restore(publication.state())
    assert throttled(again, counters(dict.fromkeys(runs[1:], 1))) == 1.0 + 2.0 + 3.0


@pytest.mark.parametrize("state", [{}, [1], [[["a"], [], []]], "x"])
def test_a_foreign_state_is_refused(state):
    if state == {}:
        state = {"a": 1}
    with pytest.raises(ValueError):  # noqa: PT011 - any of them sets the file aside
        Publication().restore(state)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**9)), min_size=1, max_size=12))
def test_no_series_falls_while_runs_come_and_go(steps):
    """Each step either drops the oldest run or lets the newest use more; a new run begins first."""
    publication, runs, last = Publication(), {run_of("app", "0"): 0}, 0.0
    for number, (drops, amount) in enumerate(steps, start=1):
        runs[run_of("app", str(number))] = 0
        newest = list(runs)[-1]
        runs[newest] += amount
        if drops:
            oldest = next(iter(runs))
            publication.carry([oldest], counters(runs))
            del runs[oldest]
        now = joules(publication, counters(runs))["app"]
        assert now >= last
        last = now
    assert last == pytest.approx(sum(amount for _, amount in steps) / 1e6)
