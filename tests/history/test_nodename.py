"""Which node a series is about, whatever its exporter calls it."""

from __future__ import annotations

import pytest

from recommender.history.nodename import NodeNames
from tests.history.build import matrix_of

KNOWN = frozenset(["node-1", "node-2", "ip-10-0-0-7.eu-west-1.compute.internal"])


def names_of(*infos: dict[str, str], known: frozenset[str] | None = KNOWN) -> NodeNames:
    names = NodeNames(known)
    names.learn(matrix_of([(labels, {0: 1.0}) for labels in infos]))
    return names


UNAME = {"__name__": "node_uname_info", "nodename": "node-1", "instance": "10.0.0.1:9100"}
KUBE = {
    "__name__": "kube_node_info",
    "node": "node-2",
    "internal_ip": "10.0.0.2",
    "instance": "10.9.9.9:8080",
}


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ({"node": "node-1"}, "node-1"),
        ({"node_name": "node-2", "instance": "10.0.0.9:28282"}, "node-2"),
        ({"instance": "node-1"}, "node-1"),
        ({"instance": "node-1:9100"}, "node-1"),
        ({"exported_instance": "node-2", "instance": "10.0.0.9:9102"}, "node-2"),
        ({"instance": "10.0.0.1:9100"}, "node-1"),
        ({"instance": "10.0.0.1:10250"}, "node-1"),
        ({"instance": "10.0.0.2:9100"}, "node-2"),
        ({"instance": "ip-10-0-0-7:9100"}, "ip-10-0-0-7.eu-west-1.compute.internal"),
        ({"nodename": "node-1.example.com"}, "node-1"),
        ({"instance": "10.9.9.9:8080"}, None),
        ({"instance": "10.0.0.77:9100"}, None),
        ({}, None),
    ],
)
def test_a_known_node(labels, node):
    assert names_of(UNAME, KUBE).find(labels) == node


def test_what_is_no_node_of_the_cluster_is_remembered():
    names = names_of()
    names.find({"instance": "10.0.0.77:9100"})
    assert names.strangers == {"10.0.0.77"}


def test_a_short_name_that_two_nodes_share_names_none_of_them():
    names = names_of(known=frozenset(["n1.west.example", "n1.east.example"]))
    assert names.find({"instance": "n1:9100"}) is None
    assert names.find({"instance": "n1.west.example:9100"}) == "n1.west.example"


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ({"node": "any"}, "any"),
        ({"instance": "10.0.0.1:9100"}, "node-1"),
        ({"instance": "10.0.0.77:9100"}, "10.0.0.77"),
        ({"instance": "[fd00::1]:9100"}, "fd00::1"),
    ],
)
def test_where_nobody_knows_the_nodes_the_likeliest_name_is_taken(labels, node):
    assert names_of(UNAME, known=None).find(labels) == node


def test_cpu_models_and_estimated_meters_are_learnt():
    names = names_of(
        UNAME,
        {"__name__": "node_cpu_info", "instance": "10.0.0.1:9100", "model_name": "EPYC  7763 "},
        {"__name__": "joulefit_node_info", "node": "node-2", "cpu_model": "Xeon 8380"},
        {
            "__name__": "kepler_node_info",
            "instance": "node-2",
            "components_power_source": "estimator",
        },
    )
    assert names.cpu_models == {"node-1": "EPYC 7763", "node-2": "Xeon 8380"}
    assert names.modelled == {"node-2"}
