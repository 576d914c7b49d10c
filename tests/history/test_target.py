"""Requests over time: whose they are, from which series, and how they are asked for."""

import re

import numpy as np
import pytest

from recommender.history.fake import FakeQueryClient
from recommender.history.target import FEW_CONTAINERS, TargetReader
from recommender.model.cluster import ClusterState, ContainerSpec, Rival, Vpa, Workload
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.target import TargetKey
from recommender.settings import StoreSettings

GRID = TimeGrid(end=1_760_054_400, bins=4)
TIMES = [GRID.start + place * GRID.step for place in range(4)]
WEB = WorkloadRef("shop", "Deployment", "web")
APP = ContainerRef(WEB, "app")
CORES, BYTES = "joulefit_recommender_request_cores", "joulefit_recommender_request_bytes"
PLAIN = "kube_verticalpodautoscaler_status_recommendation_containerrecommendations_target"
CUSTOM = PLAIN.replace("kube_", "kube_customresource_")


def cluster(*, rivals=("stock",), containers=1, workloads=(WEB,)):
    specs = tuple(ContainerSpec(f"c{number}") for number in range(containers))
    return ClusterState(
        source="a test",
        workloads=tuple(Workload(ref, specs) for ref in workloads),
        vpas=tuple(Vpa(ref.namespace, ref.name, 1, ref) for ref in workloads),
        rivals=tuple(Rival(name, "default", WEB) for name in rivals),
    )


def own(policy, *values, name=CORES, **labels):
    where = {"namespace": "shop", "workload_kind": "Deployment", "workload": "web"}
    return {"__name__": name, "container": "app", "policy": policy} | where | labels, values


def of_vpa(vpa, *values, name=PLAIN, **labels):
    plain = {"__name__": name, "namespace": "shop", "verticalpodautoscaler": vpa}
    return plain | {"container": "app", "resource": "cpu"} | labels, values


def read(*series, state=None, grid=GRID):
    """The history of a store with these series; None among the values is no sample."""

    def answer(query):
        names = (CORES, BYTES) if CORES in query.query else (PLAIN, CUSTOM)
        return [
            (labels, [(at, v) for at, v in zip(TIMES, values, strict=False) if v is not None])
            for labels, values in series
            if labels["__name__"].startswith(names)
        ]

    client = FakeQueryClient(answer)
    history = TargetReader(StoreSettings(), client=client).read(grid, state or cluster())
    return history, client.asked


def courses(*series, **more):
    """Values and metric by key; NaN is None."""
    history, _ = read(*series, **more)
    return {
        key: ([None if np.isnan(v) else round(v, 6) for v in course.values.tolist()], course.metric)
        for key, course in history.courses.items()
    }


@pytest.mark.parametrize(
    ("label", "policy", "vpa"),
    [
        ("recommended", "ours", ""),
        ("stock", "stock", ""),
        ("current", "now", ""),
        ("rival", "rival", "stock"),
    ],
)
def test_our_service_tells_of_each_policy_by_its_label(label, policy, vpa):
    found = courses(own(label, 0.5, 0.5, 0.75, 0.75))
    assert found == {TargetKey(APP, "cpu", policy, vpa): ([0.5, 0.5, 0.75, 0.75], CORES)}


def test_memory_is_in_bytes():
    found = courses(own("recommended", 2.0**30, name=BYTES))
    assert found == {TargetKey(APP, "memory", "ours"): ([2.0**30, None, None, None], BYTES)}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        (PLAIN, {}),
        (CUSTOM, {}),
        (f"{PLAIN}_cpu", {"resource": ""}),
        (f"{CUSTOM}_cpu", {"resource": "cpu"}),
    ],
    ids=["up to 2.8", "custom resource", "a name for each resource", "both"],
)
def test_kube_state_metrics_tells_of_vpas_under_the_names_that_are_in_use(name, labels):
    found = courses(of_vpa("stock", 0.3, 0.3, None, 0.4, name=name, **labels), of_vpa("web", 0.2))
    assert found == {
        TargetKey(APP, "cpu", "rival", "stock"): ([0.3, 0.3, None, 0.4], name),
        TargetKey(APP, "cpu", "ours"): ([0.2, None, None, None], PLAIN),
    }


def test_where_a_scrape_did_not_honour_labels_the_exporters_own_are_taken():
    scraped = {"namespace": "monitoring", "container": "kube-state-metrics"}
    said = {"exported_namespace": "shop", "exported_container": "app"}
    found = courses(of_vpa("stock", 0.3, **scraped, **said), own("stock", 0.4, **scraped, **said))
    assert {key.container for key in found} == {APP}
    assert {key.policy for key in found} == {"rival", "stock"}


def test_of_two_series_of_one_request_the_one_that_covers_more_is_taken():
    (found,) = courses(
        own("rival", None, None, 0.4, 0.4), of_vpa("stock", 0.3, 0.3, 0.4, 0.4)
    ).values()
    assert found == ([0.3, 0.3, 0.4, 0.4], PLAIN)


def test_of_series_that_cover_as_much_our_own_is_taken():
    (found,) = courses(own("recommended", 0.5, 0.5), of_vpa("web", 0.6, 0.6)).values()
    assert found == ([0.5, 0.5, None, None], CORES)


def test_rival_is_the_oldest_of_several_and_each_is_known_by_its_vpa():
    state = cluster(rivals=("first", "second"))
    found = courses(own("rival", 0.4), of_vpa("second", 0.3), state=state)
    assert {key.vpa: values[0] for key, (values, _) in found.items()} == {
        "first": 0.4,
        "second": 0.3,
    }


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(own("recommended", 0.5, workload="api"), id="a workload of nobody"),
        pytest.param(own("recommended", 0.5, namespace="pay"), id="another namespace"),
        pytest.param(own("wished", 0.5), id="a policy of a later version"),
        pytest.param(of_vpa("other", 0.5), id="another VPA"),
        pytest.param(of_vpa("stock", 0.5, resource="ephemeral_storage"), id="another resource"),
        pytest.param(own("recommended", 0.0, -1.0, float("nan")), id="no amounts"),
    ],
)
def test_what_belongs_to_none_of_the_vpas_is_left_out(series):
    assert courses(series) == {}


def test_a_rival_that_is_no_longer_there_is_left_out():
    assert courses(own("rival", 0.5), state=cluster(rivals=())) == {}


def test_a_few_containers_are_asked_for_by_name_at_the_beginning_of_each_bin():
    history, asked = read()
    assert history.stride == 1
    assert [(query.start, query.end, query.step) for query in asked] == [
        (GRID.start, GRID.end - 300, 300)
    ] * 2
    assert 'workload="web"' in asked[0].query
    assert 'verticalpodautoscaler=~"stock|web"' in asked[1].query


def test_many_containers_are_asked_for_once_an_hour_and_as_a_whole():
    grid = TimeGrid(end=GRID.end, bins=288)
    history, asked = read(state=cluster(containers=FEW_CONTAINERS + 1), grid=grid)
    assert (history.stride, history.points) == (12, 24)
    assert {query.step for query in asked} == {3600}
    assert min(query.start for query in asked) == grid.start
    assert max(query.end for query in asked) == grid.end - 3600
    assert not any("web" in query.query for query in asked)


def test_names_of_workloads_cannot_change_the_query():
    odd = WorkloadRef("shop", "Deployment", 'a"} or {b=~".*')
    _, asked = read(state=cluster(workloads=(odd,), rivals=()))
    without_escapes = re.sub(r"\\.", "", asked[0].query)
    assert re.search(r'workload=~"[^"]*"}\)$', without_escapes)
    assert without_escapes.count('"') == 4  # those of the two matchers


def test_without_vpas_nothing_is_asked():
    history, asked = read(state=cluster(workloads=(), rivals=()))
    assert (history.courses, asked) == ({}, [])


def test_nothing_in_the_store_is_a_history_without_courses():
    assert courses() == {}
