"""Whose work is asked for, of which kind, and what becomes of failures."""

import numpy as np
import pytest

from recommender.errors import StoreError
from recommender.model.cluster import ClusterState, Vpa, Workload
from recommender.model.history import TimeGrid
from recommender.model.identity import WorkloadRef
from recommender.model.profile import MetricSelector, Profile, WorkMetric
from recommender.model.work import WorkEvidence, WorkRate
from recommender.work import INSTRUCTIONS, read_work

GRID = TimeGrid(end=1_760_054_400, bins=2)
WEB, API, OLD = (WorkloadRef("shop", "Deployment", name) for name in ("web", "api", "old"))
METRIC = WorkMetric(MetricSelector("done_total"), "requests")
KNOWN = WorkRate(np.array([3.0, 4.0]), 1, 1)
NONE = WorkRate(np.array([np.nan, np.nan]), 0, 0)


class Store:
    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def read(self, series, ref, *, owners, grid):
        assert (owners, grid) == (CLUSTER.owners, GRID)
        self.asked.append((ref.name, series.name, series.labels))
        answer = self.answers.get(series.name, NONE)
        if isinstance(answer, Exception):
            raise answer
        return answer


def vpa(ref, **changes):
    plain = {"namespace": ref.namespace, "name": ref.name, "generation": 1, "target": ref}
    return Vpa(**(plain | changes))


CLUSTER = ClusterState(
    "a test",
    workloads=tuple(Workload(ref) for ref in (WEB, API, OLD)),
    vpas=(
        vpa(WEB, profile=Profile(1, work_metric=METRIC)),
        vpa(API, profile=Profile(1)),
        vpa(OLD),
    ),
)


def read(cluster=CLUSTER, *, explained="", **answers):
    store = Store(answers)
    return read_work(cluster, store, grid=GRID, explained=explained), store.asked


def retired(ref):
    return (ref.name, INSTRUCTIONS, {"workload": ref.name, "workload_kind": ref.kind})


def test_a_metric_that_is_known_is_enough_and_without_one_instructions_are_asked_for():
    found, asked = read(done_total=KNOWN)
    assert found[WEB] == WorkEvidence(metric=KNOWN)
    assert found[API] == WorkEvidence(instructions=NONE)
    assert asked == [retired(API), ("web", "done_total", {})]


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (StoreError("the store is down"), WorkEvidence(None, "the store is down", KNOWN)),
        (NONE, WorkEvidence(NONE, "", KNOWN)),
    ],
)
def test_where_the_metric_tells_nothing_instructions_are_asked_for_too(answer, evidence):
    found, _ = read(done_total=answer, **{INSTRUCTIONS: KNOWN})
    assert found[WEB] == evidence


def test_a_failure_of_instructions_is_as_if_there_were_none():
    found, _ = read(done_total=NONE, **{INSTRUCTIONS: StoreError("too many")})
    assert found[WEB] == WorkEvidence(NONE, "", None)


@pytest.mark.parametrize("name", ["shop/deploy/old", "shop/old", "shop/Deployment/old"])
def test_a_workload_without_an_energy_profile_is_asked_about_when_it_is_explained(name):
    found, _ = read(explained=name)
    assert set(found) == {WEB, API, OLD}
    assert OLD not in read()[0]


def test_a_vpa_that_cannot_be_meant_is_not_asked_about():
    broken = ClusterState(
        "a test",
        vpas=(vpa(WEB, problem="two recommenders", profile=Profile(1, work_metric=METRIC)),),
    )
    assert read(broken) == ({}, [])
