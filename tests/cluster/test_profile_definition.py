"""The CRD of EnergyProfiles on the real API server: what it explains, refuses and shows."""

import re
import subprocess

import pytest
import yaml

from tests.cluster import builder
from tests.cluster.builder import energy_profile
from tests.conftest import PROFILE_CRD
from tests.testbed.process import wait_until

WORK = {"name": "http_requests_total", "labels": {"code": "200"}, "unit": "requests"}
GUARD = {"name": "http_request_duration_seconds_bucket", "quantile": 0.99, "maxSeconds": 0.25}


@pytest.fixture
def shop(energy_profiles):
    name = builder.unique("shop")
    energy_profiles.apply([builder.namespace(name)])
    return name


def refusal(control_plane, shop, **spec):
    """What kubectl says of a spec that the API server does not take."""
    path = control_plane.folder / f"{shop}.yaml"
    path.write_text(yaml.safe_dump(energy_profile(shop, "web", **spec)))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        control_plane.kubectl("apply", "-f", str(path))
    return caught.value.__notes__[0]


def test_the_file_is_one_that_kubectl_takes(energy_profiles):
    assert energy_profiles.kubectl("apply", "-f", str(PROFILE_CRD)).startswith(
        "customresourcedefinition.apiextensions.k8s.io/energyprofiles.joulefit.io"
    )


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("energyprofile", "belongs to the VerticalPodAutoscaler of the same namespace and name"),
        ("energyprofile.spec.workMetric", "per second and per busy core-second"),
        ("energyprofile.spec.workMetric.labels", "labels namespace and pod are set by joulefit"),
        ("energyprofile.spec.objective", "with the same service over the day"),
        ("energyprofile.spec.latency", "raised to leave room"),
        ("energyprofile.status.containers.curve", "efficiency of provisioning, not of the code"),
    ],
)
def test_kubectl_explains_a_field(energy_profiles, field, words):
    said = []

    def explained():  # the server publishes a new kind's schema a moment after it serves it
        try:
            said.append(energy_profiles.kubectl("explain", field))
        except subprocess.CalledProcessError:
            return False
        return True

    wait_until(explained, f"kubectl explains {field}")
    assert words in " ".join(said[0].split())


def test_every_field_is_described():
    schema = yaml.safe_load(PROFILE_CRD.read_text())["spec"]["versions"][0]["schema"]
    bare = []

    def look(node, path):
        if path and path != ".metadata" and "description" not in node:
            bare.append(path)
        for name, each in node.get("properties", {}).items():
            look(each, f"{path}.{name}")
        for name, each in node.get("items", {}).get("properties", {}).items():
            look(each, f"{path}.{name}")

    look(schema["openAPIV3Schema"], "")
    assert bare == []


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"workClass": "critical", "objective": "carbon"}, id="class and objective"),
        pytest.param({"workMetric": WORK, "latency": GUARD}, id="metric and histogram"),
        pytest.param({"latency": {"name": "p99_seconds", "maxSeconds": 1}}, id="gauge"),
        pytest.param({"workMetric": {"name": "job:done:total"}}, id="colons"),
        pytest.param(
            {"workMetric": {"name": "n", "labels": {f"l{i}": "x" * 256 for i in range(16)}}},
            id="as many labels as there may be",
        ),
    ],
)
def test_a_sound_spec_is_taken(energy_profiles, shop, spec):
    energy_profiles.apply([energy_profile(shop, "web", **spec)])


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"workClass": "urgent"}, 'Unsupported value: "urgent"'),
        ({"objective": "money"}, 'Unsupported value: "money"'),
        ({"workMetric": {}}, "spec.workMetric.name: Required value"),
        ({"workMetric": {"name": 'up{namespace="b"}'}}, "give one name, not a query"),
        ({"workMetric": {"name": "9lives"}}, "does not begin with a digit"),
        ({"workMetric": {"name": "x_bucket"}}, "name its _count"),
        ({"workMetric": {"name": "x" * 257}}, "may not be more than 256"),
        ({"workMetric": {"name": "x", "labels": {"namespace": "b"}}}, "set by joulefit"),
        ({"workMetric": {"name": "x", "labels": {"pod": "b"}}}, "set by joulefit"),
        ({"workMetric": {"name": "x", "labels": {"__name__": "b"}}}, "internal to Prometheus"),
        ({"workMetric": {"name": "x", "labels": {'a="1",b': "b"}}}, "a label name has letters"),
        ({"workMetric": {"name": "x", "labels": {"a": "b" * 257}}}, "may not be more than 256"),
        (
            {"workMetric": {"name": "x", "labels": {f"l{i}": "" for i in range(17)}}},
            "must have at most 16 items",
        ),
        ({"workMetric": {"name": "x", "unit": "requests/s"}}, "a unit is a word"),
        ({"latency": {"name": "x_bucket", "maxSeconds": 1}}, "a quantile, or neither"),
        ({"latency": {"name": "x", "quantile": 0.9, "maxSeconds": 1}}, "a quantile, or neither"),
        ({"latency": GUARD | {"quantile": 1}}, "less than 1"),
        ({"latency": GUARD | {"maxSeconds": 0}}, "greater than 0"),
        ({"latency": GUARD | {"labels": {"namespace": "b"}}}, "set by joulefit"),
        ({"latency": {"name": "p99"}}, "maxSeconds: Required value"),
    ],
    ids=str,
)
def test_a_spec_that_cannot_be_meant_is_refused_with_the_reason(energy_profiles, shop, spec, words):
    assert words in refusal(energy_profiles, shop, **spec)


def test_fields_that_are_not_known_are_pruned(energy_profiles, shop):
    energy_profiles.apply(
        [energy_profile(shop, "web", status={"tier": "T1", "mood": "good"}, colour="green")]
    )
    found = energy_profiles.api.get(
        f"/apis/joulefit.io/v1alpha1/namespaces/{shop}/energyprofiles/web"
    )
    assert (found["spec"], found["status"]) == ({"objective": "energy"}, {"tier": "T1"})


STATUS = {
    "workClass": "critical",
    "tier": "T1",
    "basis": "priced quantile",
    "confidence": "high",
    "currentCpu": "1600m",
    "recommendedCpu": "436m",
    "wattsSaved": {"value": 9.3, "low": 8.9, "high": 9.7},
}


def table(text):
    """Rows of kubectl's columns, which are two or more spaces apart; the first is the heading."""
    return [re.split(r" {2,}", row.strip()) for row in text.splitlines()]


@pytest.mark.parametrize("name", ["energyprofiles", "energyprofile", "enp"])
def test_kubectl_get_shows_what_was_learnt(energy_profiles, shop, name):
    energy_profiles.apply([energy_profile(shop, "web", status=STATUS)])
    heading, row = table(energy_profiles.kubectl("get", name, "-n", shop))
    assert heading[:7] == [
        *("NAME", "TIER", "BASIS", "CPU NOW", "CPU OURS", "WATTS SAVED", "CONFIDENCE"),
    ]
    assert row[:7] == ["web", "T1", "priced quantile", "1600m", "436m", "9.3", "high"]


def test_kubectl_get_wide_shows_the_class_and_the_category_finds_it(energy_profiles, shop):
    energy_profiles.apply([energy_profile(shop, "web", status=STATUS)])
    heading, row = table(energy_profiles.kubectl("get", "joulefit", "-n", shop, "-o", "wide"))
    assert dict(zip(heading, row, strict=True))["CLASS"] == "critical"


def test_a_profile_without_a_status_shows_empty_columns(energy_profiles, shop):
    energy_profiles.apply([energy_profile(shop, "web")])
    assert "web" in energy_profiles.kubectl("get", "enp", "-n", shop)


def test_ep_stays_the_short_name_of_endpoints(energy_profiles, shop):
    energy_profiles.apply([energy_profile(shop, "web", status=STATUS)])
    with pytest.raises(subprocess.CalledProcessError):
        energy_profiles.kubectl("get", "ep", "web", "-n", shop)
