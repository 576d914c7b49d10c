"""The recommender's pod, with the resources that ship, beside a thousand VPAs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from manifests.render import render
from tests.bench.service import SHAPE
from tests.deploy.cluster import IMAGE
from tests.deploy.helm import require_helm
from tests.testbed.control_plane import ControlPlane
from tests.testbed.fleet import generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects
from tests.testbed.pod import is_ready
from tests.testbed.process import wait_until

pytestmark = pytest.mark.timeout(600)

MIB = 1 << 20
WHERE = "/etc/joulefit/store"


class FleetPlane(ControlPlane):
    """An API server whose certificate also names the address by which pods reach it."""

    def __init__(self, address):
        super().__init__()
        self._address = address

    def _server_options(self):
        return [*super()._server_options(), f"--advertise-address={self._address}"]


@pytest.fixture(scope="module")
def fleet_plane(user_cluster):
    with FleetPlane(user_cluster.gateway) as plane:
        plane.apply(fleet_objects(generate_fleet(SHAPE)))
        yield plane


@pytest.fixture(scope="module")
def store():
    with prometheus_of_fleet(SHAPE, "joulefit") as server:
        yield server


def port_of(url):
    return int(url.rpartition(":")[2])


def kubeconfig(plane, host, port):
    content = json.loads(plane.kubeconfig.read_text())
    authority = base64.b64encode(plane.authority.read_bytes()).decode()
    content["clusters"][0]["cluster"] = {
        "server": f"https://{host}:{port}",
        "certificate-authority-data": authority,
    }
    return json.dumps(content)


def recommender_pod(store_url, namespace):
    """The pod of the chart, which is told of another cluster and of a time that is past."""
    values = {
        "image": {"repository": IMAGE, "tag": "current", "pullPolicy": "Never"},
        "store": {"url": store_url, "secretName": "store"},
        "recommender": {
            "replicas": 1,
            "settings": {"no-lease": True, "history": f"{SHAPE.days:g}d", "interval": "5s"},
            "extraEnv": [
                {"name": "JOULEFIT_KUBECONFIG", "value": f"{WHERE}/kubeconfig"},
                {"name": "JOULEFIT_END", "value": str(SHAPE.end)},
            ],
        },
    }
    rendered = yaml.safe_load_all(render(require_helm(), *as_options(values)))
    (owner,) = [each for each in rendered if each and each["kind"] == "Deployment"]
    spec = owner["spec"]["template"]["spec"] | {"serviceAccountName": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "recommender", "namespace": namespace},
        "spec": spec | {"automountServiceAccountToken": False, "restartPolicy": "Never"},
    }


def as_options(values):
    return [
        part
        for key, value in values.items()
        for part in ("--set-json", f"{key}={json.dumps(value)}")
    ]


def resident(cluster, pod, mark):
    pids = (cluster.container_cgroup(pod, "recommender") / "cgroup.procs").read_text().split()
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{mark}:"))


def test_it_answers_them_all_within_its_request_of_memory(user_cluster, fleet_plane, store):
    host, port = user_cluster.open(port_of(fleet_plane.url))
    store_host, store_port = user_cluster.open(port_of(store.url))
    with user_cluster.namespace("thousand") as namespace:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "store", "namespace": namespace},
            "stringData": {"kubeconfig": kubeconfig(fleet_plane, host, port)},
        }
        wanted = recommender_pod(f"http://{store_host}:{store_port}", namespace)
        wait_until(
            lambda: user_cluster.api.answers(
                f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
            ),
            "the namespace has an account",
        )
        user_cluster.apply([secret, wanted])

        def is_done():
            (pod,) = user_cluster.list_pods(namespace=namespace)
            assert pod["status"]["phase"] in {"Pending", "Running"}, pod["status"]
            return is_ready(pod) and count_answered(fleet_plane) == SHAPE.workloads

        wait_until(is_done, "a thousand VPAs have recommendations", seconds=240, pause=0.5)
        (pod,) = user_cluster.list_pods(namespace=namespace)
        (limits,) = [each["resources"] for each in pod["spec"]["containers"]]
        assert limits == {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "512Mi"},
        }
        assert resident(user_cluster, pod, "VmRSS") < 256 * MIB
        assert resident(user_cluster, pod, "VmHWM") < 384 * MIB  # three quarters of its limit


def count_answered(plane):
    listed = plane.api.get("/apis/autoscaling.k8s.io/v1/verticalpodautoscalers")["items"]
    return sum("recommendation" in each.get("status", {}) for each in listed)
