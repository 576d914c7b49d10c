"""What is asked of a store, in which order, and what is said of the answers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from recommender.errors import NoDataError, StoreReplyError
from recommender.history.fake import FakeQueryClient
from recommender.history.store_reader import Scope, StoreReader
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.settings import StoreSettings

GRID = TimeGrid(end=1_760_054_400, bins=288)
WEB = WorkloadRef("shop", "Deployment", "web")
OWNERS = PodOwners(workloads=frozenset([WEB]))
CADVISOR = "container_cpu_usage_seconds_total"
ALL_TIMES = range(GRID.start, GRID.end + 1, GRID.step)


class Store:
    """A store with some series by name; answers as far as the reader asks.

    Counts for discovery are given; other queries are answered by the series whose names they
    contain, whatever they do with them. `looks` are those, newest first, at which a name was
    there; others always were.
    """

    def __init__(self, counts, series=(), *, appears_at_a_second_look=False, looks=None):
        self.counts = counts
        self.looks = looks or {}
        self.series = series
        self.appears_at_a_second_look = appears_at_a_second_look
        self.client = FakeQueryClient(self.answer)

    def answer(self, query):
        if '"look"' in query.query:
            return list(self._look(query))
        if query.query.startswith(("count by", "label_replace")):
            if self.appears_at_a_second_look and "last_over_time" not in query.query:
                return []
            return [(labels, [(query.end, count)]) for labels, count in self.counts]
        return [
            (labels, points) for name, labels, points in self.series if re.search(name, query.query)
        ]

    def _look(self, query):
        """One answer for each part of a query of coverage and each name that it selects."""
        for part in query.query.split(" or "):
            look = re.search(r'"look","(\w+ (\d+) \d+)"', part)
            for labels, count in self.counts:
                name = labels["__name__"]
                there = int(look[2]) in self.looks.get(name, range(100))
                if there and name in part and ("namespace" in labels) == ("usage" in look[1]):
                    yield {"__name__": name, "look": look[1]}, [(query.end, count)]

    def read(self, scope=None, *, grid=GRID, **options):
        reader = StoreReader(StoreSettings(), client=self.client, **options)
        return reader.read(grid, scope or Scope(None, OWNERS))

    @property
    def asked(self):
        return [query.query for query in self.client.asked]


def counter(cores=0.5, first=0):
    return [(at, 1000.0 + cores * (at - GRID.start)) for at in ALL_TIMES[first:]]


def cpu_of(pod="web-7d9c5b8f6-bcdfg", *, namespace="shop", points=None, **more):
    labels = {"namespace": namespace, "pod": pod, "container": "app", "id": f"/{pod}"} | more
    return f"^{CADVISOR}", labels, points or counter()


ONE = [({"__name__": CADVISOR, "namespace": "shop"}, 1.0)]


def test_one_container_of_one_pod():
    usage = Store(ONE, [cpu_of()]).read().usage
    assert [str(ref.workload) for ref in usage.containers] == ["shop/Deployment/web"]
    assert usage.cpu_mean == pytest.approx(np.full((1, 288), 0.5))
    assert usage.samples.tolist() == [288]
    assert np.isnan(usage.memory_days).all()
    assert np.isnan(usage.oom_bytes).all()


def test_queries_are_aligned_and_hold_each_point_once():
    store = Store([(ONE[0][0], 3000.0)], [cpu_of()])
    store.read()
    parts = sorted(
        (query.start, query.end) for query in store.client.asked if query.query.startswith(CADVISOR)
    )
    assert len(parts) > 1
    assert all(start % GRID.step == 0 for start, _ in parts)
    points = [at for start, end in parts for at in range(start, end + 1, GRID.step)]
    assert points == list(ALL_TIMES)


def test_containers_are_asked_for_without_pods_and_pauses_and_only_where_wanted():
    store = Store(ONE, [cpu_of()])
    store.read(Scope(frozenset(["shop"]), OWNERS))
    [cpu] = [query for query in store.asked if query.startswith(CADVISOR)]
    assert cpu == f'{CADVISOR}{{container!="",container!="POD",namespace="shop"}}'


def test_no_namespace_is_no_usage_but_nodes():
    counts = [({"__name__": "joulefit_node_cpu_seconds_total"}, 1.0)]
    series = ("^joulefit_node_cpu", {"node": "n1"}, counter(4.0))
    history = Store(counts, [series]).read(Scope(frozenset(), OWNERS))
    assert history.usage.containers == ()
    assert history.nodes.cpu_used == pytest.approx(np.full((1, 288), 4.0))
    assert history.sources[0].reason == "no namespace was asked for"


def test_what_a_few_looks_miss_is_found_by_looking_at_all_times():
    store = Store(ONE, [cpu_of()], appears_at_a_second_look=True)
    assert len(store.read().usage.containers) == 1
    assert sum("last_over_time" in query for query in store.asked) == 2


def test_a_store_without_containers_is_an_error_that_says_what_was_looked_for():
    store = Store([({"__name__": "node_cpu_seconds_total"}, 8.0)])
    with pytest.raises(NoDataError) as raised:
        store.read(Scope(frozenset(["shop"]), OWNERS))
    assert str(raised.value) == (
        "store http://localhost:9090 has no CPU series of containers "
        f"({CADVISOR} or joulefit_container_cpu_seconds_total) in namespace shop between "
        "2025-10-09T00:00:00Z and 2025-10-10T00:00:00Z; look at --store, --end and --history"
    )


def test_an_error_of_the_store_ends_the_read():
    def refuse(_):
        raise StoreReplyError("no")

    reader = StoreReader(StoreSettings(), client=FakeQueryClient(refuse))
    with pytest.raises(StoreReplyError, match="no"):
        reader.read(GRID, Scope(None, OWNERS))


def test_progress_counts_queries():
    steps = []
    store = Store(ONE, [cpu_of()])
    history = store.read(progress=lambda *step: steps.append(step))
    assert steps[:3] == [("series", 0, 2), ("series", 1, 2), ("series", 2, 2)]
    queries = history.queries - 2
    assert steps[3:] == [("history", done, queries) for done in range(queries + 1)]
    assert history.queries == len(store.asked)
    assert history.received_bytes > 0


class TestChoice:
    """Which schema serves usage."""

    OWN = "joulefit_container_cpu_seconds_total"

    @pytest.mark.parametrize(
        ("own", "chosen", "reason"),
        [
            (100.0, "joulefit", f"{OWN}: 100 series of joulefit's collector"),
            (90.0, "joulefit", f"{OWN}: 90 series of joulefit's collector"),
            (
                89.0,
                "cadvisor",
                f"{CADVISOR}: 100 series of cAdvisor; joulefit's collector has only 89",
            ),
        ],
    )
    def test_our_own_series_if_they_are_everywhere(self, own, chosen, reason):
        counts = [
            ({"__name__": CADVISOR, "namespace": "shop"}, 100.0),
            ({"__name__": self.OWN, "namespace": "shop"}, own),
        ]
        choice = Store(counts, [cpu_of()]).read().sources[0]
        assert (choice.schema, choice.reason) == (chosen, reason)

    @pytest.mark.parametrize(
        ("looks", "chosen", "reason"),
        [
            pytest.param(
                {OWN: range(1)},
                "cadvisor",
                f"{CADVISOR}: 100 series of cAdvisor; joulefit's collector was seen at 1 of 15 "
                "times over the window, this at 15",
                id="installed since the last look",
            ),
            # 13 of 15 looks are 87 %, 14 are 93 %
            pytest.param(
                {OWN: range(13)},
                "cadvisor",
                f"{CADVISOR}: 100 series of cAdvisor; joulefit's collector was seen at 13 of 15 "
                "times over the window, this at 15",
                id="nearly as old",
            ),
            pytest.param(
                {OWN: range(14)},
                "joulefit",
                f"{OWN}: 100 series of joulefit's collector",
                id="as old but for a tenth",
            ),
            pytest.param(
                {OWN: range(3), CADVISOR: range(3)},
                "joulefit",
                f"{OWN}: 100 series of joulefit's collector",
                id="both are young",
            ),
            pytest.param(
                {OWN: range(2), CADVISOR: range(2, 15)},
                "joulefit",
                f"{OWN}: 100 series of joulefit's collector; those of cAdvisor have ended",
                id="the other has ended",
            ),
            pytest.param(
                {OWN: range(2, 15)},
                "cadvisor",
                f"{CADVISOR}: 100 series of cAdvisor; joulefit's collector has ended",
                id="ours has ended",
            ),
        ],
    )
    def test_a_source_is_taken_once_it_covers_as_much_of_the_window(self, looks, chosen, reason):
        counts = [
            ({"__name__": CADVISOR, "namespace": "shop"}, 100.0),
            ({"__name__": self.OWN, "namespace": "shop"}, 100.0),
        ]
        store = Store(counts, [cpu_of()], looks=looks)
        choice = store.read().sources[0]
        assert (choice.schema, choice.reason) == (chosen, reason)
        assert sum('"look"' in query for query in store.asked) == 1

    def test_nothing_is_looked_at_where_nothing_competes(self):
        store = Store(ONE, [cpu_of()])
        store.read()
        assert not any('"look"' in query for query in store.asked)

    def test_the_next_source_of_power_serves_nodes_that_the_best_does_not_know(self):
        counts = [
            *ONE,
            ({"__name__": "joulefit_node_energy_joules_total"}, 1.0),
            ({"__name__": "kepler_node_cpu_joules_total"}, 2.0),
        ]
        zone = {"zone": "package"}
        series = [
            cpu_of(),
            ("^joulefit_node_energy", {"node": "n1"} | zone, counter(100.0)),
            ("^kepler_node_cpu", {"node_name": "n1"} | zone, counter(90.0)),
            ("^kepler_node_cpu", {"node_name": "n2"} | zone, counter(80.0)),
        ]
        scope = Scope(None, OWNERS, node_names=frozenset(["n1", "n2", "n3"]))
        history = Store(counts, series).read(scope)
        assert history.nodes.watts[:, 0] == pytest.approx([100, 80, np.nan], nan_ok=True)
        choice = history.sources[-1]
        assert choice.reason == (
            "joulefit_node_energy_joules_total (joulefit's collector) of 1 of 3 nodes, package; "
            "kepler_node_cpu_joules_total (Kepler 0.10 or newer) of 1 of 3 nodes, package"
        )
        assert "1 of 3 nodes have no power series (n3)" in history.warnings

    def test_without_any_meter_it_says_so(self):
        choice = Store(ONE, [cpu_of()]).read().sources[-1]
        assert choice.schema == ""
        assert choice.reason.startswith("no node has power series (joulefit's collector, Kepler")


class TestOwners:
    def test_labels_of_the_collector_name_the_workload(self):
        labels = {"workload": "web", "workload_kind": "Deployment"}
        usage = Store(ONE, [cpu_of("anything", **labels)]).read().usage
        assert usage.containers[0].workload == WEB

    def test_but_not_one_that_is_gone(self):
        labels = {"workload": "old", "workload_kind": "Deployment"}
        history = Store(ONE, [cpu_of("old-1", **labels)]).read()
        assert history.usage.containers == ()

    def test_pods_of_nobody_are_counted_with_an_example(self):
        pods = [cpu_of(f"stray-{name}") for name in "abcd"]
        history = Store(ONE, [cpu_of(), *pods]).read()
        assert len(history.usage.containers) == 1
        assert history.warnings == (
            (
                "4 pods in the store (shop/stray-a, shop/stray-b, shop/stray-c, ...) belong to no "
                "workload that exists now; their usage is left out"
            ),
        )

    def test_unwanted_workloads_are_no_warning(self):
        history = Store(ONE, [cpu_of()]).read(Scope(None, OWNERS, frozenset()))
        assert history.usage.containers == ()
        assert history.warnings == ()


class TestWarnings:
    def test_usage_that_begins_late(self):
        history = Store(ONE, [cpu_of(points=counter(first=144))]).read()
        assert history.warnings == ("usage begins 12 h before the end of the window of 1 d",)

    def test_usage_that_ends_early(self):
        history = Store(ONE, [cpu_of(points=counter()[:145])]).read()
        assert history.warnings == ("there is no usage after 2025-10-09T12:00:00Z",)

    def test_time_without_any_usage(self):
        points = counter()
        del points[101:120]
        history = Store(ONE, [cpu_of(points=points)]).read()
        # 20 of 288 bins miss an end
        assert history.warnings == (
            "the store has no usage at all in 6.9% of the time, first at 2025-10-09T08:20:00Z",
        )

    def test_meters_that_cover_different_things(self):
        counts = [*ONE, ({"__name__": "joulefit_node_energy_joules_total"}, 2.0)]
        series = [
            cpu_of(),
            ("^joulefit_node_energy", {"node": "n1", "zone": "platform"}, counter(200.0)),
            ("^joulefit_node_energy", {"node": "n2", "zone": "package"}, counter(100.0)),
        ]
        warnings = Store(counts, series).read().warnings
        assert (
            "power is not of the same parts of all nodes: package of 1 (n2), platform of 1 (n1)"
            in warnings
        )

    def test_nodes_that_the_cluster_does_not_have(self):
        counts = [*ONE, ({"__name__": "joulefit_node_cpu_seconds_total"}, 2.0)]
        series = [
            cpu_of(),
            ("^joulefit_node_cpu", {"node": "n1"}, counter(2.0)),
            ("^joulefit_node_cpu", {"node": "gone"}, counter(2.0)),
        ]
        history = Store(counts, series).read(Scope(None, OWNERS, node_names=frozenset(["n1"])))
        assert history.nodes.nodes == ("n1",)
        assert history.warnings == (
            (
                "1 name of nodes in the store (gone) are none of the cluster's; their series are "
                "left out"
            ),
        )


def test_many_namespaces_are_read_in_groups_and_none_twice():
    names = [f"ns-{number}" for number in range(5)]
    # There at one look only, so half of it counts: 1,500 series.
    counts = [({"__name__": CADVISOR, "namespace": name}, 3000.0) for name in names]
    store = Store(counts)
    store.read()
    selectors = {query for query in store.asked if query.startswith(CADVISOR)}
    matchers = sorted(re.findall('namespace[!=~]+"[^"]*"', " ".join(selectors)))
    assert matchers == [
        'namespace!~"ns-0|ns-1|ns-2|ns-3"',
        'namespace=~"ns-0|ns-1"',
        'namespace=~"ns-2|ns-3"',
    ]
