"""The loop: what fails costs its own item only, what was seen is not taken back."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from collector.accumulator.state import NodeIdentity, StateFile
from collector.agent import Agent, Parts
from collector.attribution.attributor import Attributor
from collector.meters.topology import FrequencyReader, Topology
from collector.model import (
    ActivityReading,
    Cast,
    ContainerFacts,
    MeterReading,
    Owner,
    Zone,
    ZoneReading,
)
from collector.snapshot import NodeFacts

PACKAGE = Zone("package", "0")
APP = Owner("container", namespace="shop", pod="web-0", container="app", container_id="a")
SECOND = 10**9


@dataclass
class Node:
    """A node in which a second passes at each reading: 10 W, one busy cgroup of one core."""

    now: float = 1000.0
    joules: float = 0.0
    busy: int = 0
    is_meter_broken: bool = False
    is_probe_broken: bool = False
    is_gone: bool = False
    forgotten: set[int] = field(default_factory=set)

    def pass_second(self):
        self.now += 1.0
        self.joules += 10.0
        self.busy += 0 if self.is_gone else SECOND


class FakeMeter:
    name = "rapl"

    def __init__(self, node):
        self.node = node

    def read(self):
        if self.node.is_meter_broken:
            raise OSError(5, "Input/output error")
        zone = ZoneReading(PACKAGE, self.node.joules, "rapl", "measured", range_joules=65536.0)
        return MeterReading(self.node.now, (zone,))


class NodeProbe:
    level = "time"

    def __init__(self, node):
        self.node = node
        self.is_closed = False

    def read(self):
        if self.node.is_probe_broken:
            raise OSError(1, "Operation not permitted")
        busy = np.array([[self.node.busy]], dtype=np.uint64)
        return ActivityReading(self.node.now, "time", (7,), busy)

    def forget(self, groups):
        self.node.forgotten |= groups

    def close(self):
        self.is_closed = True


class NodeNames:
    def __init__(self, node):
        self.node = node
        self.failures = 0

    def cast(self, groups):
        owners = dict.fromkeys(groups, APP)
        return Cast(owners, {APP: ContainerFacts(1.0)}, failures=self.failures)

    def ended(self, groups):
        return frozenset(groups) if self.node.is_gone else frozenset()


@pytest.fixture
def node():
    return Node()


def agent_of(node, tmp_path, *, state=None, grace=300.0):
    procfs = tmp_path / "proc"
    procfs.mkdir(exist_ok=True)
    (procfs / "stat").write_text("cpu  100 0 100 0 0 0 0 0 0 0\n")
    parts = Parts(
        meters=(FakeMeter(node),),
        probe=NodeProbe(node),
        identity=NodeNames(node),
        attributor=Attributor(Topology((frozenset({"0"}),), 1)),
        frequency=FrequencyReader(tmp_path),
        node=NodeFacts("n1", "EPYC", 1),
        sources=(),
        procfs_root=procfs,
        state=None if state is None else StateFile(state, node=NodeIdentity("m", "b")),
    )
    agent = Agent(parts, interval=5.0, grace=grace, clock=lambda: node.now)
    agent.restore()
    return agent


def collect(agent, node, times=1):
    for _ in range(times):
        node.pass_second()
        newest = agent.collect()
    return newest


def charged(snapshot):
    return sum(
        sum(total.joules.values()) for total in snapshot.owners if total.owner.container == "app"
    )


def told(snapshot):
    return sum(total.joules for total in snapshot.zones)


def everybody(snapshot):
    owners = sum(sum(total.joules.values()) for total in snapshot.owners)
    return owners + sum(snapshot.unattributed.values())


def test_an_interval_charges_the_energy_of_the_meter(node, tmp_path):
    newest = collect(agent_of(node, tmp_path), node, 4)
    assert told(newest) == pytest.approx(30.0)  # the first reading is where counting begins
    assert everybody(newest) == pytest.approx(30.0)
    assert charged(newest) == pytest.approx(30.0)


def test_a_meter_that_fails_is_counted_and_its_energy_comes_with_the_next_reading(node, tmp_path):
    agent = agent_of(node, tmp_path)
    collect(agent, node, 2)
    node.is_meter_broken = True
    newest = collect(agent, node)
    assert told(newest) == pytest.approx(10.0)
    assert newest.failures == {"meter": 1}
    assert newest.problems == ("rapl cannot be read: [Errno 5] Input/output error",)
    node.is_meter_broken = False
    assert told(collect(agent, node)) == pytest.approx(30.0)


def test_energy_of_a_time_that_no_probe_saw_is_charged_to_nobody(node, tmp_path):
    agent = agent_of(node, tmp_path)
    collect(agent, node, 2)
    node.is_probe_broken = True
    newest = collect(agent, node)
    assert sum(newest.unattributed.values()) == pytest.approx(10.0)
    assert charged(newest) == pytest.approx(10.0)
    assert everybody(newest) == pytest.approx(told(newest))


def test_busy_time_that_cannot_be_read_is_counted_and_costs_nothing_else(node, tmp_path):
    agent = agent_of(node, tmp_path)
    collect(agent, node, 2)
    (tmp_path / "proc" / "stat").unlink()
    newest = collect(agent, node)
    assert newest.cpu_seconds is None
    assert newest.failures == {"procfs": 1}
    assert charged(newest) == pytest.approx(20.0)


def test_lists_of_pods_that_cannot_be_read_are_counted_with_the_other_failures(node, tmp_path):
    agent = agent_of(node, tmp_path)
    agent.parts.identity.failures = 3
    assert collect(agent, node).failures == {"pods": 3}


def test_counters_go_on_after_a_restart_and_the_time_between_is_nobodys(node, tmp_path):
    state = tmp_path / "state"
    before = collect(agent_of(node, tmp_path, state=state), node, 3)
    node.pass_second()  # while no collector runs
    after = collect(agent_of(node, tmp_path, state=state), node)
    assert charged(after) == charged(before) == pytest.approx(20.0)
    assert told(after) == pytest.approx(40.0)
    assert sum(after.unattributed.values()) == pytest.approx(20.0)


def test_what_is_published_has_been_kept(node, tmp_path):
    state = tmp_path / "state"
    agent = agent_of(node, tmp_path, state=state)
    published = collect(agent, node, 3)
    again = agent_of(node, tmp_path, state=state)
    node.pass_second()
    assert charged(again.collect()) >= charged(published)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\xff", b'{"format":"other"}\n{}\n'])
def test_a_foreign_state_is_set_aside_once_and_counting_begins_anew(
    content, node, tmp_path, caplog
):
    state = tmp_path / "state"
    state.write_bytes(content)
    agent = agent_of(node, tmp_path, state=state)
    assert [record.getMessage() for record in caplog.records if "not used" in record.getMessage()]
    assert charged(collect(agent, node, 2)) == pytest.approx(10.0)
    assert (tmp_path / "state.aside").read_bytes() == content


def test_a_state_that_cannot_be_kept_is_a_problem_and_no_end(node, tmp_path):
    agent = agent_of(node, tmp_path, state=tmp_path / "missing" / "state")
    newest = collect(agent, node, 2)
    assert newest.failures == {"state": 2}
    assert charged(newest) == pytest.approx(10.0)


def test_an_ended_cgroup_is_forgotten_when_its_work_is_accounted_for(node, tmp_path):
    agent = agent_of(node, tmp_path)
    collect(agent, node, 2)
    node.is_gone = True
    collect(agent, node)
    assert node.forgotten == {7}


def test_a_problem_that_stays_is_logged_once(node, tmp_path, caplog):
    agent = agent_of(node, tmp_path)
    node.is_meter_broken = True
    collect(agent, node, 3)
    said = [record for record in caplog.records if "rapl cannot be read" in record.getMessage()]
    assert len(said) == 1


def test_the_loop_goes_on_after_a_failed_interval_and_ends_when_told(node, tmp_path, monkeypatch):
    agent = agent_of(node, tmp_path)
    end = threading.Event()
    calls = []

    def collect_or_fail():
        calls.append(len(calls))
        if len(calls) == 2:
            end.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(agent, "collect", collect_or_fail)
    agent.interval = 0.0
    agent.run(end)
    assert calls == [0, 1]
