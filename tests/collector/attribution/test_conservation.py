"""Whatever happens to a node, what is charged is what its meters told, to the microjoule."""

import json
from collections import defaultdict
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.accumulator.register import EnergyAccumulator
from collector.attribution.attributor import Attributor
from collector.attribution.enclosure import REST
from collector.model import (
    ActivityReading,
    Cast,
    ContainerFacts,
    MeterReading,
    Owner,
    Zone,
    ZoneReading,
)
from tests.collector.attribution.node import pod, two_sockets

CORES = 4
RANGE = 65_532_610_987  # microjoules: AMD's register, wraps every ten minutes at 100 W
ZONES = (
    Zone("package", "0"),
    Zone("package", "1"),
    Zone("dram", "0"),
    Zone("core", "0"),
    Zone("psys"),
    Zone("gpu", "0"),
)
OWNERS = (
    *(pod(f"pod-{number}") for number in range(5)),
    Owner("system", container="ssh.service"),
    Owner("kernel", container="kernel"),
)

energy = st.integers(0, 4_000_000_000)  # up to 800 W for 5 s
step = st.fixed_dictionaries(
    {
        "energy": st.lists(st.one_of(st.just(0), energy), min_size=6, max_size=6),
        "told": st.lists(st.booleans(), min_size=6, max_size=6),
        "reset": st.sampled_from([None] * 8 + [0, 4]),
        "busy": st.dictionaries(
            st.integers(0, 9),
            st.lists(st.integers(0, 5 * 10**9), min_size=CORES, max_size=CORES),
            max_size=6,
        ),
        "exits": st.sets(st.integers(0, 9), max_size=2),
        "unknown": st.booleans(),
        "event": st.sampled_from(["none"] * 8 + ["restart", "blind", "retire", "level"]),
    }
)


class World:
    """Registers, cgroups and a collector that is restarted now and then."""

    def __init__(self, policy):
        self.policy = policy
        self.attributor = Attributor(two_sockets(CORES), idle_policy=policy)
        self.accumulator = EnergyAccumulator()
        self.registers = [RANGE - 10**9 * number for number in range(1, 7)]
        self.at = 0.0
        self.level = "counters"
        self.cpu_ns = {}
        self.told = defaultdict(int)

    def play(self, step):
        """One interval; the answer is what the meters told of each zone in it."""
        self.at += 5.0
        if step["event"] == "restart":
            self.restart()
        if step["event"] == "level":
            self.level = "time" if self.level == "counters" else "counters"
        reading = self.read_meter(step)
        self.work(step)
        advance = self.accumulator.advance([reading])
        activity = None if step["event"] == "blind" else self.activity()
        self.attributor.account(self.at, advance.increments, activity, self.cast(step))
        for group in step["exits"]:
            self.cpu_ns.pop(group, None)
        if step["event"] == "retire":
            self.attributor.retire(before=self.at - 7.0)
        return {each.zone: each.microjoules for each in advance.increments}

    def read_meter(self, step):
        if step["reset"] is not None:
            self.registers[step["reset"]] = 0
        readings = []
        for number, zone in enumerate(ZONES):
            self.registers[number] = (self.registers[number] + step["energy"][number]) % RANGE
            if step["told"][number]:
                joules = self.registers[number] / 1e6
                readings.append(ZoneReading(zone, joules, "rapl", "measured", RANGE / 1e6))
        return MeterReading(self.at, tuple(readings))

    def work(self, step):
        for group, amounts in step["busy"].items():
            before = self.cpu_ns.get(group, np.zeros(CORES, dtype=np.uint64))
            self.cpu_ns[group] = before + np.array(amounts, dtype=np.uint64)

    def activity(self):
        groups = tuple(self.cpu_ns)
        cpu_ns = np.array([self.cpu_ns[each] for each in groups], dtype=np.uint64)
        cpu_ns = cpu_ns.reshape(len(groups), CORES)
        misses = cpu_ns.sum(axis=1) // np.uint64(1000)
        counters = (cpu_ns * np.uint64(2), misses, misses) if self.level == "counters" else ()
        return ActivityReading(self.at, self.level, groups, cpu_ns, *counters)

    def cast(self, step):
        known = {group: OWNERS[group % len(OWNERS)] for group in range(10)}
        if step["unknown"]:
            known.pop(3)
        facts = {owner: ContainerFacts(0.5 * n) for n, owner in enumerate(OWNERS[:5])}
        return Cast(known, facts)

    def restart(self):
        saved = json.loads(json.dumps([self.accumulator.state(), self.attributor.state()]))
        self.accumulator = EnergyAccumulator.restore(saved[0])
        self.attributor = Attributor(two_sockets(CORES), idle_policy=self.policy)
        self.attributor.restore(saved[1])


def told_by_zone(snapshot):
    sums = defaultdict(int)
    for account, microjoules in snapshot.told().items():
        sums[account.zone] += microjoules
    return sums


def charged_by_owner(snapshot):
    return dict(zip(snapshot.owners, snapshot.microjoules.tolist(), strict=True))


worlds = given(
    steps=st.lists(step, min_size=1, max_size=12),
    policy=st.sampled_from(["requests", "usage", "none"]),
)
thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@worlds
def test_each_interval_is_charged_to_the_microjoule(steps, policy):
    world = World(policy)
    for one in steps:
        before = told_by_zone(world.attributor.snapshot())
        told = world.play(one)
        snapshot = world.attributor.snapshot()
        after = told_by_zone(snapshot)
        for zone in (Zone("package", "0"), Zone("package", "1"), Zone("dram", "0")):
            assert after[zone] - before[zone] == told.get(zone, 0)
        assert after[Zone("core", "0")] == after[Zone("psys")] == 0
        for zone, charge in snapshot.last.items():
            assert after[zone] - before[zone] == charge.energy
            assert charge.energy == charge.idle + charge.dynamic + charge.unattributed
            assert min(charge.idle, charge.dynamic, charge.unattributed) >= 0


@thorough
@worlds
def test_the_platform_is_charged_once(steps, policy):
    """All zones together: the platform and what it owes, unless it lost energy in a reset."""
    world = World(policy)
    totals = defaultdict(int)
    for one in [{**each, "reset": None, "told": [True] * 6} for each in steps]:
        for zone, microjoules in world.play(one).items():
            totals[zone] += microjoules
    inner = sum(totals[zone] for zone in totals if zone.name in ("package", "dram", "gpu"))
    charged = told_by_zone(world.attributor.snapshot())
    assert sum(charged.values()) == inner + charged[REST]
    assert charged[REST] >= totals[Zone("psys")] - inner


@thorough
@worlds
def test_no_counter_ever_falls(steps, policy):
    world = World(policy)
    snapshots = []
    for one in steps:
        world.play({**one, "event": "none" if one["event"] == "retire" else one["event"]})
        snapshots.append(world.attributor.snapshot())
    for before, after in pairwise(snapshots):
        now = charged_by_owner(after)
        for owner, counters in charged_by_owner(before).items():
            assert all(new >= old for old, new in zip(counters, now[owner], strict=False))
        assert (after.unattributed[: len(before.unattributed)] >= before.unattributed).all()
        assert (after.work[: len(before.work)] >= before.work).all()


@thorough
@worlds
def test_the_order_in_which_cgroups_are_listed_does_not_matter(steps, policy):
    straight, reverse = World(policy), World(policy)
    reverse.activity = lambda: turned(World.activity(reverse))
    reverse.cast = lambda step: turned_cast(World.cast(reverse, step))
    for one in steps:
        straight.play(one)
        reverse.play(one)
    first, second = straight.attributor.snapshot(), reverse.attributor.snapshot()
    assert first.accounts == second.accounts
    assert charged_by_owner(first) == charged_by_owner(second)
    np.testing.assert_array_equal(first.unattributed, second.unattributed)


def turned(reading):
    arrays = (reading.cpu_ns, reading.cycles, reading.instructions, reading.cache_misses)
    return ActivityReading(
        reading.at,
        reading.level,
        reading.groups[::-1],
        *(None if each is None else each[::-1] for each in arrays),
    )


def turned_cast(cast):
    return Cast(dict(reversed(list(cast.owners.items()))), dict(reversed(list(cast.facts.items()))))


@thorough
@worlds
def test_an_interval_without_energy_changes_no_charge(steps, policy):
    world = World(policy)
    for one in steps:
        world.play({**one, "reset": None})
    world.play({**steps[-1], "told": [True] * 6, "reset": None, "event": "none"})
    before = world.attributor.snapshot()
    world.play({**steps[-1], "energy": [0] * 6, "reset": None, "event": "none"})
    after = world.attributor.snapshot()
    now = charged_by_owner(after)
    assert after.told() == before.told()
    assert all(now[owner] == charged for owner, charged in charged_by_owner(before).items())


@thorough
@worlds
def test_a_restart_forgets_no_charge(steps, policy):
    world = World(policy)
    for one in steps:
        world.play(one)
    before = world.attributor.snapshot()
    world.restart()
    after = world.attributor.snapshot()
    assert charged_by_owner(after) == charged_by_owner(before)
    assert after.told() == before.told()
    np.testing.assert_array_equal(after.work, before.work)
