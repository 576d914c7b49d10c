"""`joulefit compare` on a real API server with two VPAs on one Deployment and a real Prometheus.

The history of four days: the stock VPA's target was 300m for two days and 200m since; ours is
known from the second day on, 250m. So they are held against each other for three days, in which
the stock VPA reserved 0.05 cores more for one day and 0.05 less for two.
"""

import json
from dataclasses import replace
from itertools import chain

import jsonschema
import msgspec
import numpy as np
import pytest

from recommender.units import DAY
from tests.main_job.bad_input import ERROR, SMALL, TEAM, assert_refused
from tests.main_job.command import joulefit
from tests.main_job.test_evidence import SCHEMA
from tests.testbed.control_plane import ControlPlane
from tests.testbed.exposition import joulefit_series
from tests.testbed.fleet import generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects, vpa
from tests.testbed.openmetrics import Series

SHAPE = replace(SMALL, days=4, foreign_vpas=2)
WINDOW = ("--end", str(SHAPE.end), "--history", "4d")
START = SHAPE.end - 4 * DAY
WEB, OTHER, ALONE = "deployment-003", "deployment-002", "statefulset-001"
KSM = "kube_customresource_verticalpodautoscaler_status_recommendation_containerrecommendations_target"
OURS = "joulefit_recommender_request_cores"


def gauge(name, labels, values, *, first=START):
    times = np.arange(first, SHAPE.end + 1, 60)
    return Series(name, labels, times, np.broadcast_to(values, times.shape), kind="gauge")


def recommendations():
    """What kube-state-metrics says of the stock VPA, scraped without honouring labels, and what
    our service says of its own.
    """
    since = np.arange(START, SHAPE.end + 1, 60) - START
    scraped = {"namespace": "monitoring", "container": "kube-state-metrics"}
    said = {"exported_namespace": TEAM, "exported_container": "app"}
    of_vpa = {"verticalpodautoscaler": f"{WEB}-theirs", **scraped, **said}
    cpu = {**of_vpa, "resource": "cpu", "unit": "core"}
    yield gauge(KSM, cpu, np.where(since < 2 * DAY, 0.3, 0.2))
    yield gauge(KSM, {**of_vpa, "resource": "memory", "unit": "byte"}, 2.0**28)
    ours = {"namespace": TEAM, "workload_kind": "Deployment", "workload": WEB, "container": "app"}
    yield gauge(OURS, {**ours, "policy": "recommended"}, 0.25, first=START + DAY)


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SHAPE)


@pytest.fixture(scope="module")
def plane(fleet):
    """The fleet, in which one Deployment more has a stock VPA and none of ours."""
    with ControlPlane() as started:
        objects = fleet_objects(fleet)
        daemon = next(each for each in fleet.workloads if each.kind == "DaemonSet")
        ours = {"name": daemon.name, "namespace": daemon.namespace}
        kind = "VerticalPodAutoscaler"
        started.apply(
            [each for each in objects if (each["kind"], each["metadata"]) != (kind, ours)]
        )
        started.apply([vpa(daemon, None)])
        yield started


@pytest.fixture(scope="module")
def compare(plane, fleet, module_prometheus_with):
    """`compare(*arguments)`: on the store that has recommendations, too."""
    store = module_prometheus_with(chain(joulefit_series(fleet), recommendations()))
    return lambda *arguments: joulefit(
        "compare", *arguments, "--kubeconfig", plane.kubeconfig, "--store", store.url, *WINDOW
    )


@pytest.fixture(scope="module")
def compare_without(plane):
    """The same where the store has none."""
    with prometheus_of_fleet(SHAPE) as store:
        where = ("--kubeconfig", plane.kubeconfig, "--store", store.url, *WINDOW)
        yield lambda *arguments: joulefit("compare", *arguments, *where)


@pytest.fixture(scope="module")
def web(compare):
    outcome = compare(f"{TEAM}/deploy/{WEB}", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.json


def container_of(document, name="app"):
    (workload,) = document["workloads"]
    return next(each for each in workload["containers"] if each["name"] == name)


def by_policy(container):
    return {each["policy"]: each for each in container["contenders"]}


def usage_of(fleet, name, days):
    """Cores of the single pod in the bins of the last days."""
    workload = next(each for each in fleet.workloads if each.name == name)
    (row,) = fleet.rows_of(workload, "app")
    return fleet.cores[row][-days * 288 :]


def test_all_are_compared_over_the_three_days_in_which_both_pasts_are_known(web):
    container = container_of(web)
    assert (container["basis"], container["comparedSeconds"]) == ("history", 3 * DAY)
    assert [each["policy"] for each in container["contenders"]] == ["now", "rival", "stock", "ours"]
    assert web["workloads"][0]["rivals"] == [f"{WEB}-theirs"]


def test_the_rival_is_named_with_what_its_status_says_now(web):
    rival = by_policy(container_of(web))["rival"]
    assert (rival["vpa"], rival["recommender"]) == (f"{WEB}-theirs", "default")
    assert (rival["cpu"], rival["memory"]) == ("123m", "250Mi")


def test_reserved_core_seconds_are_those_of_the_requests_that_were_in_force(web, fleet):
    found = by_policy(container_of(web))
    assert found["rival"]["reservedCoreSeconds"] == pytest.approx(0.3 * DAY + 0.2 * 2 * DAY)
    assert found["ours"]["reservedCoreSeconds"] == pytest.approx(0.25 * 3 * DAY)
    workload = next(each for each in fleet.workloads if each.name == WEB)
    request = workload.containers[0].request_cores
    assert found["now"]["reservedCoreSeconds"] == pytest.approx(request * 3 * DAY, rel=1e-6)


def test_joules_differ_by_the_price_of_a_reserved_core(web):
    found = by_policy(container_of(web))
    now, rival, ours = found["now"], found["rival"], found["ours"]
    # Two differences of one price: of core-seconds that the test before knows.
    price = now["joulesAboveOurs"] / (now["reservedCoreSeconds"] - 0.25 * 3 * DAY)
    assert price > 0
    assert rival["joulesAboveOurs"] == pytest.approx(price * -0.05 * DAY, rel=1e-6)
    watts = rival["wattsAboveOurs"]
    assert watts["value"] == pytest.approx(price * -0.05 / 3, rel=1e-6)
    assert watts["low"] <= watts["value"] <= watts["high"] < 0
    assert rival["joules"] - ours["joules"] == pytest.approx(rival["joulesAboveOurs"], rel=1e-3)


def test_the_price_and_the_slope_are_those_of_the_fleets_published_server(web, fleet):
    """As docs/energy.md says: the tangent's mean intercept over what is reserved of a node, and the
    slope at the mean use over a node's cores.
    """
    cores = fleet.shape.cores_per_node

    def slope_at(use):
        watts = (fleet.server.watts_at(each, cores=cores) for each in (use + 1e-4, use))
        return np.subtract(*watts) / 1e-4

    use = fleet.node_cores / cores
    watts = fleet.server.watts_at(use, cores=cores)
    intercept = float((watts - slope_at(use) * use).mean())
    slope = float(slope_at(np.array([use.mean()]))[0])
    reserved = sum(each.template.request_cores for each in fleet.running)
    price = intercept / (reserved / SHAPE.nodes)
    found = by_policy(container_of(web))
    used = usage_of(fleet, WEB, 3).sum() * 300
    for each in (found["now"], found["ours"]):
        expected = price * each["reservedCoreSeconds"] + slope / cores * used
        assert each["joules"] == pytest.approx(expected, rel=0.02)


def test_exposure_is_the_share_of_bins_above_the_request_that_was_in_force(web, fleet):
    found = by_policy(container_of(web))
    usage = usage_of(fleet, WEB, 3)
    theirs = np.where(np.arange(3 * 288) < 288, 0.3, 0.2)
    assert found["rival"]["exposure"] == pytest.approx((usage > theirs).mean(), abs=2 / 864)
    assert found["ours"]["exposure"] == pytest.approx((usage > 0.25).mean(), abs=2 / 864)


def test_the_course_of_each_request_is_told_with_its_changes(web):
    found = by_policy(container_of(web))
    cpu = found["rival"]["cpuCourse"]
    assert (cpu["metric"], cpu["changes"]) == (KSM, 1)
    assert cpu["points"] == [
        {"time": "2025-10-06T00:00:00Z", "value": pytest.approx(0.3)},
        {"time": "2025-10-08T00:00:00Z", "value": pytest.approx(0.2)},
    ]
    assert found["rival"]["memoryCourse"]["changes"] == 0
    assert found["ours"]["cpuCourse"]["points"] == [{"time": "2025-10-07T00:00:00Z", "value": 0.25}]
    assert found["now"]["cpuCourse"] is None
    assert (
        web["history"]
        == f"requests over time: {OURS} tells of ours; {KSM} tells of other recommenders"
    )


def test_the_document_conforms_to_its_published_schema(web):
    schema = msgspec.json.decode((SCHEMA.parent / "comparison.schema.json").read_bytes())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(web)) == []


def test_the_table_shows_the_requests_and_draws_them(compare):
    outcome = compare(f"{TEAM}/deploy/{WEB}")
    assert (outcome.code, outcome.stderr) == (0, "")
    for text in (
        f"{WEB}-theirs (default)",
        "o = ours   a = ",
        "over 3 d of usage in 4 d, by what was in force",
        "only once emptied nodes are released (no autoscaler that removes nodes was seen)",
    ):
        assert text in outcome.stdout


def test_without_a_name_every_workload_with_a_vpa_of_ours_is_compared(compare):
    document = compare("-o", "json").json
    assert {row["name"]: row["rivals"] for row in document["workloads"]} == {
        WEB: [f"{WEB}-theirs"],
        OTHER: [f"{OTHER}-theirs"],
        ALONE: [],
    }


def test_without_history_the_numbers_of_now_are_compared_and_said(compare_without, fleet):
    outcome = compare_without(f"{TEAM}/deploy/{OTHER}", "-o", "json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.json["history"] == ("no history of recommendations in the store; numbers of now")
    container = container_of(outcome.json)
    assert (container["basis"], container["comparedSeconds"]) == ("now", 4 * DAY)
    rival = by_policy(container)["rival"]
    assert (rival["recommender"], rival["cpuCourse"]) == ("performance", None)
    assert rival["reservedCoreSeconds"] == pytest.approx(0.123 * 4 * DAY)
    assert rival["exposure"] == pytest.approx((usage_of(fleet, OTHER, 4) > 0.123).mean(), abs=0.02)


def test_without_a_rival_the_stock_rule_is_compared_and_said(compare_without):
    outcome = compare_without(f"{TEAM}/sts/{ALONE}")
    assert outcome.code == 0, outcome.stderr
    assert (
        f"no VPA of another recommender targets {TEAM}/sts/{ALONE}: compared with the stock rule"
        in outcome.stdout
    )


def test_a_workload_without_a_vpa_of_ours_is_refused_with_what_to_do(compare_without):
    assert_refused(
        compare_without("kube-system/ds/daemonset-000"),
        "no VPA that names this recommender targets kube-system/ds/daemonset-000",
        "create one with updateMode: Off",
        code=ERROR,
    )


def test_an_unknown_workload_is_refused_with_near_names(compare_without):
    assert_refused(
        compare_without(f"{TEAM}/deploy/deployment-03"),
        f"did you mean {TEAM}/deploy/{WEB}",
        code=ERROR,
    )


def test_a_recording_holds_the_rivals_and_says_that_it_has_no_past(plane, tmp_path):
    path = tmp_path / "week.joulefit"
    with prometheus_of_fleet(SHAPE) as store:
        where = ("--kubeconfig", plane.kubeconfig, "--store", store.url, *WINDOW)
        assert joulefit("record", path, *where).code == 0
    outcome = joulefit("compare", f"{TEAM}/{WEB}", "--recording", path, "-o", "json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.json["workloads"][0]["rivals"] == [f"{WEB}-theirs"]
    assert outcome.json["history"] == (
        "a recording keeps no history of recommendations; numbers of now"
    )


def test_nothing_of_any_vpa_is_changed(plane, compare_without):
    def versions():
        items = json.loads(plane.kubectl("get", "vpa", "-A", "-o", "json"))["items"]
        return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in items}

    before = versions()
    assert compare_without().code == 0
    assert versions() == before
