"""Two replicas, one writer; a death at any moment leaves nothing wrong behind."""

import signal
import time

import pytest

from tests.service.conftest import TEAM
from tests.testbed.process import wait_until

LEASE = "/apis/coordination.k8s.io/v1/namespaces/joulefit/leases/joulefit-recommender"
STEPS = ("read", "pools", "demand", "size", "report", "write")


def leaders(*services):
    return [each.value("joulefit_recommender_leader") for each in services]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_a_cycle_the_next_process_ends_the_work(plane, start, step):
    """SIGKILL as soon as the step before has ended: within the step, or at its very end."""
    before = STEPS[STEPS.index(step) - 1] if step != "read" else ""
    first = start()
    mark = f"step={before}" if before else "started listen="
    wait_until(lambda: mark in first.log, f"{step} has begun", pause=0.0005)
    first.kill()
    for key, each in plane.vpas().items():
        entries = (each.get("status", {}).get("recommendation") or {}).get(
            "containerRecommendations", []
        )
        assert all(entry["target"] and entry["lowerBound"] for entry in entries), key
    second = start("--no-lease")
    second.wait(plane.is_answered, "every VPA has a recommendation")
    second.wait_cycles(1)
    versions = plane.versions()
    second.wait_cycles(1)
    assert plane.versions() == versions


def test_one_of_two_writes_and_the_other_is_ready(plane, start):
    one, other = start(), start()
    one.wait(plane.is_answered, "every VPA has a recommendation")
    one.wait(lambda: sorted(leaders(one, other)) == [0.0, 1.0], "one leads")
    idle = (one, other)[leaders(one, other).index(0.0)]
    idle.wait(lambda: idle.get("/readyz").status_code == 200, "it stands by")
    assert idle.get("/healthz").status_code == 200
    assert idle.cycles() == 0


def test_one_that_waits_is_ready_long_before_its_next_turn(plane, start):
    """As in a rolling update, where nothing goes on until the new replica is ready."""
    one = start()
    one.wait(plane.is_answered, "every VPA has a recommendation")
    other = start(interval="5m")
    other.wait(lambda: other.get("/readyz").status_code == 200, "it is ready", seconds=20)
    assert leaders(one, other) == [1.0, 0.0]


def test_the_other_takes_over_within_twenty_seconds_of_a_death(plane, start):
    one = start()
    one.wait(plane.is_answered, "every VPA has a recommendation")
    other = start()
    other.wait(lambda: "held=" in one.log, "the first leads")
    found, versions = plane.recommendations(), plane.versions()
    holder = plane.api.get(LEASE)["spec"]["holderIdentity"]
    one.kill()
    killed = time.monotonic()
    other.wait(lambda: other.cycles() > 0, "the other works", seconds=30)
    assert time.monotonic() - killed < 20.0
    assert plane.api.get(LEASE)["spec"]["holderIdentity"] != holder
    other.wait_cycles(1)
    assert (plane.recommendations(), plane.versions()) == (found, versions)


def test_the_other_takes_over_at_once_from_one_that_was_told_to_end(plane, start):
    one = start()
    one.wait(plane.is_answered, "every VPA has a recommendation")
    other = start()
    one.signal(signal.SIGTERM)
    ended = time.monotonic()
    other.wait(lambda: other.cycles() > 0, "the other works", seconds=30)
    assert time.monotonic() - ended < 12.0
    assert leaders(other) == [1.0]


def test_a_leader_that_was_frozen_for_a_minute_does_not_write_when_it_wakes(
    plane, start, through, api_proxy
):
    one = start(kubeconfig=through)
    one.wait(plane.is_answered, "every VPA has a recommendation")
    other = start()
    one.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        other.wait(lambda: other.cycles() > 0, "the other works", seconds=30)
        off = {
            "spec": {
                "resourcePolicy": {"containerPolicies": [{"containerName": "*", "mode": "Off"}]}
            }
        }
        path = (
            f"/apis/autoscaling.k8s.io/v1/namespaces/{TEAM}/verticalpodautoscalers/deployment-003"
        )
        plane.api.patch(path, off)
        key = f"{TEAM}/deployment-003"
        other.wait(lambda: plane.recommendations()[key] is None, "the other answers a change")
        wait_until(lambda: time.monotonic() - stopped > 60.0, "a minute has passed", seconds=70)
        writes, versions = api_proxy.count("PATCH"), plane.versions()
    finally:
        one.signal(signal.SIGCONT)
    one.wait(lambda: "held=False" in one.log, "it has noticed")
    other.wait_cycles(3)
    assert api_proxy.count("PATCH") == writes
    assert plane.versions() == versions
    plane.api.patch(path, {"spec": {"resourcePolicy": None}})
    other.wait(plane.is_answered, "every VPA has a recommendation")
    # It may have been frozen in a cycle, after which it rests before its loop turns and says so.
    wait_until(lambda: leaders(one, other) == [0.0, 1.0], "one leads", seconds=40)
    assert plane.is_answered()
