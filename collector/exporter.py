"""The newest snapshot as Prometheus metrics. A scrape changes nothing, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client import Metric

    from collector.model import ContainerFacts, Owner
    from collector.snapshot import OwnerTotal, Snapshot, Source

_WHO = ("namespace", "pod", "container", "workload", "workload_kind")
_SYSTEM = ("part", "name")


class SnapshotCollector(Collector):
    """Metrics of what `newest` returns; only the collector's own until there is a snapshot."""

    def __init__(
        self, newest: Callable[[], Snapshot | None], sources: Callable[[], Sequence[Source]]
    ) -> None:
        self._newest = newest
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        yield _source_metric(self._sources())
        snapshot = self._newest()
        if snapshot is not None:
            yield from _node_metrics(snapshot)
            yield from _owner_metrics(snapshot)
            yield from _own_metrics(snapshot)

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would collect at registration


def _source_metric(sources: Sequence[Source]) -> Metric:
    metric = GaugeMetricFamily(
        "joulefit_collector_source",
        "1 for each source in use, 0 for each that was looked for and is not.",
        labels=("purpose", "source", "reason"),
    )
    for source in sources:
        metric.add_metric((source.purpose, source.name, source.reason), float(source.is_used))
    return metric


def _node_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    energy = CounterMetricFamily(
        "joulefit_node_energy_joules",
        "Energy of a zone of the node; package, dram and platform overlap, never add them blindly.",
        labels=("zone", "socket", "source", "quality"),
    )
    idle = GaugeMetricFamily(
        "joulefit_node_idle_watts",
        "Fitted power of a zone without any load.",
        labels=("zone", "socket"),
    )
    residual = CounterMetricFamily(
        "joulefit_unattributed_energy_joules",
        "Energy of a zone that was charged to nobody.",
        labels=("zone", "socket"),
    )
    for total in snapshot.zones:
        where = (total.zone.name, total.zone.socket)
        energy.add_metric((*where, total.source, total.quality), total.joules)
    for zone, joules in snapshot.unattributed.items():
        residual.add_metric((zone.name, zone.socket), joules)
    for zone, watts in snapshot.idle_watts.items():
        idle.add_metric((zone.name, zone.socket), watts)
    yield from (energy, idle, residual)
    if snapshot.cpu_seconds is not None:
        yield CounterMetricFamily(
            "joulefit_node_cpu_seconds", "Busy CPU time of the node.", value=snapshot.cpu_seconds
        )
    if snapshot.frequency_hertz is not None:
        yield GaugeMetricFamily(
            "joulefit_node_cpu_frequency_hertz",
            "Mean of the present frequencies of the node's CPUs.",
            value=snapshot.frequency_hertz,
        )
    node = snapshot.node
    info = GaugeMetricFamily(
        "joulefit_node_info",
        "1, with what the node is.",
        labels=("node", "cpu_model", "cores", "kernel"),
    )
    info.add_metric((node.name, node.cpu_model, str(node.cores), node.kernel), 1.0)
    yield info


def _owner_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    containers = [
        (total, _who(total.owner))
        for total in snapshot.owners
        if total.owner.part in {"container", "unknown"}
    ]
    yield _EnergyFamily(containers)
    for name, text, read in _CONTAINER_COUNTERS:
        counter = CounterMetricFamily(f"joulefit_container_{name}", text, labels=_WHO)
        yield _filled(counter, containers, read)
    memory = GaugeMetricFamily(
        "joulefit_container_memory_working_set_bytes",
        "Memory of the container that cannot be reclaimed at once.",
        labels=_WHO,
    )
    yield _filled(memory, containers, lambda total: _of(total.facts, "working_set_bytes"))
    others = [total for total in snapshot.owners if total.owner.part in {"system", "kernel"}]
    energy = CounterMetricFamily(
        "joulefit_system_energy_joules",
        "Energy charged to services of the node and to its kernel.",
        labels=(*_SYSTEM, "zone", "energy_part", "quality"),
    )
    busy = CounterMetricFamily(
        "joulefit_system_cpu_seconds",
        "CPU time of services of the node and of its kernel.",
        labels=_SYSTEM,
    )
    for total in others:
        what = (total.owner.part, total.owner.container)
        busy.add_metric(what, total.cpu_seconds)
        for key, joules in total.joules.items():
            energy.add_metric((*what, *key), joules)
    yield from (energy, busy)


class _EnergyFamily(CounterMetricFamily):
    """Makes its samples while they are read: a thousand at once would take a megabyte for good."""

    def __init__(self, containers: Sequence[tuple[OwnerTotal, tuple[str, ...]]]) -> None:
        self._containers = containers
        super().__init__(
            "joulefit_container_energy_joules",
            "Energy charged to the container: dynamic by what it did, idle by the idle policy.",
        )

    @property
    def samples(self) -> Any:
        names = (*_WHO, "zone", "part", "quality")
        for total, who in self._containers:
            for key, joules in total.joules.items():
                yield Sample(f"{self.name}_total", dict(zip(names, who + key, strict=True)), joules)

    @samples.setter
    def samples(self, none: list[Sample]) -> None:
        """The library's families begin with an empty list."""


_CONTAINER_COUNTERS: tuple[tuple[str, str, Callable[[OwnerTotal], float | None]], ...] = (
    ("cpu_seconds", "CPU time of the container.", lambda total: total.cpu_seconds),
    ("cycles", "CPU cycles of the container.", lambda total: total.cycles),
    ("instructions", "Instructions retired by the container.", lambda total: total.instructions),
    (
        "cache_misses",
        "Misses of the last-level cache by the container.",
        lambda total: total.cache_misses,
    ),
    (
        "throttled_seconds",
        "Time in which the container was held back by its CPU limit.",
        lambda total: total.throttled_seconds,
    ),
)


def _of(facts: ContainerFacts | None, name: str) -> float | None:
    return None if facts is None else getattr(facts, name)


def _filled(
    metric: CounterMetricFamily | GaugeMetricFamily,
    containers: Sequence[tuple[OwnerTotal, tuple[str, ...]]],
    read: Callable[[OwnerTotal], float | None],
) -> Metric:
    for total, who in containers:
        value = read(total)
        if value is not None:
            metric.add_metric(who, value)
    return metric


def _who(owner: Owner) -> tuple[str, ...]:
    if owner.part == "unknown":  # by the ids that are known, until somebody tells the names
        return ("unknown", owner.uid, owner.container or owner.container_id, "", "")
    return (owner.namespace, owner.pod, owner.container, owner.workload, owner.workload_kind)


def _own_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "joulefit_collector_last_collection_timestamp_seconds",
        "When the newest interval ended.",
        value=snapshot.at,
    )
    yield GaugeMetricFamily(
        "joulefit_collector_collection_seconds",
        "How long the newest collection took.",
        value=snapshot.seconds,
    )
    level = GaugeMetricFamily(
        "joulefit_collector_probe_level",
        "1 for the level at which CPU activity is seen: counters, time or cgroupfs.",
        labels=("level",),
    )
    for name in ("counters", "time", "cgroupfs"):
        level.add_metric((name,), float(name == snapshot.level))
    yield level
    yield CounterMetricFamily(
        "joulefit_collector_lost_events",
        "Events that found no room in the kernel's map.",
        value=snapshot.lost,
    )
    failures = CounterMetricFamily(
        "joulefit_collector_failures",
        "Things that could not be read, by kind; each costs its own item only.",
        labels=("kind",),
    )
    for kind, count in sorted(snapshot.failures.items()):
        failures.add_metric((kind,), count)
    yield failures
    yield from _overhead_metrics(snapshot)


def _overhead_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    overhead = snapshot.overhead
    yield CounterMetricFamily(
        "joulefit_collector_cpu_seconds", "CPU time of the collector.", value=overhead.cpu_seconds
    )
    yield GaugeMetricFamily(
        "joulefit_collector_resident_bytes",
        "Resident memory of the collector.",
        value=overhead.resident_bytes,
    )
    if overhead.bpf_runs is not None and overhead.bpf_seconds is not None:
        yield CounterMetricFamily(
            "joulefit_collector_bpf_seconds",
            "Time in the collector's programs in the kernel.",
            value=overhead.bpf_seconds,
        )
        yield CounterMetricFamily(
            "joulefit_collector_bpf_runs",
            "Runs of the collector's programs in the kernel.",
            value=overhead.bpf_runs,
        )
