"""What the variables offer, in the order in which Grafana asks for them."""

from __future__ import annotations

import pytest

from tests.dashboards.fleet import CLUSTER, EMPTY_CLUSTER
from tests.dashboards.grafana import NAMES, PAGES

EVERY = dict.fromkeys(("cluster", "namespace", "node", "pool", "workload", "container"), ".*")


def query_variables(page):
    return [each for each in PAGES[page]["templating"]["list"] if each["type"] == "query"]


VARIABLES = [(page, each) for page in NAMES for each in query_variables(page)]
IDS = [f"{page}, {each['name']}" for page, each in VARIABLES]


@pytest.mark.parametrize(("page", "variable"), VARIABLES, ids=IDS)
def test_each_variable_offers_values_that_are_names(store, page, variable):
    offered = store.offer(variable, EVERY)
    assert offered, page
    assert all(offered)


@pytest.mark.parametrize(("page", "variable"), VARIABLES, ids=IDS)
def test_each_variable_offers_nothing_of_an_empty_store_and_fails_not(empty_store, page, variable):
    assert empty_store.offer(variable, EVERY) == [], page


def offers(store, page, **chosen):
    return {
        each["name"]: store.offer(each, EVERY | {"cluster": CLUSTER} | chosen)
        for each in query_variables(page)
    }


def test_clusters_are_those_that_have_a_name_in_the_store(store):
    assert offers(store, "efficiency")["cluster"] == [EMPTY_CLUSTER, CLUSTER]


def test_namespaces_are_those_of_the_cluster(store, fleet):
    expected = sorted({each.ref.namespace for each in fleet.cluster.workloads if each.pods_on})
    assert offers(store, "efficiency")["namespace"] == expected
    assert offers(store, "efficiency", cluster=EMPTY_CLUSTER)["namespace"] == []


def test_workloads_are_those_of_the_namespace_and_containers_those_of_the_workload(store, fleet):
    shop = {
        each.ref.name
        for each in fleet.cluster.workloads
        if each.ref.namespace == "shop" and each.pods_on
    }
    found = offers(store, "workload", namespace="shop", workload="checkout")
    assert set(found["workload"]) == shop
    assert found["container"] == ["app", "proxy"]


def test_nodes_and_pools_are_those_of_the_cluster(store, fleet):
    found = offers(store, "nodes")
    assert found["node"] == sorted(node.name for node in fleet.cluster.nodes)
    assert found["pool"] == [pool.name for pool in fleet.report.pools]


def test_where_all_can_be_chosen_all_is_what_is_chosen_and_matches_no_label_too():
    for page, variable in VARIABLES:
        if variable.get("includeAll"):
            assert variable["allValue"] == ".*", page
            assert variable["current"]["value"] == "$__all"
