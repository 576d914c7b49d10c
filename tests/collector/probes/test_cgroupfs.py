"""CPU time from the kernel's accounting: own work of each cgroup, whatever comes and goes."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.identity.hierarchy import find_hierarchy
from collector.probes.cgroupfs import CgroupfsProbe
from collector.probes.failure import ProbeUnavailableError
from tests.collector.probes.group import BURN, seconds_of

VANISHED = (
    "1 cgroups vanished or could not be read: their last moments are charged to their parents"
)


class TreeV2:
    """A tree of version 2; `set` writes microseconds of a cgroup and all below it."""

    def __init__(self, root):
        self.root = root
        (root / "cgroup.controllers").touch()
        self.set("", 0)

    def set(self, path, usage_usec):
        folder = self.root / path
        folder.mkdir(exist_ok=True)
        (folder / "cpu.stat").write_text(f"usage_usec {usage_usec}\nuser_usec 0\nsystem_usec 0\n")

    def id(self, path):
        return (self.root / path).stat().st_ino

    def remove(self, path):
        shutil.rmtree(self.root / path)

    def probe(self):
        return CgroupfsProbe(find_hierarchy(self.root), clock=lambda: 7.0)


@pytest.fixture
def tree(tmp_path):
    return TreeV2(tmp_path)


def work(reading, group):
    """Microseconds of one row."""
    return int(reading.cpu_ns[reading.groups.index(group)].sum()) // 1000


def test_each_cgroup_has_its_own_work_without_its_childrens(tree):
    for path in ("", "pod", "pod/a", "pod/b"):
        tree.set(path, 1_000)
    probe = tree.probe()
    tree.set("", 1_100)
    tree.set("pod", 1_090)
    tree.set("pod/a", 1_020)
    tree.set("pod/b", 1_030)
    reading = probe.read()

    assert reading.level == probe.level == "cgroupfs"
    assert reading.at == 7.0
    assert [work(reading, tree.id(path)) for path in ("", "pod", "pod/a", "pod/b")] == [
        10,
        40,
        20,
        30,
    ]


def test_what_was_done_before_the_probe_began_is_nobodys(tree):
    tree.set("a", 5_000)
    reading = tree.probe().read()

    assert reading.cpu_ns.sum() == 0


def test_new_cgroup_is_charged_all_that_it_did(tree):
    probe = tree.probe()
    tree.set("", 500)
    tree.set("new", 300)
    reading = probe.read()

    assert work(reading, tree.id("new")) == 300
    assert work(reading, tree.id("")) == 200


def test_work_of_a_cgroup_that_ended_between_two_readings_stays_with_its_parent(tree):
    tree.set("pod", 0)
    tree.set("pod/a", 0)
    probe = tree.probe()
    group, pod = tree.id("pod/a"), tree.id("pod")
    for path, usage in (("", 100), ("pod", 100), ("pod/a", 100)):
        tree.set(path, usage)
    probe.read()
    tree.set("", 160)
    tree.set("pod", 160)  # 60 more, all of a, which is gone when we look
    tree.remove("pod/a")
    reading = probe.read()

    assert work(reading, group) == 100
    assert work(reading, pod) == 60
    probe.forget(frozenset({group, pod}))  # pod is still there: not forgotten
    after = probe.read()
    assert group not in after.groups
    assert work(after, pod) == 60


def test_cgroup_of_the_same_name_is_another_one(tree):
    tree.set("service", 900)
    probe = tree.probe()
    before = tree.id("service")
    (tree.root / "service").rename(tree.root.parent / "kept")  # its inode is not given out again
    tree.set("service", 40)
    tree.set("", 40)
    reading = probe.read()

    assert tree.id("service") != before
    assert work(reading, tree.id("service")) == 40
    assert work(reading, before) == 0
    assert reading.cpu_ns.sum() == 40_000


def test_cgroup_that_vanishes_between_listing_and_reading_costs_only_itself(tree):
    tree.set("a", 0)
    tree.set("b", 0)
    probe = tree.probe()
    (tree.root / "a" / "cpu.stat").unlink()
    tree.set("", 70)
    tree.set("b", 70)
    reading = probe.read()

    assert work(reading, tree.id("b")) == 70
    assert reading.problems == (VANISHED,)


def test_accounting_that_is_no_number_costs_only_that_cgroup(tree):
    tree.set("a", 0)
    tree.set("b", 0)
    probe = tree.probe()
    (tree.root / "a" / "cpu.stat").write_text("nonsense\n")
    tree.set("", 5)
    tree.set("b", 5)
    reading = probe.read()

    assert work(reading, tree.id("b")) == 5
    assert reading.problems == (VANISHED,)


def test_cgroup_that_could_not_be_read_at_first_begins_when_it_can(tree):
    tree.set("a", 10_000)
    (tree.root / "a" / "cpu.stat").rename(tree.root / "a" / "hidden")
    probe = tree.probe()
    (tree.root / "a" / "hidden").rename(tree.root / "a" / "cpu.stat")
    assert probe.read().cpu_ns.sum() == 0
    tree.set("a", 10_050)
    tree.set("", 50)

    assert work(probe.read(), tree.id("a")) == 50


def test_parent_read_a_moment_before_its_child_does_not_fall(tree):
    tree.set("a", 0)
    probe = tree.probe()
    tree.set("", 100)
    tree.set("a", 90)
    assert work(probe.read(), tree.id("")) == 10
    tree.set("", 200)
    tree.set("a", 205)  # read later: has more than the whole
    assert work(probe.read(), tree.id("")) == 10
    tree.set("", 320)
    assert work(probe.read(), tree.id("")) == 115


def test_version_1_has_a_column_for_each_cpu(tmp_path):
    folder = tmp_path / "cpu,cpuacct"
    pod = folder / "kubepods"
    pod.mkdir(parents=True)

    def set_usage(path, text):
        (path / "cpuacct.usage_percpu").write_text(text)

    set_usage(folder, "10 20 30 \n")
    set_usage(pod, "0 0 0 \n")
    probe = CgroupfsProbe(find_hierarchy(tmp_path))
    set_usage(folder, "110 20 37 \n")
    set_usage(pod, "60 0 7 \n")
    reading = probe.read()

    assert reading.groups == (folder.stat().st_ino, pod.stat().st_ino)
    assert reading.cpu_ns.tolist() == [[40, 0, 0], [60, 0, 7]]


def test_version_1_without_a_file_by_cpu_has_one_column(tmp_path):
    folder = tmp_path / "cpuacct"
    folder.mkdir()
    (folder / "cpuacct.usage").write_text("1000\n")
    probe = CgroupfsProbe(find_hierarchy(tmp_path))
    (folder / "cpuacct.usage").write_text("1700\n")

    assert probe.read().cpu_ns.tolist() == [[700]]


def test_hybrid_takes_the_exact_total_of_version_1(tmp_path):
    unified, accounting = tmp_path / "unified", tmp_path / "cpuacct"
    accounting.mkdir()
    (accounting / "cpuacct.usage").write_text("1000000\n")
    unified.mkdir()
    tree = TreeV2(unified)
    tree.set("a", 0)
    probe = CgroupfsProbe(find_hierarchy(tmp_path))
    (accounting / "cpuacct.usage").write_text("1900000\n")
    tree.set("", 123_456)  # sampled: not looked at
    tree.set("a", 500)
    reading = probe.read()

    assert work(reading, tree.id("a")) == 500
    assert work(reading, tree.id("")) == 400


def test_without_accounting_it_says_where_it_looked(tmp_path):
    (tmp_path / "cgroup.controllers").touch()

    with pytest.raises(ProbeUnavailableError, match="holds no CPU accounting") as caught:
        CgroupfsProbe(find_hierarchy(tmp_path))

    assert str(tmp_path) in str(caught.value)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 10**9), st.booleans()), max_size=12)
)
def test_rows_add_up_to_the_total_whatever_comes_and_goes(tmp_path_factory, steps):
    """Work in microseconds of four cgroups below one; each step may end the cgroup after it."""
    tree = TreeV2(tmp_path_factory.mktemp("groups"))
    tree.set("pod", 0)
    probe = tree.probe()
    total, usages, before = 0, {}, {}
    for name, amount, ends in steps:
        total += amount
        usages[name] = usages.get(name, 0) + amount
        tree.set("", total)
        tree.set("pod", total)
        tree.set(f"pod/{name}", usages[name])
        if ends:
            (tree.root / "pod" / name).rename(tree.root.parent / f"ended-{tree.id(f'pod/{name}')}")
            del usages[name]
        reading = probe.read()

        rows = dict(zip(reading.groups, reading.cpu_ns.sum(axis=1).tolist(), strict=True))
        assert sum(rows.values()) == total * 1000
        assert all(rows[group] >= value for group, value in before.items())
        before = rows


def test_real_cgroup_agrees_with_cpu_stat(cgroup, python):
    probe = CgroupfsProbe(find_hierarchy())
    cgroup.run(python, "-c", BURN, 0.2)
    reading = probe.read()

    assert seconds_of(reading, cgroup.id) == pytest.approx(cgroup.usage_seconds())
    assert reading.cpu_ns.dtype == np.uint64
