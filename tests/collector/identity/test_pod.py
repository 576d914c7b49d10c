"""Pods are decoded as the kubelet and the API server write them, and one bad pod costs itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.identity.failure import PodListError
from collector.identity.pod import decode_pods
from tests.collector.identity.build import UID, a_pod, body_of, container_id


def the_pod(*arguments, **options):
    (pod,) = decode_pods(body_of(a_pod(*arguments, **options))).pods
    return pod


def statuses(*names, key="containerStatuses", **more):
    return {key: [{"name": n, "containerID": f"cri-o://{container_id(n)}"} | more for n in names]}


def test_containers_are_known_by_the_runtimes_id():
    run = container_id("1")

    assert the_pod(runs={"app": run}).containers == {run: "app"}


def test_init_and_ephemeral_containers_are_named_too():
    pod = the_pod(
        runs={},
        spec={"initContainers": [{"name": "init"}], "ephemeralContainers": [{"name": "debug"}]},
        status=statuses("init", key="initContainerStatuses")
        | statuses("debug", key="ephemeralContainerStatuses"),
    )

    assert pod.containers == {container_id("init"): "init", container_id("debug"): "debug"}
    assert not pod.has_all_ids  # app has none yet


def test_run_before_a_restart_keeps_its_name():
    last = {"lastState": {"terminated": {"containerID": "cri-o://" + "e" * 64, "exitCode": 1}}}
    pod = the_pod(status=statuses("app", **last))

    assert pod.containers == {"e" * 64: "app", container_id("app"): "app"}


@pytest.mark.parametrize(
    ("resources", "cores"),
    [
        pytest.param({"requests": {"cpu": "250m"}}, 0.25, id="request"),
        pytest.param({"requests": {"cpu": "2"}, "limits": {"cpu": "4"}}, 2.0, id="both"),
        pytest.param({"limits": {"cpu": "1500m"}}, 1.5, id="limit stands in, as in Kubernetes"),
        pytest.param({"requests": {"memory": "1Gi"}}, 0.0, id="memory only"),
        pytest.param({"requests": {"cpu": 1}}, 1.0, id="a bare number"),
        pytest.param({"requests": None}, 0.0, id="null"),
        pytest.param(None, 0.0, id="none"),
    ],
)
def test_request_of_a_container(resources, cores):
    pod = the_pod(spec={"containers": [{"name": "app", "resources": resources}]})

    assert pod.requests == {"app": cores}


def test_request_granted_by_a_resize_in_place_counts():
    granted = {"allocatedResources": {"cpu": "700m", "memory": "1Gi"}}
    pod = the_pod(requests={"app": "500m"}, status=statuses("app", **granted))

    assert pod.requests == {"app": 0.7}


def test_what_is_requested_for_the_pod_beyond_its_containers_is_its_own():
    pod = the_pod(
        requests={"app": "500m"},
        spec={"resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "250m"}},
    )

    assert pod.own_cores == 1.75


def test_static_pod_is_known_by_its_hash_whichever_server_tells_it():
    from_kubelet = the_pod(
        uid="9b8f2f3c",
        owner=None,
        metadata={"annotations": {"kubernetes.io/config.source": "file"}},
    )
    from_api = the_pod(
        owner=("Node", "node-1"),
        metadata={"annotations": {"kubernetes.io/config.mirror": "9b8f2f3c"}},
    )

    assert from_kubelet.uids == {"9b8f2f3c"}
    assert from_api.uids == {"9b8f2f3c", UID}
    assert from_kubelet.is_static
    assert from_api.is_static
    assert not the_pod(metadata={"annotations": {"kubernetes.io/config.source": "api"}}).is_static


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("a string", id="no object"),
        pytest.param({"metadata": {"name": "x"}}, id="half"),
        pytest.param(
            a_pod(spec={"containers": [{"name": "app", "resources": {"requests": {"cpu": "x"}}}]}),
            id="a quantity that is none",
        ),
        pytest.param(a_pod(metadata={"creationTimestamp": "yesterday"}), id="no time"),
        pytest.param(a_pod(status={"containerStatuses": {"app": 1}}), id="no list"),
    ],
)
def test_pod_that_is_none_costs_only_itself(damage):
    listing = decode_pods(body_of(a_pod("a"), damage, a_pod("b")))

    assert [pod.name for pod in listing.pods] == ["a", "b"]
    assert listing.damaged == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad Gateway</html>",
        b'{"kind": "Status", "code": 403}',
        b'{"items": 7}',
        b'{"items": [',
        b"\xff\xfe",
    ],
)
def test_answer_that_is_no_list_is_an_error(body):
    with pytest.raises(PodListError, match="the answer is no list of pods"):
        decode_pods(body)


def test_empty_lists_are_lists():
    assert decode_pods(b'{"items": []}') == decode_pods(b'{"items": null}')


def test_null_where_a_list_may_be_is_an_empty_list():
    empty = {"containerStatuses": None, "initContainerStatuses": None}
    pod = the_pod(status=empty, spec={"containers": None}, metadata={"labels": None})

    assert pod.containers == {}
    assert pod.requests == {}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(_json))
def test_any_items_are_pods_or_counted(items):
    listing = decode_pods(json.dumps({"items": items}).encode())

    assert listing.damaged == len(items)
