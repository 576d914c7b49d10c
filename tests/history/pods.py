"""A store made of pods whose counters and gauges are known at each grid point.

It answers the queries of the reader as a Prometheus would that has one sample at each point:
selection by namespace, counts for discovery, peaks over the hours that are asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from recommender.errors import StoreReplyError
from recommender.history.fake import FakeQueryClient
from recommender.history.store_reader import StoreReader
from recommender.settings import StoreSettings

CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
KILLED = "kube_pod_container_status_last_terminated_reason"
NODE_CPU = "joulefit_node_cpu_seconds_total"
ENERGY = "joulefit_node_energy_joules_total"
_LENGTH = re.compile(r"\[(\d+)ms\]")
_NAMESPACES = re.compile(r'namespace=~?"([^"]*)"')
_OFFSET = re.compile(r" offset (\d+)s")


@dataclass
class Series:
    """A series with its values by unix time."""

    name: str
    labels: dict[str, str]
    values: dict[int, float] = field(repr=False)  # Hypothesis refuses to print so much


@dataclass
class PodStore:
    """`held_until` is the time up to which the store has samples; `failing` makes the query of
    that number (from 1) fail; `queries` are those that arrived, with what they asked."""

    series: list[Series]
    step: int
    held_until: int | None = None
    failing: int | None = None
    seen: int = 0
    client: FakeQueryClient = field(init=False)

    def __post_init__(self):
        self.client = FakeQueryClient(self.answer)

    @property
    def reader(self):
        return StoreReader(StoreSettings(store_parallel=1), client=self.client)

    def answer(self, query):
        self.seen += 1
        if self.failing is not None and self.seen >= self.failing:
            raise StoreReplyError("the store is told to fail")
        if query.query.startswith("label_replace"):
            return self._discover(query)
        found = _NAMESPACES.search(query.query)
        namespaces = None if found is None else set(found[1].replace("\\", "").split("|"))
        return list(self._select(query, namespaces))

    def _select(self, query, namespaces):
        points = range(query.start, query.end + 1, query.step)
        for each in self.series:
            if not re.search(rf"\b{each.name}\b", query.query):
                continue
            if namespaces is not None and each.labels.get("namespace") not in namespaces:
                continue
            length = _LENGTH.search(query.query)
            if length:
                values = self._peaks(each, points, -(-int(length[1]) // 1000))
            else:
                values = [(at, self._at(each, at)) for at in points]
            kept = [(at, value) for at, value in values if value is not None]
            if kept:
                yield each.labels, kept

    def _at(self, series, at):
        if self.held_until is not None and at > self.held_until:
            return None
        return series.values.get(at)

    def _peaks(self, series, points, seconds):
        for at in points:
            inside = [
                series.values[time]
                for time in range(at - seconds + self.step, at + 1, self.step)
                if self._at(series, time) is not None
            ]
            yield at, max(inside, default=None)

    def _discover(self, query):
        """Counts at the most productive of the times that are looked at."""
        found = _NAMESPACES.search(query.query)
        namespaces = None if found is None else set(found[1].replace("\\", "").split("|"))
        offsets = {0, *map(int, _OFFSET.findall(query.query))}
        most = Counter()
        for offset in offsets:
            counts = Counter()
            for each in self.series:
                namespace = each.labels.get("namespace")
                if each.name == CPU and namespaces is not None and namespace not in namespaces:
                    continue
                if self._at(each, query.end - offset) is not None:
                    counts[each.name, namespace if each.name == CPU else None] += 1
            most |= counts
        for (name, namespace), count in most.items():
            labels = {"__name__": name} | ({"namespace": namespace} if namespace else {})
            yield labels, [(query.end, float(count))]
