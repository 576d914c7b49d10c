"""Whatever the store does, the last good number stays, and what follows needs no restart."""

import time

import pytest

from tests.history.scripted_store import EMPTY
from tests.service.conftest import TEAM
from tests.testbed.fault_proxy import Fault

FAULTS = {
    "refuses": Fault(status=503, body=b"down"),
    "asks for patience": Fault(status=429, headers={"Retry-After": "1"}),
    "asks for too much patience": Fault(status=429, headers={"Retry-After": "86400"}),
    "answers half": Fault(is_cut=True),
    "hangs": Fault(hangs=True),
    "is empty": Fault(status=200, body=EMPTY, headers={"Content-Type": "application/json"}),
    "answers a web page": Fault(status=200, body=b"<!doctype html><html>log in</html>"),
    "answers nonsense": Fault(status=200, body=b'{"status":"success","data":{"result":[{}]}}'),
    "forbids": Fault(status=403, body=b"no"),
}
BRISK = ("--store-timeout", "1s", "--store-retries", "1")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_store_that_fails_at_the_start_is_waited_for(plane, start, store_proxy, fault):
    store_proxy.fault = fault
    service = start(*BRISK, store=store_proxy.url)
    key = f"{TEAM}/deployment-003"
    service.wait(
        lambda: plane.condition(key, "FetchingHistory").get("status") == "True",
        "VPAs say that their history is awaited",
    )
    assert set(plane.recommendations().values()) == {None}
    assert service.get("/readyz").status_code == 503
    assert service.get("/healthz").status_code == 200
    store_proxy.fault = None
    service.wait(plane.is_answered, "every VPA has a recommendation")
    service.wait_cycles(1)
    assert plane.condition(key, "FetchingHistory") == {}
    assert service.get("/readyz").status_code == 200


def test_a_first_read_of_a_slow_store_is_no_dead_loop(plane, start, store_proxy):
    """Each answer takes longer than an interval of a second, and all of them more than five."""
    store_proxy.fault = Fault(before=lambda: time.sleep(1.5))  # the store's time, not the test's
    service = start(store=store_proxy.url)
    said = "the store goes on answering its queries"
    service.wait(lambda: said in service.get("/").text, "five intervals have passed")
    assert service.get("/healthz").status_code == 200
    store_proxy.fault = None
    service.wait(plane.is_answered, "every VPA has a recommendation")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_store_that_fails_later_changes_no_number_even_for_a_service_that_starts_then(
    answered_plane, start, store_proxy, fault
):
    plane = answered_plane
    found = plane.recommendations()
    assert all(found.values())
    store_proxy.fault = fault
    service = start(*BRISK, store=store_proxy.url)
    service.wait(lambda: "history unread" in service.log, "it has met the fault")
    service.wait_cycles(1)
    assert plane.recommendations() == found
    store_proxy.fault = None
    service.wait(lambda: service.get("/readyz").status_code == 200, "it has recovered")
    assert plane.recommendations() == found


def test_a_store_that_is_gone_while_the_service_runs_is_taken_up_again(plane, start, store_proxy):
    """A new VPA needs history that nobody can give: it waits; all others stay as they are."""
    service = start(*BRISK, "-n", TEAM, store=store_proxy.url)
    service.wait(
        lambda: plane.recommendations()[f"{TEAM}/deployment-002"], "the VPAs have recommendations"
    )
    service.wait_cycles(1)
    versions = plane.versions()
    store_proxy.fault = FAULTS["refuses"]
    service.wait_cycles(3)
    assert plane.versions() == versions
    assert service.get("/healthz").status_code == 200
    assert service.value("joulefit_recommender_cycles_total", outcome="completed") >= 3
