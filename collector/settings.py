"""Options of the node collector. Flags, environment variables and docs/collector-settings.md come
from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from recommender.settings import option


@dataclass(frozen=True, kw_only=True)
class MeterSettings:
    """Where the node's energy is read."""

    meter: str = option(
        "auto",
        "source of energy: auto takes what the node has, and the model where it has nothing",
        choices=("auto", "rapl", "hwmon", "modelled", "recorded"),
    )
    meter_curve: str = option(
        "",
        "power curve of the modelled meter (JSON: cores, points of utilisation and watts)",
        is_path=True,
        metavar="FILE",
    )
    meter_recording: str = option(
        "", "readings that the recorded meter plays back", is_path=True, metavar="FILE"
    )
    allow_modelled: bool = option(
        False, "be ready with modelled power alone, as on virtual machines"
    )
    sysfs_root: str = option("/sys", "where sysfs is mounted", is_path=True, metavar="FOLDER")
    procfs_root: str = option("/proc", "where procfs is mounted", is_path=True, metavar="FOLDER")


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """How CPU activity is seen."""

    probe: str = option(
        "auto",
        "auto takes eBPF where it can be loaded, else the kernel's CPU accounting",
        choices=("auto", "bpf", "cgroupfs"),
    )
    cgroup_root: str = option(
        "", "where cgroups are mounted (default: SYSFS/fs/cgroup)", is_path=True, metavar="FOLDER"
    )


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """Who tells the names of pods."""

    node_name: str = option("", "name of the node (default: the host name)", metavar="NAME")
    kubelet: str = option(
        "",
        "URL of the kubelet, for example https://10.0.0.7:10250; empty: ask none",
        metavar="URL",
    )
    kubelet_token_file: str = option(
        "",
        "file with the bearer token for the kubelet, read again for each request",
        is_path=True,
        metavar="FILE",
    )
    kubelet_ca_file: str = option(
        "", "CA that signed the kubelet's certificate", is_path=True, metavar="FILE"
    )
    kubelet_insecure: bool = option(False, "do not verify the kubelet's certificate")
    api_server: str = option(
        "",
        "URL of the API server to list the node's pods from, instead of the kubelet",
        metavar="URL",
    )


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How often, where to, and what is kept."""

    interval: float = option(
        5.0,
        "time between two readings",
        unit="duration",
        why="short enough for the curve, long enough to cost nothing",
        metavar="DURATION",
    )
    listen: str = option(
        "0.0.0.0:9402", "address of /metrics and the health pages", metavar="ADDRESS"
    )
    state: str = option(
        "",
        "file that keeps the counters over restarts; empty: they start at zero",
        is_path=True,
        metavar="FILE",
    )
    grace: float = option(
        300.0,
        "how long counters of finished containers stay",
        unit="duration",
        why="five scrapes of a minute see the last value",
        metavar="DURATION",
    )
    idle: str = option(
        "requests",
        "who pays for idle power: containers by CPU requests, by usage, or none of them",
        choices=("requests", "usage", "none"),
    )
    tls_cert: str = option("", "certificate (PEM) of the pages", is_path=True, metavar="FILE")
    tls_key: str = option("", "key (PEM) of the certificate", is_path=True, metavar="FILE")
    basic_auth_file: str = option(
        "", "file with USER:PASSWORD that /metrics asks for", is_path=True, metavar="FILE"
    )


ALL_SETTINGS = (MeterSettings, ProbeSettings, IdentitySettings, ServiceSettings)
