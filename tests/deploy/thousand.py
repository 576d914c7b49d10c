"""The recommender's pod, with the resources that ship, beside a thousand VPAs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import yaml

from manifests.render import render
from tests.bench.service import SHAPE
from tests.deploy.cluster import IMAGE
from tests.deploy.helm import require_helm
from tests.testbed.control_plane import ControlPlane

WHERE = "/etc/joulefit/store"


class FleetPlane(ControlPlane):
    """An API server whose certificate also names the address by which pods reach it."""

    def __init__(self, address):
        super().__init__()
        self._address = address

    def _server_options(self):
        return [*super()._server_options(), f"--advertise-address={self._address}"]


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


def count_answered(plane):
    listed = plane.api.get("/apis/autoscaling.k8s.io/v1/verticalpodautoscalers")["items"]
    return sum("recommendation" in each.get("status", {}) for each in listed)
