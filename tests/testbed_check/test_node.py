"""The node of the testbed is one of a cluster, as far as a collector and an operator see it."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from tests.testbed.pod import BURN, container, deployment, is_ready, pod
from tests.testbed.process import wait_until


def cpu_seconds(cgroup: Path) -> float:
    values = dict(line.split() for line in (cgroup / "cpu.stat").read_text().splitlines())
    return int(values["usage_usec"]) / 1e6


def pids_of(cgroup: Path) -> list[int]:
    return [int(line) for line in (cgroup / "cgroup.procs").read_text().split()]


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def get_from_loopback(url: str, **options: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10, **options)


def test_kubectl_lists_the_node_as_ready(node):
    row = node.kubectl("get", "nodes", "--no-headers").split()
    assert row[:2] == [node.name, "Ready"]
    assert row[-1] == "v1.34.4"


def test_a_burning_pod_uses_cpu_in_its_cgroup_and_an_idle_one_does_not(node, node_namespace):
    idle = node.run_pod("idle", namespace=node_namespace)
    burning = node.run_pod("burning", namespace=node_namespace, command=BURN)
    idle_before = cpu_seconds(node.container_cgroup(idle))
    before = cpu_seconds(node.container_cgroup(burning))
    wait_until(lambda: cpu_seconds(node.container_cgroup(burning)) > before + 0.5, "0.5 s of CPU")
    assert cpu_seconds(node.container_cgroup(idle)) - idle_before < 0.01
    assert cpu_seconds(node.pod_cgroup(burning)) >= cpu_seconds(node.container_cgroup(burning))


def test_processes_of_a_pod_are_seen_from_the_machine_under_ids_of_the_machine(
    node, node_namespace
):
    item = node.run_pod("seen", namespace=node_namespace, command=["sleep", "1234"])
    commands = [command_of(pid) for pid in pids_of(node.container_cgroup(item))]
    assert commands == [["sleep", "1234"]]


@pytest.mark.parametrize(
    ("resources", "parent"),
    [
        ({}, "besteffort"),
        ({"cpu_request": "10m"}, "burstable"),
        ({"cpu_limit": "100m", "memory_limit": "16Mi"}, "kubepods"),
    ],
    ids=["BestEffort", "Burstable", "Guaranteed"],
)
def test_the_cgroup_of_a_pod_is_below_that_of_its_class(node, node_namespace, resources, parent):
    item = node.run_pod("classed", namespace=node_namespace, **resources)
    assert node.pod_cgroup(item).parent.name == parent
    assert node.pod_cgroup(item).name == f"pod{item['metadata']['uid']}"


def test_a_deleted_pod_has_neither_cgroup_nor_processes(node, node_namespace):
    item = node.run_pod("deleted", namespace=node_namespace)
    cgroup = node.container_cgroup(item)
    (pid,) = pids_of(cgroup)
    node.delete_pod("deleted", namespace=node_namespace)
    assert not Path(f"/proc/{pid}").exists()
    wait_until(lambda: not cgroup.parent.exists(), "the pod's cgroup is gone")
    with pytest.raises(FileNotFoundError, match=item["metadata"]["uid"]):
        node.pod_cgroup(item)


def test_the_kubelet_lists_its_pods_to_the_bearer_of_the_token(node, node_namespace):
    item = node.run_pod("listed", namespace=node_namespace)
    reply = get_from_loopback(
        f"{node.kubelet_url}/pods",
        headers={"Authorization": f"Bearer {node.kubelet_token}"},
        verify=str(node.kubelet_ca),
    )
    found = {p["metadata"]["uid"]: p for p in reply.json()["items"]}[item["metadata"]["uid"]]
    ids = [s["containerID"] for s in found["status"]["containerStatuses"]]
    assert ids == [f"containerd://{node.container_cgroup(item).name}"]


def test_the_kubelet_refuses_strangers(node):
    reply = get_from_loopback(f"{node.kubelet_url}/pods", verify=str(node.kubelet_ca))
    assert reply.status_code == 401


def test_the_certificate_of_the_kubelet_is_verified_by_its_authority_alone(node):
    with pytest.raises(requests.exceptions.SSLError):
        get_from_loopback(f"{node.kubelet_url}/pods")


def test_the_token_opens_nothing_but_the_kubelet(node):
    kubeconfig = node.write_kubeconfig("reader", node.kubelet_token)
    question = ("auth", "can-i", "get", "nodes", "--subresource=proxy")
    assert node.kubectl(*question, kubeconfig=kubeconfig).strip() == "yes"
    with pytest.raises(subprocess.CalledProcessError):
        node.kubectl("get", "pods", "-A", kubeconfig=kubeconfig)


def test_cadvisor_and_resource_metrics_name_the_container(node, node_namespace):
    node.run_pod("measured", namespace=node_namespace, command=BURN, cpu_limit="50m")
    labels = f'namespace="{node_namespace}",pod="measured"'

    def has_series(path: str, name: str) -> bool:
        lines = node.get_from_kubelet(path).text.splitlines()
        series = [line for line in lines if line.startswith(name) and labels in line]
        return any('container="main"' in line for line in series)

    wait_until(
        lambda: has_series("/metrics/cadvisor", "container_cpu_usage_seconds_total{"),
        "cadvisor names it",
        pause=0.2,
    )
    wait_until(
        lambda: has_series("/metrics/resource", "container_cpu_usage_seconds_total{"),
        "the resource metrics name it",
        pause=0.2,
    )


def test_this_machine_reaches_a_pod_at_its_address(node, node_namespace):
    serve = "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp"
    item = node.run_pod("served", namespace=node_namespace, command=["sh", "-c", serve])
    url = f"http://{item['status']['podIP']}/index.html"

    def answers_hello() -> bool:
        try:
            return get_from_loopback(url).text == "hello\n"
        except requests.ConnectionError:
            return False

    wait_until(answers_hello, "the pod says hello")
    assert item["status"]["podIP"].startswith("198.1")


def test_a_deployment_rolls(node, node_namespace):
    node.apply([deployment("web", container(), namespace=node_namespace, replicas=2)])
    roll = ("-n", node_namespace, "rollout")
    node.kubectl(*roll, "status", "deployment/web", "--timeout=50s")
    before = {p["metadata"]["uid"] for p in node.list_pods("app=web", namespace=node_namespace)}
    node.kubectl(*roll, "restart", "deployment/web")
    node.kubectl(*roll, "status", "deployment/web", "--timeout=50s")
    pods = node.list_pods("app=web", namespace=node_namespace)
    new = [p for p in pods if p["metadata"]["uid"] not in before]
    assert len(before) == len(new) == 2
    assert all(is_ready(p) for p in new)
    assert {p["metadata"]["ownerReferences"][0]["kind"] for p in new} == {"ReplicaSet"}


def test_a_container_that_is_killed_is_started_again_under_another_id(node, node_namespace):
    item = node.run_pod("restarted", namespace=node_namespace)
    (pid,) = pids_of(node.container_cgroup(item))

    def status() -> dict:
        return node.find_pod("restarted", namespace=node_namespace)["status"]["containerStatuses"][
            0
        ]

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: status()["restartCount"] == 1 and status()["ready"], "it runs again")
    assert status()["containerID"] != item["status"]["containerStatuses"][0]["containerID"]


def test_pods_run_on_while_the_kubelet_is_away(node, node_namespace):
    item = node.run_pod("lasting", namespace=node_namespace)
    before = pids_of(node.container_cgroup(item))
    node.stop_kubelet()
    with pytest.raises(requests.ConnectionError):
        node.get_from_kubelet("/pods")
    assert pids_of(node.container_cgroup(item)) == before
    node.start_kubelet()
    wait_until(lambda: node.get_from_kubelet("/pods").json()["items"], "the kubelet knows its pods")
    assert pids_of(node.container_cgroup(item)) == before


def test_a_pod_that_cannot_run_says_why(node, node_namespace):
    node.apply([pod("stuck", container(cpu_request="1000"), namespace=node_namespace)])
    with pytest.raises(TimeoutError, match=f"pod {node_namespace}/stuck is ready") as late:
        node.wait_ready("stuck", namespace=node_namespace, seconds=1)
    assert "Insufficient cpu" in late.value.__notes__[0]
