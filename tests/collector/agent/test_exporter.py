"""What Prometheus is shown, and that showing changes nothing."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from collector.exporter import SnapshotCollector
from collector.model import Owner
from tests.collector.agent.picture import SOURCES, owner_total, snapshot

WHO = {
    "namespace": "shop",
    "pod": "checkout-7d9f-abcde",
    "container": "app",
    "workload": "checkout",
    "workload_kind": "Deployment",
}


def _scrape(newest):
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: newest, lambda: SOURCES))
    return generate_latest(registry)


def _samples(newest):
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(_scrape(newest).decode())
        for sample in family.samples
    }


def _value(newest, series, **labels):
    return _samples(newest)[series, frozenset(labels.items())]


def test_a_container_carries_its_names_and_its_workload():
    energy = {"zone": "package", "part": "dynamic", "quality": "measured"}
    shown = snapshot()
    assert _value(shown, "joulefit_container_energy_joules_total", **WHO, **energy) == 12.5
    assert _value(shown, "joulefit_container_cpu_seconds_total", **WHO) == 3.25
    assert _value(shown, "joulefit_container_memory_working_set_bytes", **WHO) == 1024
    assert _value(shown, "joulefit_container_throttled_seconds_total", **WHO) == 0.75


def test_the_node_shows_energy_idle_power_and_what_was_charged_to_nobody():
    shown = snapshot()
    where = {"zone": "package", "socket": "0"}
    source = {"source": "rapl", "quality": "measured"}
    assert _value(shown, "joulefit_node_energy_joules_total", **where, **source) == 100.0
    assert _value(shown, "joulefit_node_idle_watts", **where) == 30.0
    assert _value(shown, "joulefit_unattributed_energy_joules_total", **where) == 2.0
    assert _value(shown, "joulefit_node_cpu_seconds_total") == 42.0
    node = {"node": "n1", "cpu_model": "EPYC", "cores": "8", "kernel": "6.1"}
    assert _value(shown, "joulefit_node_info", **node) == 1.0


def test_counters_that_the_probe_does_not_see_are_absent_not_zero():
    names = {name for name, _ in _samples(snapshot())}
    assert "joulefit_container_cycles_total" not in names
    counted = snapshot(owners=(owner_total(cycles=10, instructions=20, cache_misses=3),))
    assert _value(counted, "joulefit_container_cycles_total", **WHO) == 10
    assert _value(counted, "joulefit_container_cache_misses_total", **WHO) == 3
    assert ("joulefit_container_memory_working_set_bytes", frozenset(WHO.items())) not in _samples(
        counted
    )


def test_busy_time_that_could_not_be_read_is_absent_not_zero():
    names = {name for name, _ in _samples(snapshot(cpu_seconds=None))}
    assert "joulefit_node_cpu_seconds_total" not in names


def test_services_and_the_kernel_are_no_containers():
    kernel = owner_total(Owner("kernel", container="kernel"))
    shown = snapshot(owners=(kernel,))
    assert _value(shown, "joulefit_system_cpu_seconds_total", part="kernel", name="kernel") == 3.25
    assert not any(name.startswith("joulefit_container") for name, _ in _samples(shown))


def test_what_has_no_name_yet_stays_visible():
    stray = owner_total(Owner("unknown", uid="u1", container_id="c9"))
    nameless = dict.fromkeys(WHO, "") | {"namespace": "unknown", "pod": "u1", "container": "c9"}
    shown = snapshot(owners=(stray,))
    assert _value(shown, "joulefit_container_cpu_seconds_total", **nameless) == 3.25


def test_two_scrapers_see_the_same_and_change_nothing():
    shown = snapshot(owners=(owner_total(), owner_total(Owner("system", container="sshd"))))
    assert _scrape(shown) == _scrape(shown)


def test_before_the_first_interval_only_sources_are_shown():
    names = {name for name, _ in _samples(None)}
    assert names == {"joulefit_collector_source"}
    reason = {"purpose": "power", "source": "rapl", "reason": "no intel-rapl zone"}
    assert _value(None, "joulefit_collector_source", **reason) == 0.0


def test_the_level_and_what_the_collector_costs_are_shown():
    shown = snapshot(lost=3, failures={"zone": 2})
    assert _value(shown, "joulefit_collector_probe_level", level="time") == 1.0
    assert _value(shown, "joulefit_collector_probe_level", level="counters") == 0.0
    assert _value(shown, "joulefit_collector_lost_events_total") == 3
    assert _value(shown, "joulefit_collector_failures_total", kind="zone") == 2
    assert _value(shown, "joulefit_collector_cpu_seconds_total") == 1.5
