"""Alive while cycles end, ready once everything needed was reached, with the reason otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.model.report import Skipped
from recommender.telemetry.health import (
    Contact,
    Vitals,
    describe,
    judge_life,
    judge_readiness,
    judge_vitals,
)
from tests.report.sample import sample_report

STORE, CLUSTER = Contact("store"), Contact("API server")
TIMES = st.floats(0, 1e9)


def life(now, *, last=None, started=0.0, interval=60.0):
    return judge_life(now=now, last_cycle_end=last, started=started, interval=interval)


@pytest.mark.parametrize(
    ("now", "last", "is_alive"),
    [
        (299.0, None, True),
        (300.0, None, True),
        (301.0, None, False),
        (1300.0, 1000.0, True),
        (1301.0, 1000.0, False),
    ],
)
def test_five_intervals_without_the_end_of_a_cycle_are_the_limit(now, last, is_alive):
    assert life(now, last=last).is_good is is_alive


@pytest.mark.parametrize(("answered", "is_alive"), [(3300.0, True), (3299.0, False), (None, False)])
def test_a_first_read_goes_on_for_an_hour_as_long_as_the_store_answers(answered, is_alive):
    reading = Vitals(0.0, 60.0, last_answer=answered)
    alive, ready = judge_vitals(reading, now=3600.0)
    assert (alive.is_good, ready.is_good) == (is_alive, False)
    goes_on = "no cycle ended for 1 h, but the store goes on answering its queries"
    assert (alive.reason == goes_on) is is_alive


def test_a_dead_loop_is_said_with_its_age_and_what_was_due():
    assert life(600.0).reason == "no cycle ended for 10 min, one is due each 1 min"


@given(started=TIMES, interval=st.floats(1, 3600), intervals=st.floats(0, 4.9))
def test_a_young_process_is_alive_before_its_first_cycle(started, interval, intervals):
    assert life(started + intervals * interval, started=started, interval=interval).is_good


@given(last=TIMES, interval=st.floats(1, 3600), age=st.floats(0, 1e6))
def test_only_the_age_of_the_last_cycle_counts(last, interval, age):
    long_ago, lately = (
        life(last + age, last=last, started=started, interval=interval).is_good
        for started in (0.0, last)
    )
    assert long_ago is lately


def test_ready_means_that_both_have_answered():
    good = judge_readiness(store=STORE.reached(), cluster=CLUSTER.reached())
    assert good.is_good
    assert good.reason == "store and API server have been reached"


def test_not_ready_names_each_that_was_not_reached_and_why():
    verdict = judge_readiness(store=STORE.failed("store answered 401"), cluster=CLUSTER)
    assert not verdict.is_good
    assert verdict.reason == (
        "API server has not been reached; store has not been reached: store answered 401"
    )


def test_what_was_reached_once_stays_reached_when_it_fails_later():
    store = STORE.reached().failed("gone")
    assert judge_readiness(store=store, cluster=CLUSTER.reached()).is_good
    assert store.reached().error == ""


def test_a_replica_that_waits_is_ready_without_a_store_but_not_without_an_api_server():
    waiting = {"store": STORE, "is_standby": True}
    assert judge_readiness(cluster=CLUSTER.reached(), **waiting).is_good
    assert not judge_readiness(cluster=CLUSTER, **waiting).is_good


def test_a_replica_that_waits_lives_by_the_turns_of_its_loop():
    waiting = Vitals(0.0, 60.0, last_turn=900.0, is_standby=True, cluster=CLUSTER.reached())
    alive, ready = judge_vitals(waiting, now=1000.0)
    assert (alive.is_good, ready.is_good) == (True, True)
    assert not judge_vitals(waiting, now=1201.0)[0].is_good


VITALS = Vitals(
    started=0.0,
    interval=60.0,
    last_turn=1000.0,
    store=STORE.reached(),
    cluster=CLUSTER.reached(),
    report=sample_report(),
)


def test_the_page_says_in_words_what_the_newest_cycle_found():
    text = describe(VITALS, now=1012.0)
    assert text.splitlines()[:7] == [
        "joulefit recommender",
        "  alive        yes: cycles end as they should",
        "  ready        yes: store and API server have been reached",
        "  role         writes recommendations",
        "  last cycle   ended 12 s ago",
        "  API server   answers",
        "  store        answers",
    ]
    assert "  workloads    5 sized, 4 of them for a VPA\n" in text
    assert "epyc-7763: 12 nodes, 1.42 W per reserved core (1.37-1.47), power measured" in text
    assert "  skipped      shop/CronJob/report: no usage in 14 d\n" in text
    assert "  warning      3 of 15 nodes have no meter and are modelled\n" in text


def test_before_the_first_cycle_the_page_says_that_there_was_none():
    text = describe(Vitals(started=0.0, interval=60.0), now=12.0)
    assert "  last cycle   none yet, started 12 s ago\n" in text
    assert "  ready        NO: API server has not been reached; store has not" in text
    assert "  store        not asked yet\n" in text


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (STORE.failed("401"), "never answered: 401"),
        (STORE.reached().failed("no route"), "answered before, now: no route"),
    ],
)
def test_a_part_that_fails_is_said_with_its_words(store, said):
    assert f"  store        {said}\n" in describe(replace(VITALS, store=store), now=1000.0)


def test_words_of_others_cannot_forge_a_line_of_the_page():
    row = Skipped("shop", "Deployment", "web", "app", "bad\n  alive        yes")
    forged = replace(VITALS, report=sample_report(skipped=(row,)))
    lines = describe(forged, now=1000.0).splitlines()
    assert sum(line.startswith("  alive ") for line in lines) == 1
    assert r"  skipped      shop/Deployment/web, container app: bad\n  alive        yes" in lines
