"""A recommendation that a VPA lost is continued from the status of its EnergyProfile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.model.identity import WorkloadRef
from recommender.model.profile import Profile
from recommender.sizing.recall import recall_status
from tests.sizing.build import WEB, ramp, size, size_app, step_of, usage_of, vpa_of

TARGET = {"kind": "Deployment", "name": "web"}


def maps(cpu=400, memory="1Gi"):
    """Whole maps around a target of so many millicores, 10 % either way."""
    amounts = {
        "target": cpu,
        "lowerBound": cpu * 9 // 10,
        "upperBound": cpu * 11 // 10,
        "uncappedTarget": cpu,
    }
    return {key: {"cpu": f"{value}m", "memory": memory} for key, value in amounts.items()}


def entry(name="app", **changes):
    return {"containerName": name, **maps(**changes)}


def status_of(*entries):
    return {"recommendation": {"containerRecommendations": list(entries)}}


def remembering(**recommended):
    """A profile that remembers these maps by container."""
    containers = [{"name": name, "recommended": each} for name, each in recommended.items()]
    return Profile(generation=1, status={"target": TARGET, "containers": containers})


def test_without_an_energy_profile_it_is_the_vpas_own_status():
    status = status_of(entry())
    assert recall_status(vpa_of(status=status)) is status


def test_a_status_that_was_wiped_is_filled_in():
    vpa = vpa_of(status={}, profile=remembering(app=maps(400), log=maps(30)))
    assert recall_status(vpa) == status_of(entry("app", cpu=400), entry("log", cpu=30))


def test_the_vpas_own_recommendation_is_taken_as_long_as_it_can_be_used():
    status = status_of(entry("app", cpu=300))
    vpa = vpa_of(status=status, profile=remembering(app=maps(400)))
    assert recall_status(vpa) is status


@pytest.mark.parametrize(
    "own",
    [
        pytest.param({"containerName": "app", "target": {"cpu": "1"}}, id="no bounds"),
        pytest.param(entry("app") | {"target": {"cpu": "much"}}, id="no quantity"),
        pytest.param(entry("app") | {"lowerBound": {"cpu": "900m"}}, id="bounds beside it"),
    ],
)
def test_an_own_recommendation_that_cannot_be_used_gives_way(own):
    vpa = vpa_of(status=status_of(own, entry("log")), profile=remembering(app=maps(400)))
    assert recall_status(vpa) == status_of(entry("log"), entry("app", cpu=400))


@pytest.mark.parametrize("nonsense", [None, 7, [], {"containerRecommendations": "x"}], ids=str)
def test_a_status_of_another_shape_is_filled_in_too(nonsense):
    vpa = vpa_of(status={"recommendation": nonsense}, profile=remembering(app=maps(400)))
    assert recall_status(vpa) == status_of(entry("app", cpu=400))


def test_what_was_learnt_of_another_workload_is_nothing_to_go_on_from():
    vpa = vpa_of(target=WorkloadRef("shop", "Deployment", "other"), profile=remembering(app=maps()))
    assert recall_status(vpa) == {}
    assert recall_status(vpa_of(target=None, profile=remembering(app=maps()))) == {}


def test_the_rest_of_the_status_stays():
    vpa = vpa_of(status={"conditions": [], "foreign": 1}, profile=remembering(app=maps()))
    assert recall_status(vpa) == {"conditions": [], "foreign": 1, **status_of(entry())}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["target", "containers", "name", "recommended", "cpu", "recommendation"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(own=st.dictionaries(st.just("recommendation"), JSON), remembered=JSON)
def test_whatever_the_statuses_hold_it_is_read_without_an_error(own, remembered):
    status = {"target": TARGET, "containers": remembered}
    vpa = vpa_of(status=own, profile=Profile(generation=1, status=status))
    recall_status(vpa)


def test_hysteresis_goes_on_from_what_the_energy_profile_remembers():
    usage = usage_of({"app": (ramp(0.2, 0.6), 2**30)})
    free = size_app(usage)
    near = round(1.03 * float(free.recommended.target.cpu.removesuffix("m")))
    vpa = vpa_of(profile=remembering(app=maps(near)))
    assert size_app(usage, vpa=vpa).recommended.target.cpu == f"{near}m"
    assert step_of(size_app(usage, vpa=vpa), "cpu kept") is not None
    assert size_app(usage, vpa=vpa_of()).recommended == free.recommended


def test_the_caps_of_the_vpa_hold_for_what_is_remembered():
    usage = usage_of({"app": (ramp(0.2, 0.6), 2**30)})
    capped = ContainerPolicy("app", max_allowed=Amounts(cpu_millicores=100))
    vpa = vpa_of(capped, profile=remembering(app=maps(400)))
    assert size_app(usage, vpa=vpa).recommended.target.cpu == "100m"


@pytest.mark.parametrize(
    ("profile", "annotation", "expected"),
    [
        ("batch", "critical", ("batch", "EnergyProfile")),
        ("", "critical", ("critical", "annotation")),
        ("", "", ("standard", "default")),
    ],
)
def test_the_class_of_the_energy_profile_beats_the_annotation(profile, annotation, expected):

    vpa = vpa_of(work_class=annotation, profile=Profile(generation=1, work_class=profile))
    report, _ = size(usage_of({"app": (np.full(2304, 0.3), 2**30)}), vpa=vpa)
    assert (report.work_class, report.work_class_source) == expected
    assert report.namespace == WEB.namespace
