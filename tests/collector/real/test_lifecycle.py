"""Pods come, go and come again: no counter falls, and nothing of the meter is lost."""

import json
import os
import signal

import pytest

from tests.collector.real.control import cpu_seconds, pids_of
from tests.collector.real.process import ZONES
from tests.collector.real.watcher import Watcher, find_falls, find_imbalances
from tests.testbed.pod import BURN, container, deployment, is_ready, pod
from tests.testbed.process import wait_until

CPU = "joulefit_container_cpu_seconds_total"
ENERGY = "joulefit_container_energy_joules_total"
POLL = 0.1
SINGLE = ("deleted", "restarted", "evicted")


@pytest.fixture
def busy_pods(node, node_namespace, collector):
    """Three pods and a Deployment of two, all burning, all known by name."""
    burning = container(command=BURN, cpu_limit="200m")
    wanted = [pod(name, burning, namespace=node_namespace) for name in SINGLE]
    node.apply([*wanted, deployment("rolled", burning, namespace=node_namespace, replicas=2)])
    roll = ("-n", node_namespace, "rollout", "status", "deployment/rolled", "--timeout=50s")
    node.kubectl(*roll)
    items = {name: node.wait_ready(name, namespace=node_namespace) for name in SINGLE}
    rolled = node.list_pods("app=rolled", namespace=node_namespace)
    collector.wait_named([*items.values(), *rolled])
    return items, rolled


def restart(node, item):
    for pid in pids_of(node.container_cgroup(item)):
        os.kill(pid, signal.SIGKILL)


def evict(node, item, folder):
    """As a drain does it."""
    metadata = {key: item["metadata"][key] for key in ("name", "namespace")}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    file = folder / "eviction.json"
    file.write_text(json.dumps(eviction))
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    node.kubectl("create", "--raw", path, "-f", str(file))


def change_everything(node, namespace, items, folder):
    """Returns when all that is to end has ended and all that is to come again runs."""
    node.kubectl("-n", namespace, "rollout", "restart", "deployment/rolled")
    restart(node, items["restarted"])
    evict(node, items["evicted"], folder)
    node.delete_pod("deleted", namespace=namespace)
    roll = ("-n", namespace, "rollout", "status", "deployment/rolled", "--timeout=50s")
    node.kubectl(*roll)

    def has_restarted():
        found = node.find_pod("restarted", namespace=namespace)
        (status,) = found["status"]["containerStatuses"]
        return status["restartCount"] == 1 and is_ready(found)

    wait_until(has_restarted, "the killed container runs again", pause=POLL)
    wait_until(
        lambda: node.find_pod("evicted", namespace=namespace) is None, "it is evicted", pause=POLL
    )


def test_pods_deleted_restarted_evicted_and_rolled_lose_nothing(
    node, node_namespace, collector, busy_pods, tmp_path
):
    items, rolled = busy_pods
    with Watcher(collector) as watcher:
        collector.scrape_next()
        spent = {
            item["metadata"]["name"]: cpu_seconds(node.container_cgroup(item))
            for item in [*items.values(), *rolled]
        }
        change_everything(node, node_namespace, items, tmp_path)
        new = node.list_pods("app=rolled", namespace=node_namespace)
        collector.wait_named([item for item in new if is_ready(item)])
        last = collector.scrape_next()

    assert len({scrape.at for scrape in watcher.scrapes}) >= 5
    assert find_falls(watcher.scrapes) == []
    assert find_imbalances(watcher.scrapes) == {}
    for name, seconds in spent.items():
        assert last.total(CPU, namespace=node_namespace, pod=name) > 0.9 * seconds
    for name in ("rolled", "deleted", "restarted", "evicted"):
        workload = {"rolled": {"workload": "rolled", "workload_kind": "Deployment"}}
        who = workload.get(name, {"pod": name})
        assert last.total(ENERGY, namespace=node_namespace, part="dynamic", **who) > 0.0


def test_a_collector_that_was_killed_goes_on_where_it_was(
    node, node_namespace, tree, kubelet_options, start_collector, tmp_path
):
    busy = node.run_pod("busy", namespace=node_namespace, command=BURN, cpu_limit="200m")
    mine = start_collector(tree, "--state", tmp_path / "state", *kubelet_options)
    with Watcher(mine) as watcher:
        mine.wait_named([busy])
        before = mine.scrape_next()
    mine.kill()
    mine.start_again()
    with Watcher(mine) as later:
        after = mine.scrape_next()

    scrapes = [*watcher.scrapes, *later.scrapes]
    assert find_falls(scrapes) == []
    assert find_imbalances(scrapes) == {}
    for zone in ZONES:
        energy = "joulefit_node_energy_joules_total"
        assert after.total(energy, zone=zone) > before.total(energy, zone=zone) > 0.0
    its = {"namespace": node_namespace, "pod": "busy"}
    assert after.total(CPU, **its) > before.total(CPU, **its) > 0.0
