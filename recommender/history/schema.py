"""The series that are known, by exporter: names, labels, and what they mean.

Names and labels are those of the exporters' sources: kubelet and cAdvisor, node_exporter
(collector/rapl_linux.go, collector/hwmon_linux.go), kube-state-metrics (docs/metrics), Kepler
up to 0.9 (pkg/metrics) and from 0.10 on (docs/user/metrics.md).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from recommender.history.selector import CONTAINERS, join_matchers, match_names

if TYPE_CHECKING:
    from collections.abc import Mapping


class UsageSchema(msgspec.Struct, frozen=True):
    """CPU and memory of containers, best first in USAGE."""

    name: str
    title: str
    cpu: str
    memory: str

    def cpu_query(self, namespaces: str) -> str:
        return self.cpu + join_matchers(CONTAINERS, namespaces)

    def memory_query(self, namespaces: str, *, seconds: int) -> str:
        """Peaks of each pod's container. `max` over what the observers say, so that two
        scrapers are one; over time at the server, which reads the samples anyway and sends a
        twelfth of them, and no peak between two grid points is lost.
        """
        selector = self.memory + join_matchers(CONTAINERS, namespaces)
        # Prometheus before 3.0 counts a sample at the beginning of a range to it: a millisecond
        # less keeps each sample in one hour only.
        length = f"{seconds * 1000 - 1}ms"
        by = "namespace,pod,container,workload,workload_kind"
        return f"max by ({by}) (max_over_time({selector}[{length}]))"


USAGE = (
    UsageSchema(
        "joulefit",
        "joulefit's collector",
        "joulefit_container_cpu_seconds_total",
        "joulefit_container_memory_working_set_bytes",
    ),
    UsageSchema(
        "cadvisor",
        "cAdvisor",
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
    ),
)


class CpuSource(msgspec.Struct, frozen=True):
    """Busy cores of whole nodes, best first in NODE_CPU.

    `probe` selects one series of each node that has some.
    """

    schema: str
    metric: str
    probe: str
    query: str


NODE_CPU = (
    CpuSource(
        "joulefit",
        "joulefit_node_cpu_seconds_total",
        "joulefit_node_cpu_seconds_total",
        "joulefit_node_cpu_seconds_total",
    ),
    CpuSource(
        "node-exporter",
        "node_cpu_seconds_total",
        'node_cpu_seconds_total{cpu="0",mode="idle"}',
        # Summed by the server, which sends a sixtieth: all CPUs of a node begin again together,
        # when it boots. `without` keeps two scrapers apart. Guest time is inside of user time,
        # stolen time is another guest's.
        "sum without (cpu,mode) (node_cpu_seconds_total"
        '{mode!~"idle|iowait|guest|guest_nice|steal"})',
    ),
    CpuSource(
        "cadvisor",
        "container_cpu_usage_seconds_total",
        'container_cpu_usage_seconds_total{id="/"}',
        'container_cpu_usage_seconds_total{id="/"}',
    ),
)


# Frequency in hertz of nodes, best first; as NODE_CPU. [STEP] is that of the grid.
NODE_FREQUENCY = (
    CpuSource(
        "joulefit",
        "joulefit_node_cpu_frequency_hertz",
        "joulefit_node_cpu_frequency_hertz",
        "avg_over_time(joulefit_node_cpu_frequency_hertz[STEP])",
    ),
    CpuSource(
        "node-exporter",
        "node_cpu_scaling_frequency_hertz",
        'node_cpu_scaling_frequency_hertz{cpu="0"}',
        "avg without (cpu) (avg_over_time(node_cpu_scaling_frequency_hertz[STEP]))",
    ),
)


class Reading(msgspec.Struct, frozen=True):
    """What a power series measures: a zone of a node by one meter, one part of it (a socket),
    and how well.
    """

    zone: str
    meter: str
    part: tuple[str, ...]
    quality: str


class PowerSource(msgspec.Struct, frozen=True):
    """Energy or power of nodes, best first in NODE_POWER.

    shown       the name to show
    metrics     names of which one must exist; patterns are allowed
    query       of counters in joules or, with `is_gauge`, of watts averaged over [STEP]
    zone        of all series; "" where the label `zone_label` or the name says it
    parts       labels that tell apart what adds up within a zone
    """

    schema: str
    title: str
    shown: str
    metrics: tuple[str, ...]
    query: str
    zone: str = ""
    zone_label: str = "zone"
    parts: tuple[str, ...] = ()
    is_gauge: bool = False
    quality: str = "measured"

    def read_labels(self, labels: Mapping[str, str]) -> Reading | None:
        """None for a series that is no part of a node's power."""
        text = self.zone or labels.get(self.zone_label) or labels.get("__name__", "")
        found = _ZONE.search(text)
        if found is None:
            return None
        meter = labels.get("source", "")
        quality = "modelled" if is_model(meter) else labels.get("quality") or self.quality
        part = tuple(labels.get(name, "") for name in self.parts)
        return Reading(found.group(), meter, (text, *part), quality)


def is_model(source: str) -> bool:
    """Whether Kepler or the collector say that a source estimates instead of measuring."""
    return bool(_MODEL.search(source))


_ZONE = re.compile(r"platform|psys|package|dram")
_MODEL = re.compile(r"model|estimator|regressor", re.IGNORECASE)

# What node_exporter calls the kernel's ACPI power meter: by its device, by its driver. Other power
# sensors are of graphics cards, fans or single rails.
_POWER_METER = 'chip=~".*acpi000d.*|.*power_meter.*"'

NODE_POWER = (
    PowerSource(
        "joulefit",
        "joulefit's collector",
        "joulefit_node_energy_joules_total",
        ("joulefit_node_energy_joules_total",),
        'joulefit_node_energy_joules_total{zone=~"platform|psys|package|dram"}',
        parts=("socket",),
    ),
    PowerSource(
        "kepler-0.9",
        "Kepler up to 0.9",
        "kepler_node_ZONE_joules_total",
        ("kepler_node_platform_joules_total", "kepler_node_package_joules_total"),
        match_names(["kepler_node_(platform|package|dram)_joules_total"]),
        parts=("package", "mode"),
    ),
    PowerSource(
        "kepler-0.10",
        "Kepler's Redfish meter",
        "kepler_platform_watts",
        ("kepler_platform_watts",),
        "avg_over_time(kepler_platform_watts[STEP])",
        zone="platform",
        parts=("bmc_id", "chassis_id", "power_control_id"),
        is_gauge=True,
        quality="derived",
    ),
    PowerSource(
        "kepler-0.10",
        "Kepler 0.10 or newer",
        "kepler_node_cpu_joules_total",
        ("kepler_node_cpu_joules_total",),
        'kepler_node_cpu_joules_total{zone=~"psys|package|dram"}',
        parts=("path",),
    ),
    PowerSource(
        "node-exporter",
        "node-exporter's RAPL",
        "node_rapl_ZONE_joules_total",
        ("node_rapl_(package|psys).*_joules_total", "node_rapl_joules_total"),
        match_names(["node_rapl_((package|psys|dram).*_)?joules_total"]),
        zone_label="rapl_zone",  # with --collector.rapl.enable-zone-label, else in the name
        parts=("index", "path"),
    ),
    PowerSource(
        "node-exporter",
        "node-exporter's ACPI power meter",
        "node_hwmon_power_average_watt",
        ("node_hwmon_power_average_watt", "node_hwmon_power_watt"),
        # The mean that the meter makes itself, where it makes one.
        f"avg_over_time(node_hwmon_power_average_watt{{{_POWER_METER}}}[STEP]) or "
        f"avg_over_time(node_hwmon_power_watt{{{_POWER_METER}}}[STEP])",
        zone="platform",
        parts=("chip", "sensor"),
        is_gauge=True,
        quality="derived",
    ),
)

INFO = (
    "joulefit_node_info",
    "node_uname_info",
    "node_cpu_info",
    "kepler_node_info",
    "kepler_node_cpu_info",
    "kube_node_info",
)
"""Series of value 1 whose labels name nodes and their CPU models."""

KILLS = ("kube_pod_container_status_last_terminated_reason", "container_oom_events_total")

KUBE_STATE = ("kube_pod_owner", "kube_pod_info", "kube_node_status_allocatable")
