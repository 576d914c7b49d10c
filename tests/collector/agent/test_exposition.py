"""The text that is scraped: prometheus-client's own writer is what it must agree with."""

from __future__ import annotations

import gzip
import time

import requests
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from collector.exporter import SnapshotCollector
from collector.exposition import Exposition, TextWriter
from collector.health import Status
from collector.pages import Pages
from collector.settings import ServiceSettings
from tests.collector.agent.picture import SOURCES, snapshot

VALUES = st.floats() | st.integers(0, 2**63) | st.booleans()
ROWS = st.lists(st.tuples(st.text(), st.text(), VALUES), max_size=5)
FAMILIES = st.sampled_from([CounterMetricFamily, GaugeMetricFamily])


class Fixed(Collector):
    def __init__(self, *metrics):
        self.metrics = metrics

    def collect(self):
        return iter(self.metrics)


def by_the_library(collector):
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def of(newest):
    return Exposition(newest, lambda: SOURCES)


@given(kind=FAMILIES, text=st.text(), scrapes=st.lists(ROWS, min_size=2, max_size=2))
def test_every_text_is_the_librarys_at_the_first_scrape_and_at_the_next(kind, text, scrapes):
    writer = TextWriter()
    for rows in scrapes:
        metric = kind("joulefit_x", text, labels=("b", "a"))
        for one, other, value in rows:
            metric.add_metric((one, other), value)
        single = kind("joulefit_y", text, value=1.5)
        collector = Fixed(metric, single)
        assert writer.write(collector.collect()) == by_the_library(collector)


def test_a_snapshot_is_written_as_the_library_writes_it():
    newest = snapshot()
    expected = by_the_library(SnapshotCollector(lambda: newest, lambda: SOURCES))
    assert of(lambda: newest).read(is_packed=False) == expected


def test_who_asks_for_gzip_gets_the_same_text_packed():
    exposition = of(snapshot)
    text = exposition.read(is_packed=False)
    assert b"joulefit_container_energy_joules_total" in text
    newest = snapshot()
    exposition = of(lambda: newest)
    assert gzip.decompress(exposition.read(is_packed=True)) == exposition.read(is_packed=False)


def test_one_snapshot_is_the_same_bytes_for_all_and_a_new_one_is_seen():
    pictures = [snapshot(cpu_seconds=1.0)]
    exposition = of(lambda: pictures[-1])
    first = exposition.read(is_packed=False)
    assert exposition.read(is_packed=False) == first
    assert exposition.read(is_packed=True) is exposition.read(is_packed=True)
    pictures.append(snapshot(cpu_seconds=2.0))
    assert b"joulefit_node_cpu_seconds_total 2.0\n" in exposition.read(is_packed=False)


def test_before_the_first_snapshot_the_sources_are_told():
    text = of(lambda: None).read(is_packed=False)
    assert b'joulefit_collector_source{purpose="power"' in text
    assert b"joulefit_node_energy" not in text


def test_a_prometheus_is_answered_with_gzip_and_a_plain_client_without():
    newest = snapshot(at=time.time())
    status = Status(began=time.time(), interval=5.0, sources=SOURCES, snapshot=newest)
    pages = Pages(ServiceSettings(listen="127.0.0.1:0"), lambda: status)
    pages.start()
    try:
        url = f"http://127.0.0.1:{pages.port}/metrics"
        packed = requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=5)
        plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    finally:
        pages.stop()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.text == plain.text
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
