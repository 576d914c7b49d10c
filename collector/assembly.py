"""From options to a collector: which meters, which probe, who names the pods, and why."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from collector.accumulator.state import StateFile, read_node_identity
from collector.agent import Agent, Parts, with_cost
from collector.attribution.attributor import Attributor
from collector.identity.hierarchy import find_hierarchy
from collector.identity.identity import Identity
from collector.identity.source import Access, ApiServerPods, KubeletPods
from collector.meters.choice import choose_meters
from collector.meters.topology import FrequencyReader, read_topology
from collector.node import read_node
from collector.probes.choice import choose_probe
from collector.snapshot import Overhead, Source

if TYPE_CHECKING:
    from collector.identity.pod import PodSource
    from collector.meters.choice import MeterChoice
    from collector.model import Probe
    from collector.settings import (
        IdentitySettings,
        MeterSettings,
        ProbeSettings,
        ServiceSettings,
    )


def build_agent(
    meter: MeterSettings,
    probe: ProbeSettings,
    identity: IdentitySettings,
    service: ServiceSettings,
) -> Agent:
    """A collector that has not collected yet; its state is restored.

    Raises UsageError for options that cannot be meant and ProbeUnavailableError where the probe
    that was asked for does not work here.
    """
    sysfs, procfs = Path(meter.sysfs_root), Path(meter.procfs_root)
    cgroups = find_cgroups(meter, probe)
    meters = find_meters(meter)
    activity, reasons = choose_probe(probe.probe, cgroup_root=cgroups)
    topology = read_topology(sysfs, procfs)
    node = read_node(identity.node_name, procfs_root=procfs, cores=topology.cores)
    pods = find_pods(identity, node.name)
    agent = Agent(
        Parts(
            meters=meters.meters,
            probe=activity,
            identity=Identity(
                find_hierarchy(cgroups),
                pods,
                ancestors_of=getattr(activity, "ancestors", lambda _: ()),
            ),
            attributor=Attributor(topology, idle_policy=cast("Any", service.idle)),
            frequency=FrequencyReader(sysfs),
            node=node,
            sources=describe_sources(meters, activity, reasons, pods),
            procfs_root=procfs,
            state=_state_file(service, procfs),
            read_cost=partial(_add_cost, activity),
        ),
        interval=service.interval,
        grace=service.grace,
        allows_modelled=meter.allow_modelled,
    )
    agent.restore()
    return agent


def find_cgroups(meter: MeterSettings, probe: ProbeSettings) -> Path:
    """Where cgroups are mounted."""
    if probe.cgroup_root:
        return Path(probe.cgroup_root)
    return Path(meter.sysfs_root) / "fs" / "cgroup"


def find_meters(settings: MeterSettings) -> MeterChoice:
    """The meters that the options and the node allow, and why not the others."""
    return choose_meters(
        cast("Any", settings.meter),
        sysfs_root=Path(settings.sysfs_root),
        procfs_root=Path(settings.procfs_root),
        curve_file=Path(settings.meter_curve) if settings.meter_curve else None,
        recording=Path(settings.meter_recording) if settings.meter_recording else None,
    )


def find_pods(settings: IdentitySettings, node: str) -> PodSource | None:
    """Who tells the names of pods; None: nobody was named."""
    access = Access(insecure=settings.kubelet_insecure)
    if settings.kubelet_token_file or settings.kubelet_ca_file or settings.kubelet_insecure:
        access = Access(
            token_file=settings.kubelet_token_file,
            ca_file=settings.kubelet_ca_file,
            insecure=settings.kubelet_insecure,
        )
    if settings.kubelet:
        return KubeletPods(settings.kubelet, access)
    if settings.api_server:
        return ApiServerPods(node, settings.api_server, access)
    return None


def describe_sources(
    meters: MeterChoice, probe: Probe, reasons: tuple[str, ...], pods: PodSource | None
) -> tuple[Source, ...]:
    """Every source that was looked for, in words."""
    used = [
        Source("power", meter.name, is_used=True, reason=finding.partition(": ")[2])
        for meter, finding in zip(meters.meters, meters.findings, strict=True)
    ]
    refused = [
        Source("power", each.meter, is_used=False, reason=each.reason) for each in meters.refusals
    ]
    why = "; ".join(reasons) or "nothing is missing"
    names = (
        Source("names", pods.name, is_used=True, reason="asked when a container is new")
        if pods
        else Source(
            "names",
            "kubelet",
            is_used=False,
            reason="none was named (--kubelet, --api-server): containers are unknown",
        )
    )
    return (*used, *refused, Source("activity", probe.level, is_used=True, reason=why), names)


def _state_file(settings: ServiceSettings, procfs: Path) -> StateFile | None:
    if not settings.state:
        return None
    return StateFile(Path(settings.state), node=read_node_identity(procfs))


def _add_cost(probe: Probe, overhead: Overhead) -> Overhead:
    """With what the kernel says of our programs, where it counts that."""
    read_cost = getattr(probe, "read_cost", None)
    if read_cost is None:
        return overhead
    with suppress(OSError):
        cost = read_cost()
        if cost.runs:
            return with_cost(overhead, seconds=cost.seconds, runs=cost.runs)
    return overhead
