"""Each schema says what the fleet did: exact integrals, real names, traps included."""

from collections import defaultdict

import numpy as np
import pytest

from tests.testbed.exposition import SCHEMAS, container_energy_series
from tests.testbed.fleet import FleetShape, generate_fleet

SHAPE = FleetShape(
    nodes=2,
    cores_per_node=8,
    workloads=5,
    daemonsets=1,
    statefulsets=1,
    namespaces=2,
    days=0.25,
    sidecar_share=0.02,
)
BINS = 72
TARGET = {"instance", "job"}
CGROUP = {"cpu", "id", "node", *TARGET}
KEPLER = {"package", "mode", "source", *TARGET}
POD = {"namespace", "pod", "uid"}
OWNER = {"owner_kind", "owner_name", "owner_is_controller"}

LABELS = {
    "joulefit": {
        "joulefit_node_energy_joules_total": {"node", "zone", "socket", "source", "quality"},
        "joulefit_node_cpu_seconds_total": {"node"},
        "joulefit_node_info": {"node", "cpu_model", "node_class"},
        "joulefit_container_cpu_seconds_total": {
            *("node", "namespace", "pod", "container", "workload", "workload_kind")
        },
        "joulefit_container_memory_working_set_bytes": {
            *("node", "namespace", "pod", "container", "workload", "workload_kind")
        },
    },
    "cadvisor": {
        "container_cpu_usage_seconds_total": CGROUP
        | {"namespace", "pod", "container", "image", "name"},
        "container_memory_working_set_bytes": CGROUP - {"cpu"}
        | {"namespace", "pod", "container", "image", "name"},
        "node_cpu_seconds_total": {"cpu", "mode", *TARGET},
        "node_rapl_package_joules_total": {"index", "path", *TARGET},
        "node_rapl_dram_joules_total": {"index", "path", *TARGET},
        "node_rapl_core_joules_total": {"index", "path", *TARGET},
        "node_uname_info": {"nodename", "machine", "sysname", *TARGET},
        "node_cpu_info": {"cpu", "core", "package", "model_name", *TARGET},
    },
    "kepler-0.9": {
        "kepler_node_package_joules_total": KEPLER,
        "kepler_node_dram_joules_total": KEPLER,
        "kepler_node_core_joules_total": KEPLER,
        "kepler_node_platform_joules_total": KEPLER,
    },
    "kepler-0.10": {
        "kepler_node_cpu_joules_total": {"zone", "path", "node_name", *TARGET},
        "kepler_node_cpu_usage_ratio": {"node_name", *TARGET},
    },
}
LABELS["cadvisor+ksm"] = LABELS["cadvisor"] | {
    "kube_node_status_allocatable": {"node", "resource", "unit"},
    "kube_replicaset_owner": {"namespace", "replicaset", *OWNER},
    "kube_pod_owner": POD | OWNER,
    "kube_pod_info": POD | {"node", "created_by_kind", "created_by_name"},
    "kube_pod_container_resource_requests": POD | {"container", "node", "resource", "unit"},
    "kube_pod_container_status_last_terminated_reason": POD | {"container", "reason"},
}
for kepler in ("kepler-0.9", "kepler-0.10"):
    LABELS[kepler] |= {
        name: labels for name, labels in LABELS["cadvisor"].items() if name.startswith("container")
    }


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SHAPE)


def read(series):
    by_name = defaultdict(list)
    for one in series:
        by_name[one.name].append(one)
    return by_name


@pytest.fixture(scope="module")
def written(fleet):
    return {schema: read(write(fleet)) for schema, write in SCHEMAS.items()}


def increase(series):
    return series.values[-1] - series.values[0]


def with_labels(series, **wanted):
    return [one for one in series if all(one.labels.get(k, "") == v for k, v in wanted.items())]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_names_and_labels_are_those_of_the_exporters(written, schema):
    found = {
        name: set().union(*(one.labels for one in series))
        for name, series in written[schema].items()
    }
    assert found == LABELS[schema]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_no_series_is_written_twice(written, schema):
    for series in written[schema].values():
        assert len({tuple(sorted(one.labels.items())) for one in series}) == len(series)


def container_counters(written, schema):
    if schema == "joulefit":
        return written[schema]["joulefit_container_cpu_seconds_total"]
    series = written[schema]["container_cpu_usage_seconds_total"]
    return [one for one in series if one.labels.get("container", "POD") != "POD"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_counter_rises_by_the_bins_cores_times_its_seconds(fleet, written, schema):
    counters = container_counters(written, schema)
    assert len(counters) == len(fleet.containers)
    for container, series in zip(fleet.containers, counters, strict=True):
        alive = slice(container.pod.first, container.pod.end)
        at_edges = np.isin(series.timestamps, fleet.edges)
        expected = fleet.cores[container.row, alive] * 300
        np.testing.assert_allclose(np.diff(series.values[at_edges]), expected, atol=3e-9)


def test_within_a_bin_a_counter_rises_evenly(fleet, written):
    series = written["joulefit"]["joulefit_node_cpu_seconds_total"][0]
    expected = np.repeat(fleet.node_cores[0], 5) * 60
    np.testing.assert_allclose(np.diff(series.values), expected, atol=3e-9)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_only_counters_of_new_pods_start_from_zero(fleet, written, schema):
    starts = [series.values[0] for series in container_counters(written, schema)]
    is_new = [container.pod.first > 0 for container in fleet.containers]
    assert [start == 0 for start in starts] == is_new
    assert any(is_new)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_samples_are_a_minute_apart_from_a_pods_first_edge_to_its_last(fleet, written, schema):
    for container, series in zip(
        fleet.containers, container_counters(written, schema), strict=True
    ):
        first, last = fleet.edges[container.pod.first], fleet.edges[container.pod.end]
        np.testing.assert_array_equal(series.timestamps, np.arange(first, last + 1, 60))


def test_a_scrape_may_come_after_the_edge(fleet):
    late = generate_fleet(FleetShape(**{**SHAPE.__dict__, "scrape_offset_seconds": 17}))
    series = read(SCHEMAS["joulefit"](late))["joulefit_node_cpu_seconds_total"][0]
    assert series.timestamps[0] == fleet.start + 17
    assert series.values[0] == pytest.approx(12_345.678 + 17 * fleet.node_cores[0, 0])


def test_memory_of_a_sample_is_that_of_its_bin(fleet, written):
    (series,) = with_labels(
        written["joulefit"]["joulefit_container_memory_working_set_bytes"],
        pod=fleet.pods[0].name,
        container="app",
    )
    expected = np.append(np.repeat(fleet.memory_bytes[0], 5), fleet.memory_bytes[0, -1])
    np.testing.assert_array_equal(series.values, expected)


def joules(fleet, node):
    return fleet.node_watts[node].sum() * 300


def test_package_and_dram_of_a_joulefit_node_are_its_energy_and_so_is_the_platform(fleet, written):
    series = with_labels(written["joulefit"]["joulefit_node_energy_joules_total"], node="node-02")
    rapl = sum(increase(one) for one in series if one.labels["zone"] in {"package", "dram"})
    (platform,) = with_labels(series, zone="platform")
    assert rapl == pytest.approx(joules(fleet, 1))
    assert increase(platform) == pytest.approx(joules(fleet, 1))


def test_the_core_zone_is_inside_the_package(written):
    series = with_labels(written["joulefit"]["joulefit_node_energy_joules_total"], node="node-01")
    (core,) = with_labels(series, zone="core", socket="0")
    (package,) = with_labels(series, zone="package", socket="0")
    assert increase(core) == pytest.approx(0.7 * increase(package))


def test_rapl_registers_of_node_exporter_add_up_to_the_nodes_energy(fleet, written):
    names = ("node_rapl_package_joules_total", "node_rapl_dram_joules_total")
    series = [one for name in names for one in written["cadvisor"][name]]
    found = with_labels(series, instance="10.0.0.1:9100")
    assert len(found) == 4
    assert sum(map(increase, found)) == pytest.approx(joules(fleet, 0))


def test_a_register_with_a_range_starts_again_and_loses_nothing():
    wrapping = generate_fleet(FleetShape(**{**SHAPE.__dict__, "rapl_range_joules": 65_532.610987}))
    series = read(SCHEMAS["cadvisor"](wrapping))["node_rapl_package_joules_total"][0]
    steps = np.diff(series.values)
    total = wrapping.node_watts[0].sum() * 300 * 0.85 / 2
    assert series.values.max() < 65_532.610987
    assert (steps < 0).sum() == int(total // 65_532.610987)
    assert steps.sum() + (steps < 0).sum() * 65_532.610987 == pytest.approx(total)


def test_idle_and_dynamic_of_old_kepler_are_the_meter_only_together(fleet, written):
    kepler = written["kepler-0.9"]
    series = kepler["kepler_node_package_joules_total"] + kepler["kepler_node_dram_joules_total"]
    found = with_labels(series, instance="node-01")
    assert sum(map(increase, found)) == pytest.approx(joules(fleet, 0))
    idle = sum(increase(one) for one in with_labels(found, mode="idle"))
    assert idle == pytest.approx(110 * 8 / 160 * 300 * BINS)


def test_new_kepler_has_the_sockets_of_a_zone_in_one_series(fleet, written):
    series = written["kepler-0.10"]["kepler_node_cpu_joules_total"]
    found = with_labels(series, node_name="node-02")
    by_zone = {one.labels["zone"]: increase(one) for one in found}
    assert sorted(by_zone) == ["core", "dram", "package"]
    assert by_zone["package"] + by_zone["dram"] == pytest.approx(joules(fleet, 1))


def test_new_keplers_usage_ratio_is_that_of_the_node(fleet, written):
    series = written["kepler-0.10"]["kepler_node_cpu_usage_ratio"][1]
    assert series.values[7] == pytest.approx(fleet.node_cores[1, 1] / 8)


def test_a_pods_own_cgroup_counts_its_containers_again(fleet, written):
    series = written["cadvisor"]["container_cpu_usage_seconds_total"]
    pod = next(p for p in fleet.pods if len(p.workload.containers) == 2)
    everything = with_labels(series, pod=pod.name)
    (own,) = with_labels(everything, container="", image="")
    containers = [one for one in everything if one.labels.get("container") in {"app", "sidecar"}]
    assert increase(own) == pytest.approx(sum(map(increase, containers)))
    assert len(with_labels(everything, container="POD")) == 1


def test_the_root_cgroup_is_the_whole_node(fleet, written):
    series = written["cadvisor"]["container_cpu_usage_seconds_total"]
    (root,) = with_labels(series, id="/", node="node-01")
    assert "namespace" not in root.labels
    assert increase(root) == pytest.approx(fleet.node_cores[0].sum() * 300)


def test_all_modes_of_all_cpus_are_all_the_time(fleet, written):
    series = with_labels(written["cadvisor"]["node_cpu_seconds_total"], instance="10.0.0.1:9100")
    assert sum(map(increase, series)) == pytest.approx(8 * 300 * BINS)
    busy = [one for one in series if one.labels["mode"] in {"user", "system"}]
    assert sum(map(increase, busy)) == pytest.approx(fleet.node_cores[0].sum() * 300)


def test_owners_lead_from_a_pod_to_its_deployment(fleet, written):
    ksm = written["cadvisor+ksm"]
    pod = fleet.pods[-1]
    (owner,) = with_labels(ksm["kube_pod_owner"], pod=pod.name)
    assert owner.labels["owner_kind"] == "ReplicaSet"
    (upper,) = with_labels(ksm["kube_replicaset_owner"], replicaset=owner.labels["owner_name"])
    assert upper.labels["owner_kind"] == "Deployment"
    assert upper.labels["owner_name"] == pod.workload.name


def test_requests_are_those_of_the_template(fleet, written):
    series = written["cadvisor+ksm"]["kube_pod_container_resource_requests"]
    container = fleet.containers[0]
    found = with_labels(series, pod=container.pod.name, container=container.name)
    values = {one.labels["resource"]: one.values[0] for one in found}
    assert values == {
        "cpu": container.template.request_cores,
        "memory": container.template.request_bytes,
    }


def test_container_energy_is_the_nodes_but_for_what_the_system_used(fleet):
    total = sum(map(increase, container_energy_series(fleet)))
    idle = 110 * 8 / 160
    system = ((fleet.node_watts - idle) * fleet.system_cores / fleet.node_cores).sum() * 300
    assert total == pytest.approx(fleet.node_watts.sum() * 300 - system)
