"""VPA's parts are seen by the names and labels that its distributions give their pods."""

import msgspec
import pytest

from recommender.cluster.component import (
    ADMISSION,
    RECOMMENDER,
    UPDATER,
    ProgramPod,
    find_components,
    name_part,
)
from recommender.cluster.manifest import Metadata
from tests.cluster import builder


def decoded(*pods):
    return [msgspec.convert(pod, ProgramPod) for pod in pods]


def running(name, *, image="registry.invalid/app:1", ns="kube-system", phase="Running", **program):
    program = {"name": "main", "image": image, **program}
    return builder.pod(ns, name, containers=[program], phase=phase)


@pytest.mark.parametrize(
    ("name", "labels", "part"),
    [
        ("vpa-updater-5d9c7b8f6-bcdfg", {}, UPDATER),
        ("vpa-admission-controller-5d9c7b8f6-bcdfg", {}, ADMISSION),
        ("vpa-recommender-5d9c7b8f6-bcdfg", {}, RECOMMENDER),
        ("vpa-updater-default-5d9c7b8f6-bcdfg", {}, UPDATER),
        ("vpa-admission-plugin-default-5d9c7b8f6-bcdfg", {}, ADMISSION),
        ("my-vertical-pod-autoscaler-updater-5d9c7b8f6-bcdfg", {}, UPDATER),
        ("x", {"app": "vpa-updater"}, UPDATER),
        ("x", {"k8s-app": "vpa-admission-controller"}, ADMISSION),
        (
            "release-updater-5d9c7b8f6-bcdfg",
            {"app.kubernetes.io/name": "vpa", "app.kubernetes.io/component": "updater"},
            UPDATER,
        ),
        (
            "x",
            {
                "app.kubernetes.io/name": "vertical-pod-autoscaler",
                "app.kubernetes.io/component": "admission-controller",
            },
            ADMISSION,
        ),
        ("vpa-admission-certgen-bcdfg", {}, ""),
        ("updater-5d9c7b8f6-bcdfg", {"app.kubernetes.io/component": "updater"}, ""),
        ("novpa-updater-1", {}, ""),
        ("web-5d9c7b8f6-bcdfg", {"app": "web"}, ""),
    ],
)
def test_a_part_is_known_by_its_name_or_its_labels(name, labels, part):
    assert name_part(Metadata(name, "kube-system", labels)) == part


def test_two_pods_of_one_deployment_are_one_program():
    pods = decoded(running("vpa-updater-5d9c7b8f6-bcdfg"), running("vpa-updater-5d9c7b8f6-hjklm"))
    [ref] = find_components(pods).parts[UPDATER]
    assert str(ref) == "kube-system/Deployment/vpa-updater"


def test_pods_that_have_ended_run_nothing():
    pods = [running("vpa-updater-1", phase="Failed"), running("vpa-updater-2", phase="Succeeded")]
    leaving = running("vpa-updater-3")
    leaving["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    assert find_components(decoded(*pods, leaving)).parts == {}


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ({}, "default"),
        ({"args": ["--v=4", "--recommender-name=clever"]}, "clever"),
        ({"command": ["/recommender", "-recommender-name", "clever"]}, "clever"),
        ({"args": ["--recommender-name"]}, "default"),
    ],
    ids=str,
)
def test_the_stock_recommender_answers_to_default_or_to_what_it_is_told(program, name):
    pods = decoded(running("vpa-recommender-1", **program))
    assert list(find_components(pods).recommenders) == [name]


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ({"command": ["joulefit"], "args": ["run"]}, ["joulefit"]),
        ({"command": ["/usr/bin/joulefit", "run", "--recommender-name", "green"]}, ["green"]),
        ({"image": "ghcr.io/x/joulefit:0.1@sha256:ab", "args": ["run"]}, ["joulefit"]),
        (
            {
                "image": "localhost:5000/joulefit",
                "args": ["run"],
                "env": [{"name": "JOULEFIT_RECOMMENDER_NAME", "value": "green"}],
            },
            ["green"],
        ),
        ({"image": "ghcr.io/x/joulefit-collector:0.1", "args": ["run"]}, []),
        ({"command": ["joulefit", "report"]}, []),
        ({"image": "registry.invalid/web", "args": ["run"]}, []),
    ],
    ids=str,
)
def test_our_own_service_is_known_by_its_program_or_its_image(program, names):
    assert list(find_components(decoded(running("green-1", **program))).recommenders) == names
