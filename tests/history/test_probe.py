"""What a store says of itself and of its usage, on a real Prometheus and a real VictoriaMetrics."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.errors import StoreReplyError, StoreUnreachableError
from recommender.history.choice import choose_usage
from recommender.history.client import PrometheusClient
from recommender.history.fake import FakeQueryClient
from recommender.history.probe import (
    Build,
    Span,
    probe_usage,
    read_build,
    read_clock,
    read_inventory,
)
from recommender.history.schema import USAGE
from recommender.model.history import TimeGrid
from recommender.settings import StoreSettings
from tests.history.scripted_store import Scripted, json_reply, scripted_store
from tests.testbed.openmetrics import Series
from tests.testbed.process import free_port

END = 1_760_054_400  # 2025-10-10 00:00 UTC
GRID = TimeGrid(end=END, bins=4 * 288)
DAY, HOUR, MINUTE = 86400, 3600, 60
CADVISOR = USAGE[1]


def history(namespace, begin, end, *, every=60, without=(), memory=True):
    """A container sampled every so many seconds from `begin` to `end`, but for some spans."""
    series = []
    at = np.arange(begin, end + 1, every, dtype=np.int64)
    for first, last in without:
        at = at[(at <= first) | (at >= last)]
    labels = {"namespace": namespace, "pod": "web-1", "container": "app"}
    series.append(Series(CADVISOR.cpu, labels, at, np.round(0.25 * (at - begin), 3)))
    if memory:
        series.append(Series(CADVISOR.memory, labels, at, np.full(len(at), 1e8), "gauge"))
    return series


# Each namespace has one trait.
GAPS = [(END - 9 * HOUR, END - 8 * HOUR), (END - 4 * HOUR, END - 3.5 * HOUR)]
TRAITS = {
    "whole": history("whole", END - 5 * DAY, END),
    "young": history("young", END - 10 * HOUR, END),
    "stale": history("stale", END - 5 * DAY, END - 3 * HOUR),
    "ended": history("ended", END - 4 * DAY, END - 2 * DAY),
    "slow": history("slow", END - 2 * DAY, END, every=240),
    "quick": history("quick", END - DAY, END, every=15),
    "gaps": history("gaps", END - 5 * DAY, END, without=GAPS),
    "day-missing": history(
        "day-missing", END - 5 * DAY, END, without=[(END - 2.5 * DAY, END - 1.5 * DAY)]
    ),
    "no-memory": history("no-memory", END - DAY, END, memory=False),
}


def all_series():
    return sorted((s for each in TRAITS.values() for s in each), key=lambda s: s.name)


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
def client(request, module_prometheus_with, module_victoria_metrics_with):
    start = {
        "prometheus": module_prometheus_with,
        "victoria-metrics": module_victoria_metrics_with,
    }[request.param]
    return PrometheusClient(StoreSettings(store=start(all_series()).url))


def probe(client, namespace, *, grid=GRID, now=END):
    return probe_usage(client, CADVISOR, grid, namespaces=frozenset([namespace]), now=now)


def test_a_whole_history_fills_the_window_and_perhaps_more(client):
    found = probe(client, "whole")
    assert (found.newest, found.first, found.fills_window) == (END, GRID.start, True)
    assert (found.missing, found.gaps) == (0, ())
    assert found.interval == 60
    assert found.memory == 1
    assert found.day == Span(END - DAY, END)


def test_a_young_history_begins_when_it_began_to_the_hour(client):
    found = probe(client, "young")
    assert not found.fills_window
    assert found.first == pytest.approx(END - 10 * HOUR, abs=HOUR)
    assert found.newest == END
    assert found.gaps == ()  # what was before its beginning is no gap


def test_the_newest_sample_of_a_store_that_went_silent_is_found(client):
    found = probe(client, "stale")
    assert found.newest == END - 3 * HOUR
    assert found.interval == 60
    assert found.day.end == pytest.approx(END - 3 * HOUR, abs=5 * MINUTE)


def test_a_history_that_ended_before_the_newest_day_is_found_by_days(client):
    found = probe(client, "ended")
    assert found.newest == END - 2 * DAY
    assert found.day is None
    assert found.first == pytest.approx(END - 4 * DAY, abs=HOUR)


@pytest.mark.parametrize(("namespace", "seconds"), [("slow", 240), ("quick", 15)])
def test_the_interval_of_samples_is_counted(client, namespace, seconds):
    assert probe(client, namespace).interval == pytest.approx(seconds, rel=0.1)


def test_gaps_of_the_newest_day_are_found_with_their_length(client):
    gaps = probe(client, "gaps").gaps
    assert len(gaps) == 2
    for found, (begin, end) in zip(gaps, GAPS, strict=True):
        # To a step of the grid at either end, less what a query looks back.
        assert found.begin == pytest.approx(begin, abs=10 * MINUTE)
        assert found.end == pytest.approx(end, abs=10 * MINUTE)


def test_a_missing_day_is_counted(client):
    found = probe(client, "day-missing")
    assert found.missing == 1
    assert found.fills_window


def test_cpu_without_memory_is_seen(client):
    assert probe(client, "no-memory").memory == 0


def test_a_namespace_without_usage_has_nothing(client):
    found = probe(client, "nowhere")
    assert (found.newest, found.first, found.interval, found.day) == (None, None, None, None)


def test_a_window_shorter_than_a_day_is_looked_at_as_a_whole(client):
    grid = TimeGrid(end=END, bins=24)
    found = probe(client, "whole", grid=grid)
    assert (found.first, found.fills_window, found.newest) == (grid.start, True, END)


def test_samples_after_the_last_whole_bin_count_as_the_newest(client):
    grid = TimeGrid(end=END - 300, bins=288)
    assert probe(client, "whole", grid=grid, now=END - 60).newest == END - 60


def test_the_inventory_is_that_of_discovery(client):
    inventory = read_inventory(client, GRID, None)
    assert choose_usage(inventory) is CADVISOR
    assert set(inventory.containers[CADVISOR.cpu]) == set(TRAITS)
    nothing = read_inventory(client, GRID, frozenset(["nowhere"]))
    assert nothing.containers == {}


def test_the_clock_of_a_store_on_this_machine_is_ours(client):
    reading = read_clock(client)
    assert abs(reading.ahead) <= reading.margin


def test_victoria_metrics_is_asked_for_its_present_not_for_half_a_minute_ago(
    module_victoria_metrics_with,
):
    usual = module_victoria_metrics_with(arguments=["-search.latencyOffset=30s"])
    reading = read_clock(PrometheusClient(StoreSettings(store=usual.url)))
    assert abs(reading.ahead) <= reading.margin


def test_a_prometheus_tells_its_version(module_prometheus_with):
    store = module_prometheus_with(all_series()[:1])
    build = read_build(PrometheusClient(StoreSettings(store=store.url)))
    assert build.version[0].isdecimal()
    assert build.revision


@pytest.mark.parametrize(
    "answer",
    [Scripted(404, b"404"), json_reply(b"{}"), json_reply(b"<html>")],
    ids=["404", "nothing", "a web page"],
)
def test_a_store_that_does_not_tell_its_version_is_borne(answer):
    with scripted_store(answer) as store:
        assert read_build(PrometheusClient(StoreSettings(store=store.url))) == Build()
    [asked] = store.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/status/buildinfo")


def test_the_application_is_told_where_the_store_names_one():
    client = FakeQueryClient(lambda _: [], build={"application": "Grafana Mimir", "version": "2"})
    assert read_build(client) == Build("2", "", "Grafana Mimir")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"status":"success","data":{"result":[{"metric":{},"value":[1,"soon"]}]}}',
        b'{"status":"success","data":{"result":[]}}',
        b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}',
    ],
    ids=str,
)
def test_a_time_that_is_none_is_an_error_that_asks_for_the_address(body):
    with scripted_store(json_reply(body)) as store, pytest.raises(StoreReplyError, match="--store"):
        read_clock(PrometheusClient(StoreSettings(store=store.url)))


def test_a_path_before_the_api_and_credentials_are_kept():
    body = b'{"status":"success","data":{"result":[{"metric":{},"value":[5,"5"]}]}}'
    with scripted_store(json_reply(body)) as store:
        settings = StoreSettings(store=f"{store.url}/prometheus/", store_token="s3cret")
        assert read_clock(PrometheusClient(settings)).theirs == 5
    [asked] = store.asked
    assert asked.path.startswith("/prometheus/api/v1/query?query=vector%28time%28%29%29")
    assert asked.headers["Authorization"] == "Bearer s3cret"


def test_a_store_that_is_not_there_is_an_error():
    settings = StoreSettings(store=f"http://127.0.0.1:{free_port()}", store_retries=0)
    with pytest.raises(StoreUnreachableError):
        read_clock(PrometheusClient(settings))
    with pytest.raises(StoreUnreachableError):
        read_build(PrometheusClient(settings))
