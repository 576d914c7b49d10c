"""Probe and identity together on this machine: whose is what ended before anyone looked."""

import pytest

from collector.identity.fake import FakePods
from collector.identity.hierarchy import find_hierarchy
from collector.identity.identity import Identity
from collector.identity.pod import decode_pods
from collector.probes.cgroupfs import CgroupfsProbe
from tests.collector.identity.build import UID, a_pod, body_of, container_id
from tests.collector.probes.group import BURN, seconds_of

RUN = container_id("web-7c5d-x1/app")


@pytest.fixture
def pods():
    return FakePods(decode_pods(body_of(a_pod())).pods)


def test_container_of_a_moment_is_charged_to_its_pod(bpf_probe_with, cgroup, python, pods):
    """It began and ended between two casts: only the kernel knows where it was."""
    probe = bpf_probe_with()
    identity = Identity(find_hierarchy(), pods, ancestors_of=probe.ancestors)
    cgroup.child(f"pod{UID}")
    identity.cast(probe.read().groups)
    container = cgroup.child(f"pod{UID}/{RUN}")
    group = container.stat().st_ino
    cgroup.run(python, "-c", BURN, 0.1, folder=container)
    container.rmdir()
    reading = probe.read()
    owner = identity.cast(reading.groups).owners[group]

    assert seconds_of(reading, group) > 0.1
    assert (owner.pod, owner.container, owner.workload) == ("web-7c5d-x1", "", "web-7c5d")
    assert identity.ended(reading.groups) == {group}


def test_ids_of_both_probes_are_those_of_identity(bpf_probe_with, cgroup, python, pods):
    hierarchy = find_hierarchy()
    probes = [bpf_probe_with(), CgroupfsProbe(hierarchy)]
    identity = Identity(hierarchy, pods)
    cgroup.child(f"pod{UID}")
    container = cgroup.child(f"pod{UID}/{RUN}")
    cgroup.run(python, "-c", BURN, 0.1, folder=container)
    group = container.stat().st_ino
    for probe in probes:
        reading = probe.read()

        assert identity.cast(reading.groups).owners[group].container == "app"
        assert seconds_of(reading, group) > 0.1
