"""The fleet's truth is consistent in itself, and the same for everyone who asks for it."""

import numpy as np
import pytest

from tests.testbed.fleet import FleetShape, generate_fleet
from tests.testbed.server_curve import SERVERS

SMALL = FleetShape(
    nodes=3, workloads=9, daemonsets=1, statefulsets=2, namespaces=2, days=1, sidecar_share=0.05
)


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SMALL)


def test_equal_shapes_give_equal_fleets(fleet):
    again = generate_fleet(SMALL)
    assert again.containers == fleet.containers
    np.testing.assert_array_equal(again.cores, fleet.cores)
    np.testing.assert_array_equal(again.memory_bytes, fleet.memory_bytes)


def test_another_seed_gives_another_fleet(fleet):
    other = generate_fleet(FleetShape(**{**SMALL.__dict__, "seed": 2}))
    assert other.pods[0].name != fleet.pods[0].name
    assert not np.array_equal(other.cores, fleet.cores)


def test_there_are_as_many_workloads_of_each_kind_as_asked_for(fleet):
    kinds = [workload.kind for workload in fleet.workloads]
    assert kinds == ["DaemonSet"] + ["StatefulSet"] * 2 + ["Deployment"] * 6


def test_a_day_of_five_minute_bins_ends_at_the_end(fleet):
    assert len(fleet.edges) == 289
    assert fleet.cores.shape == (len(fleet.containers), 288)
    assert fleet.edges[-1] == SMALL.end
    assert fleet.start == SMALL.end - 86_400


def test_a_rollout_replaces_the_pods_of_each_deployment_in_the_middle(fleet):
    deployment = fleet.workloads[-1]
    lives = [(p.revision, p.first, p.end) for p in fleet.pods if p.workload == deployment]
    assert lives == [(0, 0, 144), (0, 0, 144), (1, 144, 288), (1, 144, 288)]


def test_without_a_rollout_every_pod_runs_all_the_time():
    fleet = generate_fleet(FleetShape(**{**SMALL.__dict__, "has_rollout": False}))
    assert {(pod.first, pod.end) for pod in fleet.pods} == {(0, 288)}


def test_a_daemonset_has_one_pod_on_each_node(fleet):
    daemon = fleet.workloads[0]
    assert [p.node for p in fleet.pods if p.workload == daemon] == [0, 1, 2]


def test_names_are_those_that_kubernetes_would_give(fleet):
    by_kind = {pod.workload.kind: pod for pod in fleet.pods}
    assert by_kind["StatefulSet"].name == f"{by_kind['StatefulSet'].workload.name}-1"
    deployed = by_kind["Deployment"]
    assert deployed.name.startswith(deployed.workload.replica_set(deployed.revision) + "-")
    assert len({(pod.namespace, pod.name) for pod in fleet.pods}) == len(fleet.pods)


def test_a_container_uses_something_while_it_runs_and_nothing_else(fleet):
    for container in fleet.containers:
        runs = np.zeros(288, dtype=bool)
        runs[container.pod.first : container.pod.end] = True
        assert (fleet.cores[container.row][runs] > 0).all()
        assert (fleet.cores[container.row][~runs] == 0).all()
        assert (fleet.memory_bytes[container.row][~runs] == 0).all()


def test_a_node_uses_what_its_containers_and_its_system_use(fleet):
    rows = [c.row for c in fleet.containers if c.pod.node == 1]
    expected = fleet.cores[rows].sum(axis=0) + fleet.system_cores[1]
    np.testing.assert_allclose(fleet.node_cores[1], expected, rtol=1e-12)


def test_no_node_has_more_requested_than_it_has(fleet):
    for bin_ in (0, 287):
        requested = np.zeros(SMALL.nodes)
        for container in fleet.containers:
            if container.pod.first <= bin_ < container.pod.end:
                requested[container.pod.node] += container.template.request_cores
        assert (requested <= SMALL.cores_per_node).all()


def test_the_default_fleet_is_about_as_busy_as_asked_for():
    fleet = generate_fleet()
    used = fleet.node_cores.mean() / fleet.shape.cores_per_node
    assert used == pytest.approx(fleet.shape.mean_utilisation, rel=0.25)


def test_usage_has_the_rhythm_of_a_day():
    shape = FleetShape(**{**SMALL.__dict__, "days": 4, "has_rollout": False})
    total = generate_fleet(shape).cores.sum(axis=0)
    by_hour = total.reshape(4, 24, 12).mean(axis=(0, 2))
    # The phases are drawn around noon with a standard deviation of 2.4 h.
    assert 8 <= by_hour.argmax() <= 16
    assert by_hour.max() > 1.2 * by_hour.min()


@pytest.mark.parametrize(
    ("utilisation", "watts"),
    # The published 110 W at idle, 211 W at 20 %, 240 W at 30 %, 623 W at full load, for 160 CPUs.
    [(0.0, 11.0), (0.25, 22.55), (1.0, 62.3)],
    ids=["idle", "between two points", "full"],
)
def test_watts_follow_the_published_curve_of_the_server(utilisation, watts):
    server = SERVERS["HPE DL360 G10+"]
    assert server.watts_at(np.array([utilisation]), cores=16)[0] == pytest.approx(watts)


def test_node_watts_are_those_of_the_nodes_utilisation(fleet):
    used = fleet.node_cores[2, 100] / 16
    lower = int(used * 10)
    low, high = fleet.server.watts[lower : lower + 2]
    expected = (low + (high - low) * (used * 10 - lower)) * 16 / 160
    assert fleet.node_watts[2, 100] == pytest.approx(expected)


def test_rows_of_a_workload_are_those_of_all_its_pods(fleet):
    deployment = fleet.workloads[-1]
    rows = fleet.rows_of(deployment, "app")
    assert [fleet.containers[row].pod.workload for row in rows] == [deployment] * 4
    assert {fleet.containers[row].row for row in rows} == set(rows)


def test_a_fleet_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="of 16 cores requested"):
        generate_fleet(FleetShape(**{**SMALL.__dict__, "mean_utilisation": 0.9}))
