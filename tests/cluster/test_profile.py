"""An EnergyProfile is read beside the VPA of its name; what is wrong with it hurts that VPA only."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.fake import FakeApi
from recommender.cluster.manifest import Metadata
from recommender.cluster.profile import ProfileItem, convert_profile
from recommender.cluster.reader import ClusterReader
from recommender.errors import ClusterReplyError
from recommender.model.profile import LatencyGuard, MetricSelector, Profile, WorkMetric
from recommender.settings import ClusterSettings
from tests.cluster.builder import deployment_with_pods, energy_profile, vpa

LIST = "GET /apis/joulefit.io/v1alpha1/energyprofiles"
WORK = {"name": "http_requests_total", "labels": {"code": "200"}, "unit": "requests"}
GUARD = {"name": "seconds_bucket", "quantile": 0.99, "maxSeconds": 0.25}


def converted(spec, *, status=None, **metadata):
    item = ProfileItem(
        Metadata("web", "shop", generation=3, resource_version="7", **metadata),
        spec=json.dumps(spec).encode(),
        status=json.dumps(status or {}).encode(),
    )
    return convert_profile(item)


def read(*objects, failures=None):
    return ClusterReader(FakeApi(objects, failures=failures), ClusterSettings()).read()


def test_every_field_of_the_spec_is_read():
    spec = {"workClass": "batch", "workMetric": WORK, "latency": GUARD, "objective": "carbon"}
    assert converted(spec, status={"tier": "T1"}) == Profile(
        generation=3,
        work_class="batch",
        work_metric=WorkMetric(MetricSelector("http_requests_total", {"code": "200"}), "requests"),
        latency=LatencyGuard(MetricSelector("seconds_bucket"), 0.25, 0.99),
        objective="carbon",
        status={"tier": "T1"},
        resource_version="7",
    )


@pytest.mark.parametrize("spec", [{}, None, {"workClass": None, "workMetric": None}], ids=str)
def test_an_empty_spec_asks_for_nothing_and_is_sound(spec):
    assert converted(spec) == Profile(generation=3, resource_version="7")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"workClass": "urgent"},
            "spec.workClass is 'urgent'; it is one of critical, standard, batch",
        ),
        ({"objective": "money"}, "spec.objective is 'money'; it is one of energy, carbon"),
        ({"workMetric": {"name": "a b"}}, "spec.workMetric: name 'a b' is no metric name"),
        ({"workMetric": {}}, "spec.workMetric: name '' is no metric name"),
        ({"workMetric": {"name": "x_bucket"}}, "spec.workMetric: name 'x_bucket' is of buckets"),
        (
            {"workMetric": {"name": "x", "labels": {"namespace": "bank"}}},
            "spec.workMetric: labels holds 'namespace', which joulefit sets itself; remove it",
        ),
        (
            {"latency": GUARD | {"labels": {"pod": "x"}}},
            "spec.latency: labels holds 'pod', which joulefit sets itself; remove it",
        ),
        ({"latency": {"name": "x"}}, "spec.latency: maxSeconds is missing or not above 0"),
        (
            {"latency": GUARD | {"maxSeconds": -1}},
            "spec.latency: maxSeconds is missing or not above",
        ),
        (
            {"latency": GUARD | {"quantile": 1.5}},
            "spec.latency: quantile 1.5 is not between 0 and 1",
        ),
        (
            {"latency": GUARD | {"name": "x"}},
            "spec.latency: quantile belongs to a name that ends in",
        ),
        ({"workMetric": {"name": 7}}, "spec cannot be read: Expected `str`, got `int`"),
        (["x"], "spec cannot be read: Expected"),
    ],
    ids=str,
)
def test_a_spec_that_cannot_be_meant_is_a_problem_that_names_the_field(spec, problem):
    found = converted(spec, status={"tier": "T1"})
    assert found.problem.startswith(f"EnergyProfile web: {problem}")
    assert (found.work_class, found.work_metric, found.status) == ("", None, {"tier": "T1"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "workClass",
                    "workMetric",
                    "latency",
                    "objective",
                    "name",
                    "labels",
                    "unit",
                    "quantile",
                    "maxSeconds",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(spec=JSON, status=JSON)
def test_whatever_an_object_holds_it_is_read_or_refused_without_an_error(spec, status):
    item = ProfileItem(
        Metadata("web", "shop"),
        spec=json.dumps(spec).encode(),
        status=json.dumps(status, allow_nan=True)
        .replace("NaN", "0")
        .replace("Infinity", "0")
        .encode(),
    )
    found = convert_profile(item)
    assert isinstance(found.status, dict)


def test_a_profile_belongs_to_the_vpa_of_its_namespace_and_name():
    state = read(
        *deployment_with_pods("shop", "web"),
        *deployment_with_pods("bank", "web"),
        vpa("shop", "web-vpa", target="web"),
        vpa("bank", "web"),
        energy_profile("shop", "web-vpa", workClass="critical"),
        energy_profile("shop", "web", workClass="batch"),
        energy_profile("shop", "alone", workClass="batch"),
    )
    profiles = {(each.namespace, each.name): each.profile for each in state.vpas}
    assert profiles[("bank", "web")] is None
    assert profiles[("shop", "web-vpa")].work_class == "critical"
    assert state.warnings == ()


def test_a_bad_spec_is_a_problem_of_that_vpa_only():
    state = read(
        *deployment_with_pods("shop", "web"),
        *deployment_with_pods("shop", "api"),
        vpa("shop", "web"),
        vpa("shop", "api"),
        energy_profile("shop", "web", workClass="urgent"),
        energy_profile("shop", "api", workClass="batch"),
    )
    problems = {each.name: each.problem for each in state.vpas}
    assert problems["web"].startswith("EnergyProfile web: spec.workClass is 'urgent'")
    assert problems["api"] == ""
    assert [each.ref.name for each in state.workloads] == ["api"]


def test_a_profile_that_is_being_deleted_is_gone():
    leaving = energy_profile("shop", "web", workClass="batch")
    leaving["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    state = read(*deployment_with_pods("shop", "web"), vpa("shop", "web"), leaving)
    assert [each.profile for each in state.vpas] == [None]


def test_a_cluster_without_the_crd_is_nothing_to_warn_of():
    state = read(*deployment_with_pods("shop", "web"), vpa("shop", "web"), failures={LIST: 404})
    assert (state.warnings, [each.problem for each in state.vpas]) == ((), [""])


def test_where_they_may_not_be_listed_it_is_said_once_and_all_works():
    state = read(
        *deployment_with_pods("shop", "web"),
        *deployment_with_pods("shop", "api"),
        vpa("shop", "web"),
        vpa("shop", "api"),
        failures={LIST: 403},
    )
    (warning,) = state.warnings
    assert warning.startswith("EnergyProfiles are not read: energyprofiles: list is forbidden")
    assert len(state.workloads) == 2


def test_an_api_server_in_trouble_is_an_error_as_for_every_list():
    with pytest.raises(ClusterReplyError):
        read(vpa("shop", "web"), failures={LIST: 500})
