"""What fails costs its own item only, and is counted."""

import json
import subprocess
import sys
import uuid

import pytest

from tests.collector.real.control import Burner
from tests.collector.real.kubelet import FalseKubelet
from tests.collector.real.law import WATTS_PER_CPU
from tests.collector.real.process import ZONES
from tests.collector.real.watcher import Watcher, find_falls, find_imbalances
from tests.testbed.cgroup import remove_cgroup, unified_root
from tests.testbed.pod import BURN

CPU = "joulefit_container_cpu_seconds_total"
ENERGY = "joulefit_container_energy_joules_total"
FAILURES = "joulefit_collector_failures_total"
NONSENSE = [b"<html>no</html>", b'{"items": 7}']


@pytest.fixture
def false_kubelet(node):
    with FalseKubelet(node.folder / "kubelet.crt", node.folder / "kubelet.key") as server:
        yield server


@pytest.fixture
def pod(node, node_namespace):
    """One that burns, held until its test lets it go."""
    item = node.run_pod("burner", namespace=node_namespace, command=BURN)
    item["burner"] = Burner(node.container_cgroup(item))
    return item


@pytest.fixture
def uid(pod):
    return pod["metadata"]["uid"]


def failures(scrape, kind):
    return scrape.total(FAILURES, kind=kind)


def test_nonsense_from_the_kubelet_costs_names_only_and_is_counted(
    node, pod, uid, tree, start_collector, tmp_path, false_kubelet
):
    token = tmp_path / "token"
    token.write_text("a-token")
    false_kubelet.body = NONSENSE[0]
    collector = start_collector(
        tree,
        *("--kubelet", false_kubelet.url, "--kubelet-ca-file", node.kubelet_ca),
        *("--kubelet-token-file", token),
    )
    with Watcher(collector) as watcher:
        for count, body in enumerate(NONSENSE, start=1):
            false_kubelet.body = body
            collector.wait_for(lambda s, n=count: failures(s, "pods") >= n, f"{count} failures")
        pod["burner"].burn(1.0)
        nameless = collector.scrape_next()
        page = collector.get("/").text
        listing = node.get_from_kubelet("/pods").json()
        listing["items"] = [{"metadata": 7}, *listing["items"], {}]
        false_kubelet.body = json.dumps(listing).encode()
        named = collector.wait_named([pod])

    assert nameless.total(CPU, namespace="unknown", pod=uid) > 0.9
    assert nameless.total(ENERGY, namespace="unknown", pod=uid, part="dynamic") > 0.0
    assert "the answer is no list of pods; pods keep their names, new ones are `unknown`" in page
    assert failures(named, "pods") >= failures(nameless, "pods") + 2  # the items that are no pods
    assert collector.get("/readyz").status_code == 200
    assert find_falls(watcher.scrapes) == []
    assert find_imbalances(watcher.scrapes) == {}


# Now and then one of the fifty goes while the others are being read: a few of a hundred readings.
_COME_AND_GO = """
import os, select, sys
names = [f"{sys.argv[1]}/{number}" for number in range(50)]
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for name in names: os.mkdir(name)
    for name in names: os.rmdir(name)
"""


@pytest.fixture
def churn():
    """Cgroups that come and go all the time, as fast as this machine makes them."""
    parent = unified_root() / f"joulefit-test-{uuid.uuid4().hex[:12]}"
    parent.mkdir()
    command = [sys.executable, "-I", "-S", "-c", _COME_AND_GO, str(parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE):  # its input closes with the context
        yield
    remove_cgroup(parent.name)


@pytest.mark.usefixtures("churn")
def test_a_cgroup_that_vanishes_between_listing_and_reading_costs_nothing_but_itself(
    pod, tree, kubelet_options, start_collector
):
    often = ("--interval", "100ms")
    collector = start_collector(tree, "--probe", "cgroupfs", *kubelet_options, *often)
    its = {"namespace": pod["metadata"]["namespace"], "pod": "burner"}
    with Watcher(collector) as watcher:
        before = collector.wait_named([pod])
        burnt = pod["burner"].burn(2.0)
        after = collector.scrape_next()
        last = collector.wait_for(lambda scrape: failures(scrape, "cgroup") > 0, "one vanishes")

    assert after.total(CPU, **its) - before.total(CPU, **its) == pytest.approx(burnt, rel=0.02)
    assert failures(last, "interval") == 0
    assert find_falls(watcher.scrapes) == []
    assert find_imbalances(watcher.scrapes) == {}


def test_no_entry_of_a_process_is_needed_and_an_unreadable_proc_costs_busy_time_only(
    pod, tree, kubelet_options, start_collector, tmp_path
):
    """Best-known exporters drop all they have for one /proc/PID/exe that they may not read."""
    procfs = tmp_path / "proc"
    procfs.mkdir()
    (procfs / "stat").symlink_to("/proc/stat")
    collector = start_collector(tree, "--procfs-root", procfs, *kubelet_options)
    its = {"namespace": pod["metadata"]["namespace"], "pod": "burner"}
    before = collector.wait_named([pod])
    (procfs / "stat").unlink()
    burnt = pod["burner"].burn(2.0)
    after = collector.scrape_next()

    assert before.total("joulefit_node_cpu_seconds_total") > 0.0
    assert after.select("joulefit_node_cpu_seconds_total") == {}
    assert failures(after, "procfs") > 0
    assert failures(after, "interval") == 0
    assert after.total(CPU, **its) - before.total(CPU, **its) == pytest.approx(burnt, rel=0.05)
    assert after.total(ENERGY, part="dynamic", **its) < 1.05 * WATTS_PER_CPU * burnt
    assert [after.imbalance(zone) for zone in ZONES] == [0, 0]
