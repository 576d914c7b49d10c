"""The latency that an EnergyProfile names: from both stores, its tenant's alone, once an hour."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreReplyError
from recommender.history.client import PrometheusClient
from recommender.history.fake import FakeQueryClient
from recommender.history.latency import LatencyReader, quantile_of_buckets
from recommender.history.work import MOST_SERIES
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, PodOwners, WorkloadRef
from recommender.model.profile import LatencyGuard, MetricSelector
from recommender.settings import StoreSettings
from tests.sizing.build import GIB, usage_of
from tests.testbed.openmetrics import Series

END = 1_760_054_400  # 2025-10-10 00:00 UTC
GRID = TimeGrid(END, 288)
TIMES = np.arange(GRID.start - 3600, END + 1, 60)
HOUR = (TIMES[1:] - 1 - GRID.start) // 3600
WEB, API, BANK = (
    WorkloadRef(namespace, "Deployment", name)
    for namespace, name in (("shop", "web"), ("shop", "api"), ("bank", "web"))
)
OWNERS = PodOwners(
    pods={
        ("shop", "web-a"): WEB,
        ("shop", "web-b"): WEB,
        ("shop", "api-a"): API,
        ("bank", "web-a"): BANK,
    }
)
BUCKETS = "http_seconds_bucket"
SLOW = 20  # the hour in which half of web-a's requests take 0.4 to 0.8 s


def bucket(namespace, pod, bound, per_minute):
    values = 100.0 + np.append(0.0, np.cumsum(np.broadcast_to(per_minute, len(TIMES) - 1)))
    labels = {"namespace": namespace, "pod": pod, "le": bound}
    # The text format wants _total of a counter; what kind it is, no store keeps.
    return Series(BUCKETS, labels, TIMES, np.round(values, 6), "gauge")


def source():
    is_slow = HOUR == SLOW
    for pod, slow in (("web-a", is_slow), ("web-b", np.zeros(len(HOUR), bool))):
        yield bucket("shop", pod, "0.4", np.where(slow, 30.0, 60.0))
        yield bucket("shop", pod, "0.8", 60.0)
        yield bucket("shop", pod, "+Inf", 60.0)
    for bound in ("0.4", "0.8"):
        yield bucket("bank", "web-a", bound, 0.0)
    yield bucket("bank", "web-a", "+Inf", 60.0)
    gauge = np.where(TIMES[-1] - 3600 < TIMES, 3.0, 1.0)
    for pod, more in (("web-a", 0.0), ("web-b", 1.0), ("api-a", 50.0)):
        labels = {"namespace": "shop", "pod": pod}
        yield Series("seconds_p99", labels, TIMES, gauge + more, "gauge")


@pytest.fixture(scope="module", params=["prometheus", "victoria_metrics"])
def store(request):
    serve = request.getfixturevalue(f"module_{request.param}_with")
    return StoreSettings(store=serve(list(source())).url)


def usage_for(grid, *refs):
    usage = usage_of({"app": (0.2, GIB)}, days=grid.bins / 288)
    return msgspec.structs.replace(
        usage, grid=grid, containers=tuple(sorted(ContainerRef(ref, "app") for ref in refs))
    )


def histogram(max_seconds=0.5, q=0.95):
    return LatencyGuard(MetricSelector(BUCKETS), max_seconds, q)


def read(reader, guard, ref=WEB, *, grid=GRID):
    usage, warnings = reader.attach(usage_for(grid, ref), {ref: guard}, owners=OWNERS)
    assert warnings == ()
    return None if usage.latency is None else usage.latency[0]


def test_the_quantile_is_that_of_all_pods_together(store):
    """Of 120 requests a minute 30 take 0.4 to 0.8 s in the slow hour: p95 is 0.4 + 0.4 x 24/30;
    else all take up to 0.4, so p95 is 0.38. Half a second is allowed."""
    found = read(LatencyReader(store), histogram())
    expected = np.full(24, 0.38 / 0.5)
    expected[SLOW] = (0.4 + 0.4 * 24 / 30) / 0.5
    assert found == pytest.approx(expected, rel=1e-3)


def test_beyond_the_last_bucket_it_is_infinite_and_of_the_own_namespace(store):
    assert np.isinf(read(LatencyReader(store), histogram(), BANK)).all()


def test_a_gauge_counts_by_its_slowest_pod(store):
    found = read(LatencyReader(store), LatencyGuard(MetricSelector("seconds_p99"), 2.0))
    assert found[:-1] == pytest.approx(np.full(23, 1.0))
    assert found[-1] == pytest.approx(2.0, rel=0.02)


def test_no_such_series_is_not_known(store):
    assert read(LatencyReader(store), LatencyGuard(MetricSelector("nothing"), 1.0)) is None


class Asking:
    """A client that keeps what is asked for."""

    def __init__(self, settings):
        self._client = PrometheusClient(settings)
        self.asked = []

    def query_range(self, query):
        self.asked.append(query)
        return self._client.query_range(query)


def test_each_hour_is_read_once(store):
    asking = Asking(store)
    reader = LatencyReader(store, client=asking)
    for seconds in (0, 300, 3300):
        read(reader, histogram(), grid=TimeGrid(END - 7200 + seconds, 288))
    assert len(asking.asked) == 2
    found = read(reader, histogram(), grid=GRID)
    assert asking.asked[-1].start == asking.asked[-1].end - 3600 == END - 3600
    assert found == pytest.approx(read(LatencyReader(store), histogram()), rel=1e-6)


def test_another_allowance_or_metric_is_read_anew(store):
    reader = LatencyReader(store)
    first = read(reader, histogram(0.5))
    assert read(reader, histogram(1.0)) == pytest.approx(first / 2, rel=1e-6)


def test_nothing_new_is_the_same_object(store):
    reader, usage = LatencyReader(store), usage_for(GRID, WEB, API)
    first, _ = reader.attach(usage, {WEB: histogram()}, owners=OWNERS)
    assert reader.attach(usage, {WEB: histogram()}, owners=OWNERS)[0] is first
    assert np.isnan(first.latency[0]).all()  # api names none
    assert np.isfinite(first.latency[1]).all()


def test_what_cannot_be_read_is_a_warning_and_ends_nothing():
    def refuse(_query):
        raise StoreReplyError("the store says no")

    reader = LatencyReader(StoreSettings(), client=FakeQueryClient(refuse))
    usage, warnings = reader.attach(usage_for(GRID, WEB), {WEB: histogram()}, owners=OWNERS)
    assert usage.latency is None
    assert warnings == ("the latency of shop/Deployment/web was not read: the store says no",)


def test_too_many_series_are_not_read():
    client = FakeQueryClient(lambda query: [({}, [(query.end, MOST_SERIES + 1.0)])])
    reader = LatencyReader(StoreSettings(), client=client)
    _, warnings = reader.attach(usage_for(GRID, WEB), {WEB: histogram()}, owners=OWNERS)
    assert len(client.asked) == 1
    assert warnings[0].endswith(
        "http_seconds_bucket has 5,001 series in namespace shop, more than 5,000: narrow them"
        " down with labels"
    )


@given(
    counts=st.lists(st.integers(0, 50), min_size=4, max_size=4),
    low=st.floats(0.01, 0.99),
    high=st.floats(0.01, 0.99),
)
def test_a_higher_quantile_is_never_lower(counts, low, high):
    bounds = np.array([0.1, 0.5, 1.0, np.inf])
    cumulative = np.cumsum(counts)[:, None].astype(float)
    one, other = (quantile_of_buckets(bounds, cumulative, q)[0] for q in sorted((low, high)))
    if sum(counts):
        assert other >= one >= 0.0
    else:
        assert np.isnan(one)
