"""What a collector knows after a quiet night, as its state file.

Idle power is learnt from moments of little load. A machine that tests keep busy has none, so the
collector of these tests goes on from a night that obeyed the same law: every load from a tenth of a
CPU to all of them.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.accumulator.state import StateFile, read_node_identity
from collector.agent import Agent, Parts
from collector.attribution.attributor import Attributor
from collector.meters.topology import FrequencyReader, Topology
from collector.model import ActivityReading, Cast, MeterReading, Owner, Zone, ZoneReading
from collector.snapshot import NodeFacts
from tests.collector.meters.tree import add_domain
from tests.collector.real.law import LAW, energy_file

CPUS = os.cpu_count()
LOADS = np.arange(0.1, CPUS + 0.05, 0.1)
ROUNDS = 4
SECONDS = 5.0  # of each load
NIGHT = Owner("system", container="night")
BEFORE_THE_WRAP = 2_000  # joules: the package's register wraps while the tests run


@dataclass
class Night:
    """One machine asleep: its clock, its registers, and the CPU time of all it does."""

    now: float
    busy: float = 0.0
    begin: float = 0.0

    def pass_time(self, load):
        self.now += SECONDS
        self.busy += load * SECONDS

    def register_uj(self, zone):
        law = LAW[zone]
        joules = law.idle_watts * (self.now - self.begin) + law.watts_per_cpu * self.busy
        start = law.range_uj - BEFORE_THE_WRAP * 1_000_000
        return (start + round(joules * 1e6)) % law.range_uj


class NightMeter:
    name = "rapl"

    def __init__(self, night):
        self.night = night

    def read(self):
        zones = [
            ZoneReading(
                Zone(zone, "0"),
                self.night.register_uj(zone) / 1e6,
                "rapl",
                "measured",
                law.range_uj / 1e6,
            )
            for zone, law in LAW.items()
        ]
        return MeterReading(self.night.now, tuple(zones))


class NightProbe:
    level = "time"

    def __init__(self, night):
        self.night = night

    def read(self):
        busy = np.array([[round(self.night.busy * 1e9)]], dtype=np.uint64)
        return ActivityReading(self.night.now, "time", (1,), busy)

    def forget(self, groups):
        """Nothing ends at night."""

    def close(self):
        """Nothing is open."""


class NightNames:
    def cast(self, groups):
        return Cast(dict.fromkeys(groups, NIGHT))

    def ended(self, _groups):
        return frozenset()


def sleep_through_night(tree: Path, state: Path) -> None:
    """Leave the registers and the state file of a night that ends now."""
    loads = np.tile(LOADS, ROUNDS)
    night = Night(time.monotonic() - SECONDS * (len(loads) + 1))
    night.begin = night.now
    procfs = Path("/proc")
    parts = Parts(
        meters=(NightMeter(night),),
        probe=NightProbe(night),
        identity=NightNames(),
        attributor=Attributor(Topology((), CPUS)),
        frequency=FrequencyReader(tree),
        node=NodeFacts("night", "", CPUS),
        sources=(),
        procfs_root=procfs,
        state=StateFile(state, node=read_node_identity(procfs)),
    )
    agent = Agent(parts, interval=SECONDS, grace=300.0, clock=lambda: night.now)
    agent.collect()
    for load in loads:
        night.pass_time(load)
        agent.collect()
    for zone, law in LAW.items():
        add_domain(
            tree,
            law.folder,
            law.kernel_name,
            energy_uj=f"{night.register_uj(zone):018d}",
            range_uj=law.range_uj,
        )
        assert energy_file(tree, zone).is_file()
