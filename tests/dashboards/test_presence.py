"""What each dashboard says of the series that it needs and the store has not."""

from __future__ import annotations

import pytest

from tests.dashboards.fleet import CLUSTER, EMPTY_CLUSTER
from tests.dashboards.grafana import NAMES, fill, panels


def needs(page):
    return {
        panel["title"].removeprefix("In this store: "): panel
        for panel in panels()
        if panel["page"] == page and panel["title"].startswith("In this store: ")
    }


def words(store, panel, cluster):
    """The text that the panel shows."""
    (target,) = panel["targets"]
    value = store.number(fill(target["expr"], {"cluster": cluster}))
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    return mapping["options"][f"{value:g}"]["text"]


@pytest.mark.parametrize("page", NAMES)
def test_each_dashboard_begins_with_what_it_draws_from(page):
    first, second, *_ = [panel for panel in panels() if panel["page"] == page]
    assert first["title"].startswith("In this store: ")
    assert second["title"].startswith("In this store: ")
    assert {"recommender", "collector"} <= needs(page).keys()


@pytest.mark.parametrize("page", NAMES)
def test_where_all_is_there_it_says_yes(store, page):
    assert {words(store, each, CLUSTER) for each in needs(page).values()} == {"yes"}


@pytest.mark.parametrize("page", NAMES)
def test_where_nothing_is_there_each_says_what_to_do(empty_store, page):
    said = [words(empty_store, each, ".*") for each in needs(page).values()]
    assert all(each.startswith("no: ") for each in said)
    assert len(set(said)) == len(said)


def test_a_cluster_without_collectors_is_told_from_one_with_them(store):
    found = needs("operations")
    assert words(store, found["recommender"], EMPTY_CLUSTER) == "yes"
    assert words(store, found["collector"], EMPTY_CLUSTER).startswith("no: ")
