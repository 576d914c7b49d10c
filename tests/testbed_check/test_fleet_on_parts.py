"""A small fleet on the real programs: stores return the truth, the API server takes the objects."""

import os

import numpy as np
import pytest
import requests

from tests.testbed.exposition import SCHEMAS
from tests.testbed.fleet import FleetShape, generate_fleet
from tests.testbed.history_cache import KEPT_HISTORIES, cached_folder
from tests.testbed.manifest import fleet_objects

SHAPE = FleetShape(
    nodes=2,
    cores_per_node=8,
    workloads=6,
    daemonsets=1,
    statefulsets=1,
    namespaces=2,
    days=0.5,
    hpas=1,
)


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SHAPE)


def query_range(store, expression):
    end = SHAPE.end
    parameters = {"query": expression, "start": end - 43_200, "end": end, "step": 300}
    with requests.Session() as session:
        reply = session.post(f"{store.url}/api/v1/query_range", data=parameters, timeout=60)
    return reply.json()["data"]["result"]


@pytest.mark.parametrize("kind", ["prometheus_of", "victoria_metrics_of"])
def test_a_store_returns_the_cores_that_a_container_used(request, fleet, kind):
    store = request.getfixturevalue(kind)(SHAPE, "joulefit")
    pod = next(p for p in fleet.pods if p.workload.kind == "StatefulSet")
    (row,) = [c.row for c in fleet.containers if c.pod == pod and c.name == "app"]
    expression = f'joulefit_container_cpu_seconds_total{{pod="{pod.name}",container="app"}}'
    (series,) = query_range(store, expression)
    values = np.array([float(value) for _, value in series["values"]])
    np.testing.assert_allclose(np.diff(values) / 300, fleet.cores[row], rtol=1e-6)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_prometheus_returns_every_series_of_a_schema(fleet, prometheus_of, schema):
    store = prometheus_of(SHAPE, schema)
    expression = "count(last_over_time({__name__!=''}[12h]))"
    with requests.Session() as session:
        parameters = {"query": expression, "time": SHAPE.end}
        reply = session.get(f"{store.url}/api/v1/query", params=parameters, timeout=60)
    (counted,) = reply.json()["data"]["result"]
    assert int(counted["value"][1]) == sum(1 for _ in SCHEMAS[schema](fleet))


def test_the_api_server_takes_all_objects_and_pods_lead_to_their_owners(fleet, empty_cluster):
    empty_cluster.apply(fleet_objects(fleet))
    api = empty_cluster.api
    owners = {
        item["metadata"]["uid"]: (kind, item)
        for kind in ("replicasets", "statefulsets", "daemonsets", "deployments")
        for item in api.get(f"/apis/apps/v1/{kind}")["items"]
    }
    pods = api.get("/api/v1/pods")["items"]
    assert {pod["metadata"]["name"] for pod in pods} == {c.pod.name for c in fleet.running}
    tops = set()
    for pod in pods:
        kind, item = owners[pod["metadata"]["ownerReferences"][0]["uid"]]
        if kind == "replicasets":
            _, item = owners[item["metadata"]["ownerReferences"][0]["uid"]]
        tops.add(item["metadata"]["name"])
    assert tops == {workload.name for workload in fleet.workloads}


def test_pods_run_on_their_nodes_with_the_templates_requests(fleet, empty_cluster):
    empty_cluster.apply(fleet_objects(fleet))
    container = fleet.running[-1]
    path = f"/api/v1/namespaces/{container.pod.namespace}/pods/{container.pod.name}"
    pod = empty_cluster.api.get(path)
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"] == fleet.node_names[container.pod.node]
    requested = pod["spec"]["containers"][-1]["resources"]["requests"]
    millicores = round(container.template.request_cores * 1000)
    canonical = f"{millicores}m" if millicores % 1000 else str(millicores // 1000)
    assert requested["cpu"] == canonical
    assert requested["memory"] == str(container.template.request_bytes)


def test_kubectl_sees_nodes_pods_and_vpas(fleet, empty_cluster):
    empty_cluster.apply(fleet_objects(fleet))
    nodes = empty_cluster.kubectl("get", "nodes", "--no-headers").splitlines()
    assert [line.split()[:2] for line in nodes] == [["node-01", "Ready"], ["node-02", "Ready"]]
    vpas = empty_cluster.kubectl("get", "vpa", "-A", "--no-headers").splitlines()
    assert len(vpas) == 6 + SHAPE.foreign_vpas
    assert len(empty_cluster.kubectl("get", "hpa", "-A", "--no-headers").splitlines()) == 1


def test_every_workload_has_a_vpa_of_ours_and_some_have_others_too(fleet):
    named = [
        (item["metadata"]["name"], item["spec"].get("recommenders"))
        for item in fleet_objects(fleet, recommender="clever")
        if item["kind"] == "VerticalPodAutoscaler"
    ]
    ours = [name for name, recommenders in named if recommenders == [{"name": "clever"}]]
    assert ours == [workload.name for workload in fleet.workloads]
    others = [recommenders for _, recommenders in named if recommenders != [{"name": "clever"}]]
    assert others == [None, [{"name": "performance"}]] * 2


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("JOULEFIT_TESTBED_CACHE", str(tmp_path))
    return tmp_path / "histories"


def make_once(folder):
    folder.mkdir()
    (folder / "made").touch()


def fail(folder):
    make_once(folder)
    raise RuntimeError("out of space")


@pytest.mark.usefixtures("own_cache")
def test_a_history_is_made_once():
    first = cached_folder("a", make_once)
    assert (first / "made").exists()
    assert cached_folder("a", fail) == first


def test_a_history_that_could_not_be_made_is_not_there(own_cache):
    with pytest.raises(RuntimeError, match="out of space"):
        cached_folder("a", fail)
    assert not (own_cache / "a").exists()
    assert (cached_folder("a", make_once) / "made").exists()


@pytest.mark.usefixtures("own_cache")
def test_the_histories_that_were_used_last_are_kept():
    made = [cached_folder(f"h{i}", make_once) for i in range(KEPT_HISTORIES)]
    for age, folder in enumerate(made):
        os.utime(folder, (age, age))
    cached_folder("h0", fail)  # used again, so no longer the oldest
    cached_folder("new", make_once)
    assert [folder.name for folder in made if not folder.exists()] == ["h1"]
