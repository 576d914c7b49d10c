"""Patches for GitOps: only what changes, and nothing that Kubernetes would refuse."""

from __future__ import annotations

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.model.report import Conflict, Current
from recommender.report.patch import format_patches
from recommender.units import parse_millicores
from tests.report.sample import container, quantities, recommended, sample_report, workload


def _patches(*workloads):
    return list(yaml.safe_load_all(format_patches(sample_report(workloads=workloads, skipped=()))))


def _comments(*workloads, skipped=()):
    text = format_patches(sample_report(workloads=workloads, skipped=skipped))
    return [line for line in text.splitlines() if line.startswith("#")]


def _resources(*containers, **changes):
    (patch,) = _patches(workload(*containers, **changes))
    spec = patch["spec"]["template"]["spec"]
    return {each["name"]: each["resources"] for each in spec["containers"]}


def _app(now, ours, *, limits=(None, None), **changes):
    """Requests now and ours as (cpu, memory)."""
    cpu, memory = ours
    return container(
        current=Current(quantities(*now), quantities(*limits)),
        recommended=recommended((cpu,) * 4, (memory,) * 4),
        **changes,
    )


def test_a_patch_names_its_workload_and_holds_the_new_requests():
    assert _patches(workload(_app(("1500m", "2Gi"), ("411m", "1181116006")))) == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": "shop", "name": "checkout"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "app",
                                "resources": {"requests": {"cpu": "411m", "memory": "1181116006"}},
                            }
                        ]
                    }
                }
            },
        }
    ]


def test_only_what_differs_stands_in_it_whatever_its_notation():
    same = _app(("0.5", "1Gi"), ("500m", "1073741824"), name="same")
    memory = _app(("500m", "1Gi"), ("500m", "2Gi"), name="memory")
    assert _resources(same, memory) == {"memory": {"requests": {"memory": "2Gi"}}}
    assert _patches(workload(same)) == []


def test_a_resource_that_is_not_controlled_is_left_alone():
    app = _app((None, None), ("60m", None))
    assert _resources(app) == {"app": {"requests": {"cpu": "60m"}}}


def test_a_limit_stays_unless_the_request_would_be_above_it_and_then_keeps_its_proportion():
    below = _app(("200m", "1Gi"), ("300m", "512Mi"), limits=("400m", "1Gi"), name="below")
    above = _app(("200m", "1Gi"), ("500m", "2Gi"), limits=("400m", "1Gi"), name="above")
    found = _resources(below, above)
    assert found["below"] == {"requests": {"cpu": "300m", "memory": "512Mi"}}
    assert found["above"] == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"cpu": "1", "memory": "2Gi"},  # 400 x 500 / 200
    }


@given(
    now=st.none() | st.integers(1, 4000),
    ours=st.integers(1, 8000),
    spare=st.none() | st.integers(0, 4000),
)
@settings(max_examples=60)
def test_no_request_is_ever_above_its_limit(now, ours, spare):
    limit = None if spare is None else (now or 0) + max(spare, 1)
    cpu = (None if now is None else f"{now}m", None if limit is None else f"{limit}m")
    patches = _patches(workload(_app((cpu[0], None), (f"{ours}m", None), limits=(cpu[1], None))))
    if not patches:
        assert ours == now
        return
    (each,) = patches[0]["spec"]["template"]["spec"]["containers"]
    resources = each["resources"]
    assert parse_millicores(resources["requests"]["cpu"]) == ours
    if limit is not None:
        left = resources.get("limits", {}).get("cpu", f"{limit}m")
        assert parse_millicores(left) >= ours
    else:
        assert "limits" not in resources


@pytest.mark.parametrize(
    ("kind", "version", "path"),
    [
        ("DaemonSet", "apps/v1", ("spec", "template", "spec")),
        ("StatefulSet", "apps/v1", ("spec", "template", "spec")),
        ("CronJob", "batch/v1", ("spec", "jobTemplate", "spec", "template", "spec")),
        ("ReplicationController", "v1", ("spec", "template", "spec")),
    ],
)
def test_each_kind_has_its_containers_at_its_own_place(kind, version, path):
    (patch,) = _patches(workload(kind=kind))
    assert patch["apiVersion"] == version
    for key in path:
        patch = patch[key]
    assert [each["name"] for each in patch["containers"]] == ["app"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Job", "the requests of a Job cannot be changed once it is there"),
        ("Pod", "the requests of a Pod cannot be changed once it is there"),
        ("Rollout", "its kind takes no strategic merge patch; set the requests in its manifest"),
    ],
)
def test_what_takes_no_such_patch_is_left_out_and_said(kind, why):
    row = workload(kind=kind)
    assert _patches(row) == []
    assert f"# left out: shop/{kind.lower()}/checkout: {why}" in _comments(row)


def test_the_reasons_stand_in_comments():
    conflict = Conflict("LimitRange", "app", "411m is below the least of 500m: refused")
    said = _comments(workload(hpa="checkout-cpu", conflicts=(conflict,)))
    assert said[2:] == [
        "# shop/deploy/checkout x6",
        "# app: cpu 1500m > 411m; memory 2Gi > 1.1Gi; p93 of 14 d at 1.42 W/core; -9.3+-0.4 W",
        "# scaled on CPU by HPA checkout-cpu: a lower request makes more replicas",
        "# app: 411m is below the least of 500m: refused",
    ]


def test_pods_that_lose_their_guaranteed_class_are_told_of():
    guaranteed = _app(("2", "8Gi"), ("1", "8Gi"), limits=("2", "8Gi"))
    said = "# limits stay as they are, so its pods are no longer of QoS class Guaranteed"
    assert said in _comments(workload(guaranteed))
    burstable = msgspec.structs.replace(container(), name="sidecar")
    assert said not in _comments(workload(guaranteed, burstable))


def test_a_container_that_its_template_does_not_have_is_left_out_and_named():
    mesh = container(name="istio-proxy", in_template=False)
    said = (
        "# left out: shop/deploy/checkout, container istio-proxy: the workload's template does not "
        "have it; set its requests where it is injected"
    )
    assert list(_resources(container(), mesh)) == ["app"]
    assert said in _comments(workload(container(), mesh))
    assert _patches(workload(mesh)) == []
    assert {said, "# nothing to patch"} <= set(_comments(workload(mesh)))


def test_one_whose_requests_stay_is_not_worth_a_word():
    mesh = _app(("1", "1Gi"), ("1", "1Gi"), name="istio-proxy", in_template=False)
    assert "istio-proxy" not in "\n".join(_comments(workload(container(), mesh)))


def test_a_line_break_in_a_reason_ends_no_comment():
    row = workload(container(why="a\nkind: Secret\r\u2028kind: Secret\x85"))
    assert _patches(row)[0]["kind"] == "Deployment"
    assert all(line.startswith("#") for line in _comments(row))
    assert len(_patches(row)) == 1


def test_names_that_look_like_numbers_stay_text():
    (patch,) = _patches(workload(container(name="1e3"), name="123", namespace="true"))
    assert patch["metadata"] == {"namespace": "true", "name": "123"}
    assert patch["spec"]["template"]["spec"]["containers"][0]["name"] == "1e3"


def test_nothing_to_patch_is_said_and_holds_no_document():
    assert _patches() == []
    assert "# nothing to patch" in _comments()
