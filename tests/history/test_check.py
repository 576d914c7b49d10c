"""What doctor says of a store: each finding by itself, and all of them of fleets on real stores."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.errors import StoreReplyError, UsageError
from recommender.history.check import (
    examine_store,
    judge_extent,
    judge_memory,
    judge_power,
    judge_samples,
    judge_store,
)
from recommender.history.client import PrometheusClient
from recommender.history.fake import FakeQueryClient
from recommender.history.probe import Build, Span, UsageProbe
from recommender.history.schema import USAGE
from recommender.model.history import NodeHistory, SourceChoice, TimeGrid
from recommender.settings import StoreSettings, WindowSettings
from tests.testbed.exposition import SCHEMAS
from tests.testbed.fleet import FleetShape, generate_fleet

DAY, HOUR, MINUTE = 86400, 3600, 60
SHAPE = FleetShape(
    nodes=3,
    workloads=8,
    daemonsets=1,
    statefulsets=1,
    namespaces=1,
    days=2,
    has_rollout=False,
    mean_utilisation=0.2,
)
NODES = frozenset({"node-01", "node-02", "node-03"})
WINDOW = WindowSettings(end=float(SHAPE.end), history=2.0 * DAY)
END = SHAPE.end
GRID = TimeGrid(end=END, bins=14 * 288)
JOULEFIT, CADVISOR = USAGE
WHOLE = UsageProbe(
    newest=END - 12,
    first=GRID.start,
    fills_window=True,
    interval=30.0,
    memory=7,
    day=Span(END - DAY, END),
)
CHOSEN = SourceChoice("usage", "cadvisor", "7 series")


def examine(url, *, node_names=NODES, window=WINDOW, **settings):
    settings = StoreSettings(store=url, store_retries=0, **settings)
    checks = examine_store(PrometheusClient(settings), settings, window, node_names=node_names)
    return {check.subject: check for check in checks}


ALL = [
    "store",
    "store clock",
    "usage",
    "memory",
    "freshness",
    "gaps",
    "node cpu",
    "node power",
]


@pytest.mark.parametrize(
    ("schema", "usage", "power"),
    [
        ("joulefit", "joulefit_container_cpu_seconds_total", "joulefit: "),
        ("cadvisor", "no series of joulefit's collector", "node-exporter: "),
        ("kepler-0.9", "no series of joulefit's collector", "kepler-0.9: "),
        ("kepler-0.10", "no series of joulefit's collector", "kepler-0.10: "),
    ],
)
def test_a_healthy_store_is_ok_in_every_line_and_says_which_series_and_why(
    prometheus_of, schema, usage, power
):
    checks = examine(prometheus_of(SHAPE, schema).url)
    assert list(checks) == ALL
    assert {check.level for check in checks.values()} == {"ok"}
    assert checks["store"].found.startswith("Prometheus ")
    assert checks["usage"].found.startswith("2 d of ")
    assert usage in checks["usage"].found
    assert "all of the window of 2 d" in checks["usage"].found
    assert checks["node power"].found.startswith(power)
    assert "3 of 3 nodes" in checks["node power"].found


def test_victoria_metrics_says_the_same_but_for_its_name(victoria_metrics_of, prometheus_of):
    own = examine(victoria_metrics_of(SHAPE, "joulefit").url)
    other = examine(prometheus_of(SHAPE, "joulefit").url)
    differs = {subject for subject in own if own[subject] != other[subject]}
    assert differs <= {"store", "store clock", "freshness"}
    assert own["store"].level == own["store clock"].level == own["freshness"].level == "ok"
    assert own["store"].found.startswith("a store ")  # it tells no version, or not its own


def without(schema, *words):
    """A fleet's series but for those whose name or labels hold one of the words."""
    for series in SCHEMAS[schema](generate_fleet(SHAPE)):
        text = f"{series.name} {dict(series.labels)}"
        if not any(word in text for word in words):
            yield series


def test_nodes_without_power_are_named(module_prometheus_with):
    def some():
        for series in without("cadvisor"):
            is_power = series.name.startswith("node_rapl")
            if not (is_power and series.labels["instance"].startswith(("10.0.0.2:", "10.0.0.3:"))):
                yield series

    check = examine(module_prometheus_with(some()).url)["node power"]
    assert check.level == "warn"
    assert "1 of 3 nodes" in check.found
    assert check.found.endswith("; node-02, node-03 have none and are modelled")
    assert "run joulefit-collector or Kepler there" in check.advice


def test_a_store_without_any_power_is_modelled(module_prometheus_with):
    checks = examine(module_prometheus_with(without("cadvisor", "node_rapl")).url)
    assert checks["node power"].level == "warn"
    assert "all power is modelled" in checks["node power"].found
    assert checks["usage"].level == "ok"


def test_nodes_of_another_cluster_are_a_warning(prometheus_of):
    url = prometheus_of(SHAPE, "joulefit").url
    checks = examine(url, node_names=frozenset({"elsewhere"}))
    assert checks["nodes in store"].level == "warn"
    assert "node-01" in checks["nodes in store"].found
    assert checks["node power"].level == "warn"


def test_an_unknown_cluster_takes_the_nodes_of_the_store(prometheus_of):
    checks = examine(prometheus_of(SHAPE, "joulefit").url, node_names=None)
    assert "3 of 3 nodes" in checks["node power"].found


def test_an_empty_store_fails_where_there_is_no_usage_and_warns_of_the_rest(module_prometheus_with):
    checks = examine(module_prometheus_with().url)
    assert {subject: check.level for subject, check in checks.items()} == {
        "store": "ok",
        "store clock": "ok",
        "usage": "fail",
        "node cpu": "warn",
        "node power": "warn",
    }
    assert "has no CPU series of containers" in checks["usage"].found
    assert "/metrics/cadvisor" in checks["usage"].advice


def test_a_store_whose_history_ended_long_ago_is_stale(prometheus_of):
    late = WindowSettings(end=float(END + 6 * HOUR), history=2.0 * DAY)
    checks = examine(prometheus_of(SHAPE, "joulefit").url, window=late)
    assert checks["freshness"].level == "fail"
    assert checks["freshness"].found == "newest usage is 6 h old (of 2025-10-10T00:00:00Z)"
    # The nodes are looked at when there was something to see.
    assert checks["node power"].level == "ok"


def test_a_namespace_of_ones_own_is_looked_at_alone(prometheus_of):
    settings = StoreSettings(store=prometheus_of(SHAPE, "joulefit").url)
    client = PrometheusClient(settings)
    whole, part = (
        examine_store(client, settings, WINDOW, namespaces=namespaces, node_names=NODES)
        for namespaces in (None, frozenset(["team-1"]))
    )
    assert part[2].found != whole[2].found
    assert part[-1] == whole[-1]
    [lost] = [
        check
        for check in examine_store(
            client, settings, WINDOW, namespaces=frozenset(["shoop"]), node_names=NODES
        )
        if check.level == "fail"
    ]
    assert lost.subject == "usage"


def test_a_store_that_is_down_is_one_line():
    checks = examine("http://127.0.0.1:1")
    assert [(check.level, check.subject) for check in checks.values()] == [("fail", "store")]
    assert "is unreachable" in checks["store"].found


def test_a_password_is_in_no_line(prometheus_of):
    url = prometheus_of(SHAPE, "joulefit").url.replace("//", "//me:s3cret@")
    assert not any("s3cret" in repr(check) for check in examine(url).values())
    assert not any("s3cret" in repr(c) for c in examine("http://me:s3cret@127.0.0.1:1").values())


def test_a_token_file_that_cannot_be_read_is_a_line(tmp_path):
    checks = examine("http://127.0.0.1:1", store_token_file=str(tmp_path / "none"))
    assert checks["store"].level == "fail"
    assert "--store-token-file" in checks["store"].found


@pytest.mark.parametrize("error", [StoreReplyError("no"), UsageError("no")])
def test_queries_that_fail_are_lines_and_the_others_are_asked_all_the_same(error):
    def refuse(_):
        raise error

    client = FakeQueryClient(refuse, build={"version": "2.54.1", "revision": "ab"})
    checks = examine_store(client, StoreSettings(), WINDOW)
    assert [(check.level, check.subject) for check in checks] == [
        ("ok", "store"),
        ("ok", "store clock"),
        ("fail", "usage"),
        ("fail", "node power"),
    ]


def test_a_store_whose_clock_is_off_is_seen():
    client = FakeQueryClient(lambda _: [], clock=lambda: END + 400.0)
    checks = examine_store(client, StoreSettings(), WINDOW, clock=lambda: float(END))
    [check] = [each for each in checks if each.subject == "store clock"]
    assert (check.level, check.found) == ("fail", "6.7 min ahead of this machine's")


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (Build("2.54.1", "ab12"), "Prometheus 2.54.1 at http://x"),
        (Build("2.12.0", "ab12", "Grafana Mimir"), "Grafana Mimir 2.12.0 at http://x"),
        (Build("2.24.0"), "a store with Prometheus' API, version 2.24.0, at http://x"),
        (Build("0.35.1", "ab12"), "a store with Prometheus' API, version 0.35.1, at http://x"),
        (Build(), "a store that does not tell its version at http://x"),
    ],
    ids=str,
)
def test_a_store_is_called_what_it_says_that_it_is(build, name):
    assert judge_store(build, "http://x").found == name


class TestUsage:
    def extent(self, **change):
        return judge_extent(replace(WHOLE, **change), CHOSEN, CADVISOR, grid=GRID)

    def samples(self, *, now=END, step=5 * MINUTE, **change):
        checks = judge_samples(replace(WHOLE, **change), now=now, step=step)
        return {check.subject: check for check in checks}

    def test_extent_schema_interval_and_reason_are_one_line(self):
        check = self.extent()
        assert (check.level, check.found) == (
            "ok",
            "14 d of cAdvisor at 30 s, all of the window of 14 d (7 series)",
        )

    def test_a_shorter_history_says_since_when(self):
        check = self.extent(first=END - 3 * DAY, fills_window=False)
        assert check.level == "ok"
        assert check.found.startswith("3 d of cAdvisor at 30 s, since 2025-10-07T00:00:00Z")

    def test_less_than_a_day_is_too_little_for_a_price(self):
        check = self.extent(first=END - 8 * HOUR, fills_window=False)
        assert check.level == "warn"
        assert check.found.startswith("8 h of cAdvisor")
        assert "24 h" in check.advice

    def test_a_short_window_that_was_asked_for_is_no_short_history(self):
        grid = TimeGrid(end=END, bins=12)
        check = judge_extent(replace(WHOLE, first=grid.start), CHOSEN, CADVISOR, grid=grid)
        assert check.level == "ok"

    def test_missing_days_are_a_warning(self):
        check = self.extent(missing=2)
        assert check.level == "warn"
        assert "2 saw none" in check.found

    def test_usage_that_no_look_meets_is_a_failure(self):
        assert self.extent(first=None, newest=None).level == "fail"
        assert self.samples(newest=None) == {}

    def test_memory_that_is_not_there_is_a_failure(self):
        memory = SourceChoice("memory", "cadvisor", "as for usage")
        assert judge_memory(WHOLE, memory, CADVISOR).level == "ok"
        check = judge_memory(replace(WHOLE, memory=0), memory, CADVISOR)
        assert check.level == "fail"
        assert "container_memory_working_set_bytes" in check.found

    @pytest.mark.parametrize(
        ("age", "level"),
        [(-30, "ok"), (12, "ok"), (599, "ok"), (601, "warn"), (3599, "warn"), (3601, "fail")],
    )
    def test_the_age_of_the_newest_sample_is_judged(self, age, level):
        assert self.samples(newest=END - age)["freshness"].level == level

    def test_an_interval_that_leaves_less_than_two_samples_in_a_bin_is_a_warning(self):
        assert "scrape interval" not in self.samples(interval=150.0)
        assert "scrape interval" not in self.samples(interval=None)
        check = self.samples(interval=240.0)["scrape interval"]
        assert (check.level, check.found.startswith("4 min between")) == ("warn", True)

    def test_how_short_an_interval_must_be_follows_the_step(self):
        assert "scrape interval" not in self.samples(interval=30.0, step=MINUTE)
        found = self.samples(interval=31.0, step=MINUTE)["scrape interval"].found
        assert found.endswith("between two samples: bins of 1 min need 2")

    def test_gaps_are_told_by_their_share_and_the_longest(self):
        gaps = (Span(END - 9 * HOUR, END - 8 * HOUR), Span(END - 4 * HOUR, END - 3.8 * HOUR))
        check = self.samples(gaps=gaps)["gaps"]
        assert check.level == "warn"
        assert check.found == (
            "no usage in 5.0% of the newest day, longest for 1 h from 2025-10-09T15:00:00Z"
        )
        assert self.samples()["gaps"].level == "ok"
        assert "gaps" not in self.samples(day=None)


class TestPower:
    CHOSEN = SourceChoice("node power", "kepler-0.9", "its meters of 3 of 4 nodes, package")

    def nodes(self, **quality):
        rows = np.full((len(quality), GRID.bins), np.nan, np.float32)
        empty = ("",) * len(quality)
        return NodeHistory(GRID, tuple(quality), rows, rows, tuple(quality.values()), empty, empty)

    def test_all_measured_is_ok(self):
        check = judge_power(self.CHOSEN, self.nodes(a="measured", b="derived"))
        assert (check.level, check.advice) == ("ok", "")

    def test_what_is_missing_and_what_is_estimated_are_told_apart(self):
        check = judge_power(self.CHOSEN, self.nodes(a="measured", b="", c="modelled"))
        assert check.level == "warn"
        assert "b has none and is modelled" in check.found
        assert "that of c is what its exporter estimates" in check.found

    def test_many_nodes_are_counted(self):
        names = {f"n{number:02d}": "" for number in range(20)}
        found = judge_power(self.CHOSEN, self.nodes(**names)).found
        assert "n11 and 8 more have none" in found
