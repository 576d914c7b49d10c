"""Who is charged with what, by hand: the node draws 60 W at no work and 20 W per busy core."""

import numpy as np
import pytest

from collector.model import ActivityReading, Cast, Owner, Zone
from tests.collector.attribution.node import PACKAGE, Node, one_socket, pod, told, two_sockets

A, B, C = pod("a"), pod("b"), pod("c")
SSHD = Owner("system", container="ssh.service")
KERNEL = Owner("kernel", container="kernel")


def trained(node, *, idle=60.0, per_core=20.0, zones=(PACKAGE,)):
    """A node whose idle power is known: work of a stranger between none and two cores."""
    stranger = Owner("system", container="stranger")
    node.interval({stranger: 0.0}, [told(0.0, zone, is_certain=False) for zone in zones])
    for busy in [0.0, 10.0, 0.0, 10.0, 0.0, 10.0]:
        energy = idle * 5.0 + per_core * busy
        node.interval({stranger: busy}, [told(energy, zone) for zone in zones])
    node.before = node.joules("dynamic"), node.joules("idle"), node.unattributed()
    return node


def charged_since(node):
    """Dynamic joules, idle joules and nobody's, since the training."""
    dynamic, idle, nobody = node.joules("dynamic"), node.joules("idle"), node.unattributed()
    before = node.before
    return (
        {name: dynamic[name] - before[0].get(name, 0.0) for name in dynamic if name != "stranger"},
        {name: idle[name] - before[1].get(name, 0.0) for name in idle},
        nobody - before[2],
    )


def test_dynamic_energy_is_shared_by_cycles_and_idle_by_requests():
    """a works 5 s, b 10 s, the kernel 5 s: 400 J dynamic, 1 : 2 : 1. Idle 300 J on 8 cores, of
    which a reserves 2 and b 1; 5 are nobody's."""
    node = trained(Node(one_socket(8), {A: 2.0, B: 1.0}))
    node.interval({A: 5.0, B: 10.0, KERNEL: 5.0}, [told(700.0)])
    dynamic, idle, nobody = charged_since(node)
    assert dynamic == pytest.approx({"a": 100.0, "b": 200.0, "kernel": 100.0})
    assert idle == pytest.approx({"a": 75.0, "b": 37.5, "unreserved": 187.5})
    assert nobody == 0.0


def test_more_reserved_than_there_is_leaves_nothing_unreserved():
    node = trained(Node(one_socket(2), {A: 3.0, B: 1.0}))
    node.interval({}, [told(300.0)])
    _, idle, _ = charged_since(node)
    assert idle["a"] == pytest.approx(225.0)
    assert idle["b"] == pytest.approx(75.0)
    assert "unreserved" not in idle


def test_idle_by_usage_is_shared_like_the_work():
    node = trained(Node(one_socket(8), {A: 2.0}, policy="usage"))
    node.interval({A: 5.0, B: 15.0}, [told(700.0)])
    dynamic, idle, _ = charged_since(node)
    assert dynamic == pytest.approx({"a": 100.0, "b": 300.0})
    assert (idle["a"], idle["b"]) == pytest.approx((75.0, 225.0))


def test_idle_by_usage_of_nobody_is_nobodys():
    node = trained(Node(one_socket(8), policy="usage"))
    node.interval({}, [told(300.0)])
    assert charged_since(node)[2] == pytest.approx(300.0)


def test_idle_for_none_stays_with_the_node():
    node = trained(Node(one_socket(8), {A: 2.0}, policy="none"))
    node.interval({A: 5.0}, [told(400.0)])
    dynamic, idle, nobody = charged_since(node)
    assert (dynamic, nobody) == (pytest.approx({"a": 100.0}), 0.0)
    assert idle == pytest.approx({"idle": 300.0})


def test_idle_is_never_above_the_energy_of_the_interval():
    node = trained(Node(one_socket(8), {A: 8.0}))
    node.interval({B: 5.0}, [told(120.0)])
    dynamic, idle, nobody = charged_since(node)
    assert (dynamic, nobody) == ({}, 0.0)
    assert idle["a"] == 120.0


def test_energy_of_work_that_nobody_was_seen_to_do_is_nobodys():
    node = trained(Node(one_socket(8)))
    node.interval({}, [told(350.0)])
    assert charged_since(node)[2] == pytest.approx(50.0)


def test_each_socket_is_paid_by_those_who_work_on_it():
    zones = (Zone("package", "0"), Zone("package", "1"))
    node = Node(two_sockets(4))
    node.interval({A: 0.0}, [told(0.0, zone, is_certain=False) for zone in zones])
    for a, b in [(0.0, 0.0), (5.0, 5.0)] * 3:
        node.interval(
            {A: [a, 0, 0, 0], B: [0, 0, b, 0]},
            [told(150.0 + 20 * a, zones[0]), told(250.0 + 8 * b, zones[1])],
        )
    before = node.joules("dynamic", zones[0]), node.joules("dynamic", zones[1])
    node.interval(
        {A: [5, 0, 5, 0], B: [0, 0, 5, 0]}, [told(250.0, zones[0]), told(330.0, zones[1])]
    )
    first, second = node.joules("dynamic", zones[0]), node.joules("dynamic", zones[1])
    assert first["a"] - before[0]["a"] == pytest.approx(100.0)
    assert "b" not in first
    assert second["a"] == pytest.approx(40.0)
    assert second["b"] - before[1]["b"] == pytest.approx(40.0)


def test_where_cpus_are_not_told_apart_each_socket_is_shared_by_all_work():
    node = Node(two_sockets(4), level="cgroupfs")
    zone = Zone("package", "1")
    readings = [
        ActivityReading(at, "cgroupfs", (1, 2), np.array([[a], [b]], dtype=np.uint64))
        for at, a, b in ((0.0, 0, 0), (5.0, 0, 0), (10.0, 3 * 10**9, 10**9))
    ]
    cast = Cast({1: A, 2: B})
    for reading, joules in zip(readings, (0.0, 100.0, 180.0), strict=True):
        node.attributor.account(
            reading.at, [told(joules, zone, is_certain=joules > 0)], reading, cast
        )
    assert node.joules("dynamic") == pytest.approx({"a": 60.0, "b": 20.0})


def test_time_is_weighed_by_frequency_where_there_are_no_counters():
    """CPU 0 at 1 GHz, CPU 1 at 3 GHz: the same time on them weighs 1 : 3."""
    node = Node(one_socket(2), level="time")
    cast = Cast({1: A, 2: B})
    hertz = np.array([1e9, 3e9])
    for at, busy, joules in ((0.0, 0, 0.0), (5.0, 0, 100.0), (10.0, 4 * 10**9, 180.0)):
        cpu_ns = np.array([[busy, 0], [0, busy]], dtype=np.uint64)
        reading = ActivityReading(at, "time", (1, 2), cpu_ns)
        increments = [told(joules, is_certain=joules > 0)]
        node.attributor.account(at, increments, reading, cast, hertz=hertz)
    assert node.joules("dynamic") == pytest.approx({"a": 20.0, "b": 60.0})
    assert node.attributor.snapshot().basis == "frequency"


def test_without_frequencies_time_alone_weighs():
    node = trained(Node(one_socket(8), level="time"))
    node.interval({A: 5.0, B: 15.0}, [told(700.0)])
    assert charged_since(node)[0] == pytest.approx({"a": 100.0, "b": 300.0})
    assert node.attributor.snapshot().basis == "time"


def test_dram_is_shared_by_cache_misses():
    node = Node(one_socket(4))
    dram = Zone("dram", "0")
    node.interval({A: 0.0, B: 0.0}, [told(0.0, dram, is_certain=False)])
    node.interval({A: 1.0}, [told(50.0, dram)], misses={A: 1})
    node.interval({A: 9.0, B: 1.0}, [told(90.0, dram)], misses={A: 100, B: 300})
    assert node.joules("dynamic") == pytest.approx({"a": 10.0, "b": 30.0})


def test_dram_is_shared_like_the_package_where_no_misses_are_counted():
    node = Node(one_socket(4), level="time")
    dram = Zone("dram", "0")
    node.interval({A: 0.0}, [told(0.0, dram, is_certain=False)])
    node.interval({A: 0.0, B: 0.0}, [told(50.0, dram)])
    node.interval({A: 9.0, B: 1.0}, [told(90.0, dram)])
    assert node.joules("dynamic") == pytest.approx({"a": 36.0, "b": 4.0})


def test_the_work_of_a_cgroup_that_has_ended_is_charged():
    """It began, worked 5 s and ended within one interval: the probe's map still lists it."""
    node = trained(Node(one_socket(8)))
    node.interval({C: 5.0}, [told(400.0)])
    node.cpu_ns.pop(node.groups[C])
    node.interval({A: 5.0}, [told(400.0)])
    assert charged_since(node)[0] == pytest.approx({"c": 100.0, "a": 100.0})


def test_a_cgroup_number_given_to_another_counts_from_zero():
    node = trained(Node(one_socket(8)))
    node.interval({A: 20.0}, [told(700.0)])
    node.cpu_ns[node.groups[A]] = np.zeros(8)
    node.groups[B] = node.groups.pop(A)
    node.interval({B: 5.0}, [told(400.0)])
    assert charged_since(node)[0] == pytest.approx({"a": 400.0, "b": 100.0})


@pytest.mark.parametrize("listed", [(1, 2, 3), (3, 1, 2)], ids=["in order", "out of order"])
def test_what_cannot_be_shared_evenly_does_not_depend_on_the_listing(listed):
    """100 uJ for three who worked alike: 34, 33 and 33."""
    node = Node(one_socket(2), policy="usage")
    owners = {1: A, 2: B, 3: C}
    for at, busy, joules in ((0.0, 0, 0.0), (5.0, 10**9, 1e-4)):
        cpu_ns = np.full((3, 2), busy, dtype=np.uint64)
        reading = ActivityReading(at, "time", listed, cpu_ns)
        node.attributor.account(at, [told(joules, is_certain=at > 0)], reading, Cast(owners))
    assert node.joules() == pytest.approx({"a": 34e-6, "b": 33e-6, "c": 33e-6})


def test_a_cgroup_that_could_not_be_read_for_a_while_goes_on_where_it_was():
    """It worked 20 s before, and 5 s while it was not seen."""
    node = trained(Node(one_socket(8)))
    node.interval({A: 20.0}, [told(700.0)])
    hidden = node.cpu_ns.pop(node.groups[A])
    node.interval({B: 5.0}, [told(400.0)])
    node.cpu_ns[node.groups[A]] = hidden
    node.interval({A: 5.0}, [told(400.0)])
    assert charged_since(node)[0] == pytest.approx({"a": 500.0, "b": 100.0})


def test_an_old_cgroup_that_appears_late_is_not_charged_for_its_past():
    """An hour of CPU time cannot be of the last five seconds."""
    node = trained(Node(one_socket(8)))
    node.interval({A: 3600.0, B: 5.0}, [told(400.0)])
    node.interval({A: 5.0}, [told(400.0)])
    assert charged_since(node)[0] == pytest.approx({"b": 100.0, "a": 100.0})


def test_a_cgroup_that_nobody_knows_stays_visible_and_is_mended_later():
    node = trained(Node(one_socket(8)))
    node.cpu_ns[99] = np.array([5e9] + [0.0] * 7)
    node.interval({}, [told(400.0)])
    node.groups[A] = 99
    node.interval({A: 5.0}, [told(400.0)])
    snapshot = node.attributor.snapshot()
    assert Owner("unknown") in snapshot.owners
    assert charged_since(node)[0] == pytest.approx({"": 100.0, "a": 100.0})


def test_an_interval_without_energy_changes_no_energy_and_its_work_pays_later():
    node = trained(Node(one_socket(8)))
    before = node.attributor.snapshot()
    node.interval({A: 5.0}, [told(0.0)])
    after = node.attributor.snapshot()
    assert after.told() == before.told()
    node.interval({B: 15.0}, [told(1000.0, seconds=10.0)])
    assert charged_since(node)[0] == pytest.approx({"a": 100.0, "b": 300.0})


def test_a_zone_that_was_not_read_is_paid_by_all_who_worked_meanwhile():
    node = trained(Node(one_socket(8)))
    node.interval({A: 5.0}, [])
    node.interval({B: 5.0}, [told(800.0, seconds=10.0)])
    assert charged_since(node)[0] == pytest.approx({"a": 100.0, "b": 100.0})


def test_work_before_a_jump_that_was_dropped_pays_for_nothing_after_it():
    node = trained(Node(one_socket(8)))
    node.interval({A: 5.0}, [told(0.0, is_certain=False)])
    node.interval({B: 5.0}, [told(400.0)])
    assert charged_since(node)[0] == pytest.approx({"b": 100.0})


def test_energy_of_a_time_that_no_probe_saw_is_nobodys():
    node = trained(Node(one_socket(8)))
    node.at += 5.0
    node.attributor.account(node.at, [told(400.0)], None, Cast({}))
    assert charged_since(node)[2] == pytest.approx(400.0)


def test_another_level_of_the_probe_begins_anew_and_its_first_interval_is_nobodys():
    node = trained(Node(one_socket(8)))
    node.level = "time"
    node.interval({A: 5.0}, [told(400.0)])
    assert charged_since(node)[2] == pytest.approx(400.0)
    node.interval({A: 5.0}, [told(400.0)])
    assert sum(charged_since(node)[1].values()) == pytest.approx(400.0)


def test_work_is_counted_by_owner():
    node = Node(one_socket(2))
    node.interval({A: 0.0}, [])
    node.interval({A: 1.5}, [], misses={A: 7})
    snapshot = node.attributor.snapshot()
    assert snapshot.work[snapshot.owners.index(A)].tolist() == [1.5e9, 3e9, 3e9, 7]


def test_a_snapshot_does_not_change_with_later_intervals():
    node = trained(Node(one_socket(8)))
    snapshot = node.attributor.snapshot()
    copy = snapshot.microjoules.copy(), snapshot.work.copy(), snapshot.unattributed.copy()
    node.interval({A: 5.0}, [told(400.0)])
    for now, then in zip(
        (snapshot.microjoules, snapshot.work, snapshot.unattributed), copy, strict=True
    ):
        np.testing.assert_array_equal(now, then)


def test_owners_not_listed_for_long_are_retired_and_stay_in_the_sum():
    node = trained(Node(one_socket(8), {B: 1.0}))
    node.interval({A: 5.0}, [told(400.0)])
    node.cpu_ns.pop(node.groups[A])
    node.interval({}, [told(300.0)])
    before = node.attributor.snapshot().told()
    gone = node.attributor.retire(before=node.at)
    after = node.attributor.snapshot()
    assert gone == (A,)
    assert after.told() == before
    assert after.retired.sum() == pytest.approx(100e6)
    assert A not in after.owners
    node.interval({B: 5.0}, [told(400.0)])
    assert node.joules("dynamic")["b"] == pytest.approx(100.0)


def test_who_only_reserves_is_not_retired_while_it_is_there():
    node = trained(Node(one_socket(8), {B: 1.0}))
    node.interval({}, [told(300.0)])
    assert B not in node.attributor.retire(before=node.at)


def test_the_last_interval_is_told_by_zone():
    node = trained(Node(one_socket(8)))
    node.interval({A: 5.0}, [told(400.0)])
    last = node.attributor.snapshot().last[PACKAGE]
    assert (last.energy, last.idle, last.dynamic, last.unattributed) == (
        400_000_000,
        300_000_000,
        100_000_000,
        0,
    )
