"""Work of a workload: only series of its namespace and its pods, counted once and exactly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreError, UsageError
from recommender.history.fake import FakeQueryClient
from recommender.history.work import MOST_SERIES, WorkReader, select_work
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.model.profile import MetricSelector
from recommender.settings import StoreSettings
from tests.history.promql import parse_selector

GRID = TimeGrid(end=1_760_054_400, bins=288)
WEB = WorkloadRef("shop", "Deployment", "web")
API = WorkloadRef("shop", "Deployment", "api")
OWNERS = PodOwners(workloads=frozenset([WEB, API]))
POD, OTHER_POD = "web-7d9c5b8f6-bcdfg", "web-7d9c5b8f6-hjklm"
DONE = MetricSelector("http_requests_total")
ALL_TIMES = range(GRID.start, GRID.end + 1, GRID.step)

NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True)
LABELS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,10}", fullmatch=True).filter(
    lambda label: label not in {"namespace", "pod"}
)
HOSTILE = st.text(st.sampled_from('"\\{}=~,\n\r\t` or)[]#ä\u2028\0') | st.characters(), max_size=12)


@given(name=NAMES, labels=st.dictionaries(LABELS, HOSTILE, max_size=4))
def test_a_selector_says_exactly_what_was_given_and_the_namespace_is_ours(name, labels):
    is_text = all(not 0xD800 <= ord(c) <= 0xDFFF for value in labels.values() for c in value)
    if not is_text:
        with pytest.raises(UsageError):
            select_work(MetricSelector(name, labels), "shop")
        return
    expected = {("__name__", "=", name), ("namespace", "=", "shop")}
    expected |= {(label, "=", value) for label, value in labels.items()}
    matchers = parse_selector(select_work(MetricSelector(name, labels), "shop"))
    assert set(matchers) == expected
    assert len(matchers) == len(expected)


@given(name=HOSTILE, label=HOSTILE, value=HOSTILE, namespace=HOSTILE)
def test_whatever_a_user_writes_either_is_refused_or_stays_in_the_namespace(
    name, label, value, namespace
):
    try:
        text = select_work(MetricSelector(name, {label: value}), namespace)
    except UsageError:
        return
    matchers = parse_selector(text)
    assert [each for each in matchers if each[0] == "namespace"] == [("namespace", "=", namespace)]
    assert {operator for _, operator, _ in matchers} == {"="}
    assert len(matchers) == 3


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (MetricSelector("x", {"namespace": "bank"}), "'namespace', which joulefit sets itself"),
        (MetricSelector("x", {"pod": "bank"}), "'pod', which joulefit sets itself"),
        (MetricSelector("x", {"__name__": "y"}), "'__name__', which is no label name"),
        (MetricSelector("x", {'a="",b': "y"}), "which is no label name"),
        (MetricSelector("x", {"ä": "y"}), "which is no label name"),
        (MetricSelector("x", {"": "y"}), "'', which is no label name"),
        (MetricSelector('x"} or up{a="'), "no metric name"),
        (MetricSelector("x\n"), "no metric name"),
        (MetricSelector(""), "no metric name"),
        (MetricSelector("x" * 257), "no metric name"),
        (MetricSelector("x", {f"l{i}": "" for i in range(17)}), "17 of them"),
        (MetricSelector("x", {"a": "y" * 257}), "longer than 256"),
        (MetricSelector("x", {"a": "\ud800"}), "no Unicode text"),
    ],
)
def test_what_is_no_name_or_not_the_users_to_choose_is_refused(series, words):
    with pytest.raises(UsageError, match="workMetric: ") as raised:
        select_work(series, "shop")
    assert words in str(raised.value)


def counter(per_second, *, first=0, start=1000.0):
    """Samples of a counter that rises evenly from the grid point `first` on."""
    times = ALL_TIMES[first:]
    return [(at, start + per_second * (at - times[0])) for at in times]


def series(points, *, pod=POD, namespace="shop", **labels):
    return {"__name__": DONE.name, "namespace": namespace, "pod": pod, **labels}, points


def read(*found, count=None, metric=DONE, ref=WEB, owners=OWNERS, grid=GRID):
    """The rate that is read from a store with these series; and the client that was asked."""

    def answer(query):
        if query.query.startswith("count("):
            most = len(found) if count is None else count
            return [({}, [(query.end, float(most))])] if most else []
        return found

    client = FakeQueryClient(answer)
    reader = WorkReader(StoreSettings(), client=client)
    return reader.read(metric, ref, owners=owners, grid=grid), client


def test_the_rates_of_all_pods_of_the_workload_add_up():
    rate, _ = read(
        series(counter(3.0), path="/a"),
        series(counter(4.0), path="/b"),
        series(counter(5.0), pod=OTHER_POD, path="/a"),
    )
    assert rate.per_second == pytest.approx(np.full(288, 12.0))
    assert (rate.series, rate.own, rate.flaw) == (3, 3, "")


def test_pods_of_other_workloads_and_of_nobody_do_not_count():
    rate, _ = read(
        series(counter(3.0)),
        series(counter(50.0), pod="api-5f6b7c8d9-bcdfg"),
        series(counter(60.0), pod="stranger"),
        series(counter(70.0), pod=""),
    )
    assert rate.per_second == pytest.approx(np.full(288, 3.0))
    assert (rate.series, rate.own) == (4, 1)


def test_a_store_that_sends_another_tenants_series_all_the_same_is_not_believed():
    rate, _ = read(series(counter(3.0)), series(counter(90.0), namespace="bank"))
    assert rate.per_second == pytest.approx(np.full(288, 3.0))


def test_a_pod_that_is_scraped_twice_counts_once():
    rate, _ = read(
        series(counter(3.0), job="web", instance="10.0.0.1:80", prometheus_replica="0"),
        series(counter(3.0), job="pods", instance="10.0.0.1:80", prometheus_replica="1"),
    )
    assert rate.per_second == pytest.approx(np.full(288, 3.0))


def test_two_ports_of_a_pod_count_both():
    rate, _ = read(
        series(counter(3.0), instance="10.0.0.1:80"), series(counter(4.0), instance="10.0.0.1:81")
    )
    assert rate.per_second == pytest.approx(np.full(288, 7.0))


def test_a_restart_loses_nothing_that_was_counted_after_it():
    points = counter(2.0)
    points[100:] = [(at, value - points[99][1]) for at, value in points[100:]]
    rate, _ = read(series(points))
    assert rate.per_second == pytest.approx(np.full(288, 2.0))


def test_bins_without_a_sample_are_not_known():
    points = [pair for pair in counter(2.0) if pair[0] < GRID.start + 100 * GRID.step]
    rate, _ = read(series(points))
    assert np.isfinite(rate.per_second).sum() == 99
    assert np.isnan(rate.per_second[99:]).all()


def test_more_work_than_a_thousand_a_second_is_believed():
    rate, _ = read(series(counter(1e6)))
    assert rate.per_second == pytest.approx(np.full(288, 1e6))


def test_a_gauge_is_no_counter_and_gives_no_number():
    swing = [(at, 100.0 + 50.0 * math.sin(at)) for at in ALL_TIMES]
    rate, _ = read(series(swing))
    assert rate.flaw.startswith("no counter: it falls at ")
    assert np.isnan(rate.per_second).all()


def test_the_gauge_of_another_workload_is_no_flaw():
    swing = [(at, 100.0 + 50.0 * math.sin(at)) for at in ALL_TIMES]
    rate, _ = read(series(counter(2.0)), series(swing, pod="api-5f6b7c8d9-bcdfg"))
    assert rate.flaw == ""


def test_without_a_series_nothing_more_is_asked():
    rate, client = read()
    assert (rate.series, rate.own, rate.flaw) == (0, 0, "")
    assert np.isnan(rate.per_second).all()
    assert len(client.asked) == 1


def test_too_many_series_are_not_read():
    rate, client = read(count=MOST_SERIES + 1)
    assert rate.flaw == "more than 5,000: narrow them down with labels"
    assert len(client.asked) == 1


def test_every_query_is_about_the_namespace_and_holds_each_point_once():
    _, client = read(series(counter(1.0)), count=3000, metric=MetricSelector("done", {"code": "2"}))
    selector = '{__name__="done",namespace="shop",code="2"}'
    first, *parts = client.asked
    assert first.query == f"count(last_over_time({selector}[86400s]))"
    assert {each.query for each in parts} == {selector}
    assert len(parts) > 1
    points = [at for part in parts for at in range(part.start, part.end + 1, part.step)]
    assert points == list(ALL_TIMES)


def test_many_parts_give_the_same_as_one():
    found = [series(counter(3.0)), series(counter(5.0), pod=OTHER_POD)]
    whole, _ = read(*found)
    parts, client = read(*found, count=3000)
    assert len(client.asked) > 5
    assert parts.per_second == pytest.approx(whole.per_second)


def test_the_days_before_count_where_series_are_gone_by_now():
    _, client = read(grid=TimeGrid(end=GRID.end, bins=14 * 288), count=1)
    first = client.asked[0]
    assert (first.start, first.end, first.step) == (GRID.end - 13 * 86400, GRID.end, 86400)


def test_a_store_that_is_down_is_an_error():
    def answer(_):
        raise StoreError("down")

    reader = WorkReader(StoreSettings(), client=FakeQueryClient(answer))
    with pytest.raises(StoreError, match="down"):
        reader.read(DONE, WEB, owners=OWNERS, grid=GRID)


def test_the_nodes_that_its_own_series_are_of_are_told():
    rate, _ = read(
        series(counter(3.0), node="a"),
        series(counter(4.0), pod=OTHER_POD, node="b"),
        series(counter(5.0), pod="api-7d9c5b8f6-bcdfg", node="c"),
        series(counter(1.0), path="/x"),
    )
    assert rate.nodes == ("a", "b")
