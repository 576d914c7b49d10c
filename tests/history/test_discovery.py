"""What a store is found to have."""

from __future__ import annotations

import pytest

from recommender.history.discovery import LOOKS, take_inventory
from tests.history.build import matrix_of

CPU = "container_cpu_usage_seconds_total"
ALWAYS = range(LOOKS + 1)


def inventory_of(counts):
    labels = {"__name__": CPU, "namespace": "shop"}
    return take_inventory(matrix_of([(labels, counts)]))


@pytest.mark.parametrize(
    ("counts", "usual"),
    [
        pytest.param(dict.fromkeys(ALWAYS, 40.0), 40, id="always as many"),
        # (3 x 40 + 80) / 4 looks
        pytest.param({**dict.fromkeys(ALWAYS, 40.0), 2: 80.0}, 50, id="twice during a rollout"),
        pytest.param({2: 90.0}, 45, id="half of a short burst, though the mean is 22.5"),
    ],
)
def test_replies_are_planned_for_what_is_usually_there(counts, usual):
    inventory = inventory_of(counts)
    assert inventory.usual == {CPU: {"shop": usual}}
    assert inventory.containers == {CPU: {"shop": max(counts.values())}}


def test_other_series_are_counted_where_most_were_seen():
    inventory = take_inventory(matrix_of([({"__name__": "node_info"}, {0: 3.0, 1: 5.0})]))
    assert inventory.series == {"node_info": 5}
    assert inventory.has("node_.*")
    assert not inventory.has("node")
