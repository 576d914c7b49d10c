"""Carbon and cost on a real API server and a real store: the objective of an EnergyProfile too."""

import pytest

from tests.cluster.builder import energy_profile
from tests.conftest import PROFILE_CRD


@pytest.fixture(scope="module")
def workload(fleet):
    return next(each for each in fleet.workloads if each.kind == "Deployment")


@pytest.fixture(scope="module")
def profiles(cluster, workload):
    cluster.install(PROFILE_CRD)
    cluster.apply([energy_profile(workload.namespace, workload.name, objective="carbon")])
    yield cluster
    cluster.kubectl("delete", "enp", workload.name, "-n", workload.namespace)


def test_what_is_told_is_shown_beside_the_watts_and_changes_no_request(live):
    plain = live("report", "--output", "json").json
    asked = ("--carbon-intensity", "450", "--energy-price", "0.30 EUR")
    told = live("report", "--output", "json", *asked).json
    assert told["workloads"] == plain["workloads"]
    footprint, (pool,) = told["footprint"], told["pools"]
    assert footprint["carbon"]["now"] == pytest.approx(pool["watts"] * 0.45)
    assert footprint["cost"]["now"] == pytest.approx(pool["watts"] * 0.0003)
    saved = told["savings"]["nodesReleased"]
    assert footprint["carbon"]["saved"] == pytest.approx(
        {end: watts * 0.45 for end, watts in saved.items()}
    )


def test_a_metric_that_the_store_does_not_have_is_no_number_and_no_error(live):
    outcome = live("report", "--carbon-intensity", 'metric:grid_co2{region="de"}')
    assert outcome.code == 0, outcome.stderr
    said = 'carbon: no number: metric grid_co2{region="de"} has no value in the window'
    assert said in outcome.stdout


@pytest.mark.usefixtures("profiles")
def test_explain_says_what_became_of_the_objective(live, workload):
    name = f"{workload.namespace}/deploy/{workload.name}"
    assert "objective carbon needs --carbon-intensity: energy is what is saved" in (
        live("explain", name).stdout
    )
    said = live("explain", name, "--carbon-intensity", "450").stdout
    assert "objective carbon: constant tells no hours of the day apart" in said
