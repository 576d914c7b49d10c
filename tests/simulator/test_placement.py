"""Pods go where there is room; what fits nowhere waits."""

import pytest

from recommender.model.cluster import Node, NodeLoad
from recommender.simulator.placement import PENDING, place_pods
from recommender.simulator.rhythm import Rhythm
from recommender.simulator.workload import SimulatedContainer, SimulatedWorkload

GIB = 2**30
NODES = tuple(Node(f"node-{i}", 10.0, 40 * GIB) for i in range(12))
NONE = NodeLoad()


def _workload(name, pods, cpu, memory="1Gi", kind="Deployment"):
    box = SimulatedContainer("app", cpu, memory, 0.1, "1Gi")
    return SimulatedWorkload("shop", kind, name, pods, Rhythm(), (box,))


def test_equal_pods_are_spread_evenly():
    (node,) = place_pods([_workload("web", 24, "1")], NODES, system=NONE)
    assert sorted(node) == sorted([*range(12), *range(12)])


def test_a_daemon_set_runs_once_on_each_node():
    web, agent = place_pods(
        [_workload("web", 5, "9"), _workload("agent", 12, "2", kind="DaemonSet")],
        NODES[:5],
        system=NONE,
    )
    assert agent.tolist() == [0, 1, 2, 3, 4]
    assert web.tolist() == [PENDING, PENDING]  # two pods on 5 nodes, and 8 cores free on each


@pytest.mark.parametrize(
    ("cpu", "memory", "fits"), [("5", "1Gi", 24), ("6", "1Gi", 12), ("1", "30Gi", 12)],
    ids=["two of 5 cores", "one of 6 cores", "one of 30 GiB"],
)  # fmt: skip
def test_no_node_holds_more_than_it_has(cpu, memory, fits):
    (node,) = place_pods([_workload("web", 30, cpu, memory)], NODES, system=NONE)
    assert (node != PENDING).sum() == fits


def test_what_the_system_reserves_is_not_given_to_pods():
    (node,) = place_pods([_workload("web", 24, "5")], NODES, system=NodeLoad(0.5, 0.0))
    assert (node != PENDING).sum() == 12


def test_large_pods_find_their_place_before_small_ones():
    small, large = place_pods(
        [_workload("small", 12, "4"), _workload("large", 12, "8")], NODES, system=NONE
    )
    assert sorted(large) == list(range(12))
    assert (small == PENDING).all()


@pytest.mark.parametrize(("nodes", "pods"), [(12, 8), (24, 16), (6, 4), (1, 1)])
def test_the_fleet_grows_with_the_nodes(nodes, pods):
    assert _workload("web", 8, "1").count_pods(nodes) == pods
    assert _workload("agent", 8, "1", kind="DaemonSet").count_pods(nodes) == nodes
