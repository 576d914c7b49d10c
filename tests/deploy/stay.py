"""joulefit installed on a real node from the files that ship, used, upgraded and removed."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import yaml

from tests.collector.real.process import Scrape
from tests.deploy.cluster import IMAGE
from tests.deploy.helm import Helm
from tests.testbed.api import ApiError
from tests.testbed.exposition import SCHEMAS
from tests.testbed.fleet import Fleet, FleetShape, generate_fleet
from tests.testbed.part import kernel_headers
from tests.testbed.pod import container, deployment
from tests.testbed.process import wait_until
from tests.testbed.store import PrometheusServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deploy.cluster import UserCluster

HOME, NODE_HOME = "joulefit", "joulefit-collector"
RECOMMENDER = "app.kubernetes.io/component=recommender"
COLLECTOR = "app.kubernetes.io/component=collector"
PORTS = {RECOMMENDER: 8942, COLLECTOR: 9402}
PATIENCE = 180.0
POLL = 0.25
RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")
}
VPAS = "/apis/autoscaling.k8s.io/v1/namespaces/{}/verticalpodautoscalers/{}"
PROFILES = "/apis/joulefit.io/v1alpha1/namespaces/{}/energyprofiles/{}"
NODE_JOULES = "joulefit_node_energy_joules_total"

Object = dict[str, Any]


def make_fleet(end: float) -> Fleet:
    """Five days of one Deployment on a node of this machine's size, up to now."""
    shape = FleetShape(
        nodes=1,
        cores_per_node=os.cpu_count() or 1,
        workloads=1,
        daemonsets=0,
        statefulsets=0,
        sidecar_share=0.0,
        namespaces=1,
        replicas=1,
        mean_utilisation=0.1,
        days=5,
        end=int(end // 300 * 300),
        has_rollout=False,
        oom_killed=0,
        foreign_vpas=0,
    )
    return generate_fleet(shape)


@dataclass
class Seen:
    """What was seen; seconds from the beginning of `helm install`.

    notes, warnings   what helm said at the installation
    ready_seconds     until both workloads were ready
    answered_seconds  until the VPA had its recommendation
    pods              the pods as they ran first, by component
    pages             the page `/` of each component
    status            /proc/PID/status of each component's first process
    peaks             bytes of each component's memory, at most, as its cgroup counts
    before, after     the node's joules before and after the upgrade
    profiles          statuses of the EnergyProfile before and after the upgrade
    images            images of the pods after the upgrade
    waits             seconds for each thing that was waited for
    left              objects of the release after it was removed, as kind/namespace/name
    crds              CRDs after it was removed
    """

    notes: str = ""
    ready_seconds: float = 0.0
    answered_seconds: float = 0.0
    vpa: Object = field(default_factory=dict)
    pods: dict[str, list[Object]] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    status: dict[str, dict[str, str]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    before: float = 0.0
    after: float = 0.0
    profiles: list[Object] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    waits: dict[str, float] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    crds: set[str] = field(default_factory=set)
    profile_after_removal: Object = field(default_factory=dict)


class Stay:
    """One stay; `fleet` is the history that the store has of its workload."""

    def __init__(self, cluster: UserCluster) -> None:
        self._cluster = cluster
        self._helm = Helm(cluster.kubeconfig, cluster.folder, namespace=HOME)
        self.fleet = make_fleet(time.time())
        self._workload = self.fleet.workloads[0]
        self.seen = Seen()

    def go(self) -> Seen:
        """From the first object to the last.

        Raises:
            TimeoutError: something did not come about; the notes say more.
            HelmError: helm refused.
        """
        with PrometheusServer(SCHEMAS["joulefit"](self.fleet)) as store:
            address, port = self._cluster.open(int(store.url.rpartition(":")[2]))
            self._cluster.apply(self._objects())
            self._install(f"http://{address}:{port}")
            self._look()
            self._upgrade(f"http://{address}:{port}")
        self._remove()
        return self.seen

    def _objects(self) -> Iterator[Object]:
        """What a user has: a namespace for us, as restricted as can be, and a workload with a VPA."""
        team, name = self._workload.namespace, self._workload.name
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": HOME, "labels": RESTRICTED},
        }
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}}
        app = container(
            self._workload.containers[0].name, cpu_request="500m", memory_request="64Mi"
        )
        yield deployment(name, app, namespace=team)
        yield {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": "VerticalPodAutoscaler",
            "metadata": {"name": name, "namespace": team},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "recommenders": [{"name": "joulefit"}],
                "updatePolicy": {"updateMode": "Off"},
            },
        }

    def _options(self, tag: str, store: str) -> list[str]:
        """The values for a machine without a meter, and those that only this testbed wants."""
        host, port = self._cluster.server
        headers = str(kernel_headers())
        values = {
            "image": {"repository": IMAGE, "tag": tag, "pullPolicy": "Never"},
            "apiServer": {"host": host, "port": port},
            "store": {"url": store},
            "collector": {
                "settings": {"allow-modelled": True, "interval": "1s"},
                "hostPaths": {"headers": [headers]},
                "extraEnv": [{"name": "BCC_KERNEL_SOURCE", "value": headers}],
            },
        }
        path = self._cluster.folder / f"{tag}.yaml"
        path.write_text(yaml.safe_dump(values))
        return ["--values", str(path)]

    def _install(self, store: str) -> None:
        begun = time.monotonic()
        self.seen.notes = self._helm.install(*self._options("previous", store))
        self._cluster.apply([self._profile()])
        self._wait("both workloads are ready", self._is_ready)
        self.seen.ready_seconds = time.monotonic() - begun
        self._wait("the VPA has a recommendation", lambda: bool(self._recommendation()))
        self.seen.answered_seconds = time.monotonic() - begun
        self.seen.vpa = self._read(VPAS)

    def _profile(self) -> Object:
        return {
            "apiVersion": "joulefit.io/v1alpha1",
            "kind": "EnergyProfile",
            "metadata": {"name": self._workload.name, "namespace": self._workload.namespace},
            "spec": {"workClass": "standard"},
        }

    def _look(self) -> None:
        seen = self.seen
        self._wait("the EnergyProfile says its tier", lambda: "tier" in self._profile_status())
        for component in PORTS:
            pods = self._pods(component)
            seen.pods[component] = pods
            seen.pages[component] = "\n".join(self._get(each, "/") for each in pods)
            cgroups = [
                self._cluster.container_cgroup(each, component.rpartition("=")[2]) for each in pods
            ]
            seen.status[component] = _read_status(int(_first_line(cgroups[0] / "cgroup.procs")))
            seen.peaks[component] = max(self._resident(cgroup) for cgroup in cgroups)

    def _resident(self, cgroup: Path) -> int:
        """Bytes that the processes of a cgroup had resident at most, by the kernel's own marks."""
        pids = (cgroup / "cgroup.procs").read_text().split()
        return sum(1024 * int(_read_status(int(pid))["VmHWM"].split()[0]) for pid in pids)

    def _upgrade(self, store: str) -> None:
        seen = self.seen
        seen.before = self._joules()
        seen.profiles.append(self._profile_status())
        begun = time.monotonic()
        self._helm.upgrade(*self._options("current", store))
        seen.waits["helm upgrades"] = time.monotonic() - begun
        self._wait("the new pods are ready", lambda: self._is_ready() and self._is_new())
        seen.images = {
            each["spec"]["containers"][0]["image"]
            for component in PORTS
            for each in self._pods(component)
        }
        self._wait("the collector has an interval", lambda: self._joules() > 0)
        seen.after = self._joules()
        seen.profiles.append(self._profile_status())

    def _is_new(self) -> bool:
        pods = [each for component in PORTS for each in self._pods(component)]
        return len(pods) == 3 and all(
            each["spec"]["containers"][0]["image"].endswith(":current") for each in pods
        )

    def _remove(self) -> None:
        seen, cluster = self.seen, self._cluster
        begun = time.monotonic()
        self._helm.uninstall()
        seen.waits["helm uninstalls"] = time.monotonic() - begun
        cluster.api.delete(f"/api/v1/namespaces/{HOME}")
        cluster.kubectl("wait", "--for=delete", f"namespace/{HOME}", "--timeout=60s")
        seen.waits["all is removed"] = time.monotonic() - begun
        seen.left = list(self._list_left())
        listed = cluster.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        seen.crds = {each["metadata"]["name"] for each in listed["items"]}
        seen.profile_after_removal = self._profile_status()

    def _list_left(self) -> Iterator[str]:
        """All objects of any kind with our name in theirs, but what users made and the kinds."""
        kinds = self._cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
        ignored = {"events", "events.events.k8s.io"}  # they end by themselves
        ignored |= {"customresourcedefinitions.apiextensions.k8s.io"}  # and what each entails:
        ignored |= {"apiservices.apiregistration.k8s.io"}
        listed = self._cluster.kubectl(
            "get", ",".join(sorted(set(kinds) - ignored)), "-A", "-o", "json"
        )
        for each in json.loads(listed)["items"]:
            metadata = each["metadata"]
            if "joulefit" in metadata["name"] or "joulefit" in metadata.get("namespace", ""):
                yield f"{each['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"

    def _is_ready(self) -> bool:
        api = self._cluster.api
        try:
            served = api.get(f"/apis/apps/v1/namespaces/{HOME}/deployments/joulefit")
            node = api.get(f"/apis/apps/v1/namespaces/{NODE_HOME}/daemonsets/joulefit-collector")
        except ApiError:
            return False
        return (
            _is_current(served)
            and _is_current(node)
            and served["status"].get("readyReplicas") == served["status"].get("replicas") == 2
            and served["status"].get("updatedReplicas") == 2
            and node["status"].get("numberReady") == 1
            and node["status"].get("updatedNumberScheduled") == 1
        )

    def _pods(self, component: str) -> list[Object]:
        namespace = HOME if component == RECOMMENDER else NODE_HOME
        return self._cluster.list_pods(component, namespace=namespace)

    def _get(self, item: Object, path: str) -> str:
        component = f"app.kubernetes.io/component={item['spec']['containers'][0]['name']}"
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://{item['status']['podIP']}:{PORTS[component]}{path}"
            return session.get(url, timeout=10).text

    def _joules(self) -> float:
        (item,) = self._pods(COLLECTOR)
        try:
            return Scrape(self._get(item, "/metrics")).total(NODE_JOULES)
        except requests.RequestException:
            return 0.0

    def _read(self, path: str) -> Object:
        return self._cluster.api.get(path.format(self._workload.namespace, self._workload.name))

    def _recommendation(self) -> Object | None:
        return self._read(VPAS).get("status", {}).get("recommendation")

    def _profile_status(self) -> Object:
        return self._read(PROFILES).get("status", {})

    def _wait(self, what: str, claim: Callable[[], bool]) -> None:
        begun = time.monotonic()
        try:
            wait_until(claim, what, seconds=PATIENCE, pause=POLL)
        except TimeoutError as error:
            for namespace in (HOME, NODE_HOME, self._workload.namespace):
                error.add_note(self._cluster.kubectl("-n", namespace, "describe", "pods"))
            for component in PORTS:
                for each in self._pods(component):
                    if each["status"].get("podIP"):
                        error.add_note(self._get(each, "/"))
            raise
        self.seen.waits[what] = time.monotonic() - begun


def _is_current(item: Object) -> bool:
    return item["status"].get("observedGeneration") == item["metadata"]["generation"]


def _first_line(file: Path) -> str:
    return file.read_text().splitlines()[0]


def _read_status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
