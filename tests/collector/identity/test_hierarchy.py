"""Where the cgroups are, and whether BPF can tell them apart."""

import pytest

from collector.identity.hierarchy import Hierarchy, find_hierarchy


@pytest.fixture
def root(tmp_path):
    def make(*paths):
        for path in paths:
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir() if path.endswith("/") else target.touch()
        return tmp_path

    return make


def test_version_2(root):
    folder = root("cgroup.controllers", "cpu.stat")

    assert find_hierarchy(folder) == Hierarchy("v2", folder)
    assert find_hierarchy(folder).has_accounting


def test_version_2_seen_from_a_private_namespace_says_so(root):
    """Only cgroups below the root have a type."""
    folder = root("cgroup.controllers", "cgroup.type", "cpu.stat")

    assert "mount the host's /sys/fs/cgroup" in find_hierarchy(folder).problem


@pytest.mark.parametrize("names", [("cpu", "cpuacct"), ("cpu,cpuacct", "cpu,cpuacct")])
def test_hybrid_takes_ids_from_version_2_and_controllers_from_version_1(root, names):
    cpu, accounting = names
    folder = root(
        f"{cpu}/cpu.stat",
        f"{accounting}/cpuacct.usage",
        "memory/",
        "unified/cgroup.controllers",
        "unified/cpu.stat",
    )

    assert find_hierarchy(folder) == Hierarchy(
        "hybrid",
        folder / "unified",
        cpu=folder / cpu,
        memory=folder / "memory",
        exact_total=folder / accounting / "cpuacct.usage",
    )


def test_hybrid_whose_containers_are_in_version_1_only_is_version_1(root):
    folder = root(
        "cpuacct/cpuacct.usage",
        "cpuacct/docker/",
        "cpuacct/kubepods/",
        "unified/cgroup.controllers",
        "unified/kubepods/",
    )
    found = find_hierarchy(folder)

    assert found.version == "v1"
    assert found.groups == found.cpu_time == folder / "cpuacct"
    assert "keeps docker in cgroups of version 1 only" in found.blindness


def test_version_1_says_why_bpf_is_blind(root):
    folder = root("cpuacct/cpuacct.usage", "memory/")
    found = find_hierarchy(folder)

    assert found.version == "v1"
    assert found.groups == folder / "cpuacct"
    assert "cgroups are version 1, which BPF cannot tell apart" in found.blindness


def test_nothing_mounted_has_no_accounting(tmp_path):
    assert not find_hierarchy(tmp_path / "absent").has_accounting
