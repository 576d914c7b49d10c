"""Prometheus and VictoriaMetrics give the requests that were recorded, at the times of the bins."""

import numpy as np
import pytest

from recommender.history.target import TargetReader
from recommender.model.cluster import ClusterState, ContainerSpec, Rival, Vpa, Workload
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.target import TargetKey
from recommender.settings import StoreSettings
from recommender.units import HOUR
from tests.testbed.openmetrics import Series

GRID = TimeGrid(end=1_760_054_400, bins=24)
WEB = WorkloadRef("shop", "Deployment", "web")
APP = ContainerRef(WEB, "app")
TIMES = np.arange(GRID.start, GRID.end + 1, 60)
SINCE = TIMES - GRID.start
KSM = "kube_customresource_verticalpodautoscaler_status_recommendation_containerrecommendations_target"
CLUSTER = ClusterState(
    source="a test",
    workloads=(Workload(WEB, (ContainerSpec("app"),)),),
    vpas=(Vpa("shop", "web", 1, WEB),),
    rivals=(Rival("stock", "default", WEB),),
)


def history():
    """Ours from two service replicas, one after the other; the stock VPA's, of two scrapers."""
    ours = {"namespace": "shop", "workload_kind": "Deployment", "workload": "web"}
    ours |= {"container": "app", "policy": "recommended"}
    for pod, lives in (("a", SINCE < HOUR), ("b", SINCE >= HOUR)):
        times = TIMES[lives]
        values = np.where(times - GRID.start < 1.5 * HOUR, 0.25, 0.5)
        labels = {**ours, "pod": pod}
        yield Series("joulefit_recommender_request_cores", labels, times, values, kind="gauge")
    theirs = {"exported_namespace": "shop", "exported_container": "app"}
    theirs |= {"namespace": "monitoring", "container": "ksm", "verticalpodautoscaler": "stock"}
    for scraper in ("x", "y"):
        labels = {**theirs, "resource": "memory", "prometheus": scraper}
        yield Series(KSM, labels, TIMES, np.full(len(TIMES), 2.0**28), kind="gauge")
    foreign = {**ours, "workload": "api"}
    yield Series("joulefit_recommender_request_cores", foreign, TIMES, SINCE * 1.0, kind="gauge")


@pytest.fixture(scope="module", params=["prometheus", "victoria_metrics"])
def found(request):
    store = request.getfixturevalue(f"module_{request.param}_with")(history())
    return TargetReader(StoreSettings(store=store.url)).read(GRID, CLUSTER)


def test_a_change_is_in_force_from_the_bin_that_begins_with_it(found):
    course = found.courses[TargetKey(APP, "cpu", "ours")]
    assert course.values.tolist() == [0.25] * 18 + [0.5] * 6
    assert course.metric == "joulefit_recommender_request_cores"


def test_two_scrapers_are_one_and_what_the_exporter_said_is_taken(found):
    course = found.courses[TargetKey(APP, "memory", "rival", "stock")]
    assert course.values.tolist() == [2.0**28] * 24
    assert course.metric == KSM


def test_nothing_else_is_read(found):
    assert len(found.courses) == 2
