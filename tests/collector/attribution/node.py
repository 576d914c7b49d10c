"""A node whose power follows a known law, seen as meter and probe would see it."""

from dataclasses import dataclass, field

import numpy as np

from collector.accumulator.register import Increment
from collector.attribution.attributor import Attributor
from collector.meters.topology import Topology
from collector.model import ActivityReading, Cast, ContainerFacts, Owner, Zone

PACKAGE = Zone("package", "0")
INTERVAL = 5.0


def one_socket(cores):
    return Topology((frozenset({"0"}),) * cores, cores)


def two_sockets(cores):
    """The first half of the CPUs in socket 0, the second in socket 1."""
    half = cores // 2
    return Topology((frozenset({"0"}),) * half + (frozenset({"1"}),) * half, cores)


def pod(name, *, run=1):
    return Owner(
        "container", "shop", name, "app", name, "Deployment", f"uid-{name}", f"{name}-{run}"
    )


def told(joules, zone=PACKAGE, *, seconds=INTERVAL, is_certain=True, quality="measured"):
    return Increment(zone, "rapl", quality, round(joules * 1e6), seconds, is_certain)


@dataclass
class Node:
    """Cgroups 1, 2 ... of named owners on `cores` CPUs at `hertz`, one interval after another."""

    topology: Topology
    requests: dict = field(default_factory=dict)
    policy: str = "requests"
    level: str = "counters"
    hertz: float = 2e9
    reports_hertz: bool = False

    def __post_init__(self):
        self.attributor = Attributor(self.topology, idle_policy=self.policy)
        self.at = 0.0
        self.groups = {}
        self.cpu_ns = {}
        self.misses = {}

    def group(self, owner):
        return self.groups.setdefault(owner, len(self.groups) + 1)

    def interval(self, busy, increments, *, misses=None, seconds=INTERVAL):
        """`busy` maps owners to seconds of CPU by CPU (a number: all on CPU 0)."""
        self.at += seconds
        cores = self.topology.cores
        for owner, amount in busy.items():
            columns = np.zeros(cores)
            columns[: np.size(amount)] = amount
            before = self.cpu_ns.get(self.group(owner), np.zeros(cores))
            self.cpu_ns[self.group(owner)] = before + np.round(columns * 1e9)
        for owner, count in (misses or {}).items():
            self.misses[self.group(owner)] = self.misses.get(self.group(owner), 0) + count
        self.attributor.account(
            self.at,
            increments,
            self.activity(),
            self.cast(),
            hertz=np.full(cores, self.hertz) if self.reports_hertz else None,
        )

    def activity(self):
        ids = tuple(self.cpu_ns)
        cpu_ns = np.array([self.cpu_ns[each] for each in ids]).reshape(len(ids), -1)
        counters = {}
        if self.level == "counters":
            counters = {
                "cycles": (cpu_ns * self.hertz / 1e9).astype(np.uint64),
                "instructions": (cpu_ns.sum(axis=1) * 2).astype(np.uint64),
                "cache_misses": np.array([self.misses.get(i, 0) for i in ids], dtype=np.uint64),
            }
        return ActivityReading(self.at, self.level, ids, cpu_ns.astype(np.uint64), **counters)

    def cast(self):
        facts = {owner: ContainerFacts(cores) for owner, cores in self.requests.items()}
        return Cast({group: owner for owner, group in self.groups.items()}, facts)

    def joules(self, part=None, zone=None):
        """Joules by owner of the parts and zones named, zero ones left out."""
        snapshot = self.attributor.snapshot()
        columns = [
            number
            for number, each in enumerate(snapshot.accounts)
            if part in (None, each.part) and zone in (None, each.zone)
        ]
        sums = snapshot.microjoules[:, columns].sum(axis=1) / 1e6
        return {
            owner.pod or owner.container: joules
            for owner, joules in zip(snapshot.owners, sums.tolist(), strict=True)
            if joules
        }

    def unattributed(self):
        return int(self.attributor.snapshot().unattributed.sum()) / 1e6
