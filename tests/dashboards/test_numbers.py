"""What the panels show is what the report and the meters say, by arithmetic of its own."""

from __future__ import annotations

import pytest

from manifests.dashboards import efficiency, nodes, workload
from manifests.dashboards.query import IN_CLUSTER, ON_NODE, node_watts, recommender
from tests.dashboards.fleet import CLUSTER, UNATTRIBUTED
from tests.dashboards.grafana import fill
from tests.report.sample import sample_report

CHECKOUT = {
    "cluster": CLUSTER,
    "namespace": "shop",
    "workload": "checkout",
    "container": "app",
    "node": ".*",
}
EVERYWHERE = CHECKOUT | {"cluster": ".*", "namespace": ".*"}


def of_prod(text):
    return fill(text, CHECKOUT)


def test_power_is_that_of_the_pools_and_its_three_parts_add_up_to_it(store, fleet):
    watts = sum(pool.watts for pool in fleet.report.pools)
    assert store.number(of_prod(efficiency.TOTAL)) == pytest.approx(watts)
    parts = [
        store.number(of_prod(part))
        for part in (efficiency.IDLE, efficiency.STRANDED, efficiency.DYNAMIC)
    ]
    assert sum(parts) == pytest.approx(watts)
    assert min(parts) > 0.0


def test_what_is_stranded_is_a_part_of_what_nodes_draw_for_being_there(store, fleet):
    (pool,) = fleet.report.pools
    stranded = store.number(of_prod(efficiency.STRANDED))
    assert stranded == pytest.approx(pool.reserved_unused_watts)
    idle = store.number(of_prod(efficiency.IDLE))
    assert idle + stranded == pytest.approx(pool.intercept_watts * pool.nodes)


def test_of_pools_without_a_meter_no_part_is_counted(store, fleet):
    """Of the sample's two pools the second is modelled and has no watts: 12 x 71 W of intercept
    are the first's, and 1,130 W of unused reservations."""
    (prod,) = fleet.report.pools
    _epyc, xeon = sample_report().pools
    assert xeon.watts is None
    total = store.number(fill(efficiency.TOTAL, EVERYWHERE))
    assert total == pytest.approx(prod.watts + 2410.0)
    stranded = store.number(fill(efficiency.STRANDED, EVERYWHERE))
    assert stranded == pytest.approx(prod.reserved_unused_watts + 1130.0)
    dynamic = store.number(fill(efficiency.DYNAMIC, EVERYWHERE))
    of_prod_alone = prod.watts - prod.intercept_watts * prod.nodes
    assert dynamic == pytest.approx(of_prod_alone + 2410.0 - 12 * 71.0)


@pytest.mark.parametrize("estimate", ["low", "value", "high"])
def test_watts_to_save_are_those_of_the_report(store, fleet, estimate):
    expected = getattr(fleet.report.savings.nodes_released, estimate)
    found = store.number(of_prod(efficiency.saved_in_all("nodes_released", estimate)))
    assert found == pytest.approx(expected)


def test_a_store_without_a_cluster_label_is_part_of_all(store, fleet):
    released = fleet.report.savings.nodes_released.value
    found = store.number(fill(efficiency.saved_in_all("nodes_released", "value"), EVERYWHERE))
    # `new` has the claim of prod's report but no container that it could be of: none is made.
    assert found == pytest.approx(released + sample_report().savings.nodes_released.value)


def test_carbon_and_cost_are_what_the_nodes_watts_carry(store, fleet):
    """At 450 g and 0.30 EUR a kWh."""
    (pool,) = fleet.report.pools
    for name, per_kwh in (("carbon_grams_per_hour", 450.0), ("energy_cost_per_hour", 0.3)):
        now = f"sum({recommender(name, estimate='now')})"
        assert store.number(of_prod(now)) == pytest.approx(pool.watts / 1000.0 * per_kwh)


def test_power_of_a_node_is_its_outermost_zone_counted_once(store, fleet):
    found = {
        labels["node"]: value
        for labels, value in store.ask(of_prod(node_watts(ON_NODE, "cluster, node")))
    }
    expected = {node.name: fleet.watts(node.name) for node in fleet.cluster.nodes}
    assert found == pytest.approx(expected)


def test_without_a_platform_meter_power_is_packages_and_dram(store, fleet):
    """As of a node with RAPL alone: 0.7 and 0.1 of its watts, the cores inside not again."""
    no_platform = f'{IN_CLUSTER}, source="rapl"'
    found = {
        labels["node"]: value
        for labels, value in store.ask(of_prod(node_watts(no_platform, "cluster, node")))
    }
    expected = {node.name: 0.8 * fleet.watts(node.name) for node in fleet.cluster.nodes}
    assert found == pytest.approx(expected)


def test_the_residual_is_the_share_that_nobody_was_charged(store, fleet):
    found = store.ask(of_prod(nodes.RESIDUAL))
    assert len(found) == len(fleet.cluster.nodes)
    assert [value for _, value in found] == pytest.approx([UNATTRIBUTED] * len(found))


def test_what_was_charged_is_what_the_zone_metered(store, fleet):
    found = store.ask(of_prod(nodes.IMBALANCE))
    zones = {(labels["node"], labels["zone"]) for labels, _ in found}
    names = {node.name for node in fleet.cluster.nodes}
    assert zones == {(name, zone) for name in names for zone in ("package", "dram")}
    assert [value for _, value in found] == pytest.approx([0.0] * len(found), abs=1e-9)


@pytest.mark.parametrize("policy", ["current", "stock", "recommended"])
def test_a_mark_stands_on_the_curve_where_its_request_is(store, fleet, policy):
    (row,) = [each for each in fleet.report.workloads if each.name == "checkout"]
    (app,) = [each for each in row.containers if each.name == "app"]
    amounts = {
        "current": app.current.requests,
        "stock": app.stock.target,
        "recommended": app.recommended.target,
    }
    millicores = amounts[policy].cpu
    cores = float(millicores[:-1]) / 1000 if millicores.endswith("m") else float(millicores)
    nearest = min(app.curve, key=lambda point: abs(point.request_cores - cores))
    assert nearest.request_cores == pytest.approx(cores)
    found = store.number(of_prod(workload.mark_at(policy)))
    assert found == pytest.approx(nearest.work_per_joule)
