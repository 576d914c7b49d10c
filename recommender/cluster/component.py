"""Which parts of the Vertical Pod Autoscaler run, and which recommenders under which name.

Seen by their pods: names, labels and arguments as the VPA's own manifests, its Helm charts and
OpenShift's operator give them. What a cloud provider runs outside of the cluster is not seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from recommender.cluster.api import ApiClientEdge, Listing, read_again_when_expired
from recommender.cluster.manifest import Lean, Metadata, PodStatus
from recommender.cluster.resource import PODS
from recommender.model.identity import PodOwners, WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Iterable

UPDATER, ADMISSION, RECOMMENDER = "updater", "admission controller", "recommender"
STOCK_NAME = "default"
"""What VPA's own recommender is called where nobody names it."""
OUR_NAME = "joulefit"

_PART = r"(?:vpa|vertical-pod-autoscaler)-(updater|admission-(?:controller|plugin)|recommender)"
_POD_NAME = re.compile(rf"(?:.*-)?{_PART}(?:-.*)?")
_PRODUCTS = frozenset({"vpa", "vertical-pod-autoscaler"})
_NAME_LABELS = ("app.kubernetes.io/name", "k8s-app", "app")
_COMPONENT_LABEL = "app.kubernetes.io/component"
_PARTS = {
    "updater": UPDATER,
    "admission-controller": ADMISSION,
    "admission-plugin": ADMISSION,
    "recommender": RECOMMENDER,
}
_NAME_FLAGS = frozenset({"--recommender-name", "-recommender-name"})  # Go takes either
_NAME_VARIABLE = "JOULEFIT_RECOMMENDER_NAME"
_ENDED = frozenset({"Succeeded", "Failed"})
_GUESSING = PodOwners(guesses=True)


class _Variable(Lean, frozen=True):
    name: str
    value: str | None = None


class _Program(Lean, frozen=True):
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[_Variable] | None = None


class _Spec(Lean, frozen=True):
    containers: list[_Program]


class ProgramPod(Lean, frozen=True):
    """A pod of which it matters what it runs."""

    metadata: Metadata
    spec: _Spec
    status: PodStatus = PodStatus()


class Components(msgspec.Struct, frozen=True):
    """Workloads that run each part of the VPA, and each recommender, by the name it answers to."""

    parts: dict[str, frozenset[WorkloadRef]]
    recommenders: dict[str, frozenset[WorkloadRef]]


def read_components(client: ApiClientEdge) -> Components:
    """Looks at the pods of all namespaces, a page at a time. Raises ClusterError."""
    listing = Listing(PODS, ProgramPod)
    return read_again_when_expired(lambda: find_components(listing.iterate(client)))


def find_components(pods: Iterable[ProgramPod]) -> Components:
    """What these pods run; those that have ended or are being deleted run nothing."""
    parts: dict[str, frozenset[WorkloadRef]] = {}
    recommenders: dict[str, frozenset[WorkloadRef]] = {}
    for pod in pods:
        metadata = pod.metadata
        if pod.status.phase in _ENDED or metadata.deletion_timestamp:
            continue
        part, name = name_part(metadata), _name_recommender(pod)
        for found, key in ((parts, part), (recommenders, name)):
            if key:
                found[key] = found.get(key, frozenset()) | {_workload_of(metadata)}
    return Components(parts, recommenders)


def name_part(metadata: Metadata) -> str:
    """UPDATER, ADMISSION or RECOMMENDER if this pod is that part of the VPA, else ""."""
    labels = metadata.labels or {}
    names = [labels.get(key, "") for key in _NAME_LABELS]
    component = labels.get(_COMPONENT_LABEL, "")
    if component in _PARTS and _PRODUCTS.intersection(names):
        return _PARTS[component]
    for text in (*names, metadata.name):
        found = _POD_NAME.fullmatch(text)
        if found:
            return _PARTS[found[1]]
    return ""


def _workload_of(metadata: Metadata) -> WorkloadRef:
    """By the pattern of generated names: two pods of one Deployment are one program."""
    owner = _GUESSING.owner(metadata.namespace, metadata.name)
    return owner or WorkloadRef(metadata.namespace, "Pod", metadata.name)


def _name_recommender(pod: ProgramPod) -> str:
    """The name that the pod's recommender answers to; "" where it runs none."""
    is_stock = name_part(pod.metadata) == RECOMMENDER
    for program in pod.spec.containers:
        words = [*(program.command or ()), *(program.args or ())]
        is_ours = _is_our_service(program.image, words)
        named = _find_flag(words)
        if is_ours and not named:
            variables = {each.name: each.value for each in program.env or ()}
            return variables.get(_NAME_VARIABLE) or OUR_NAME
        if named:
            return named
    return STOCK_NAME if is_stock else ""


def _is_our_service(image: str, words: list[str]) -> bool:
    programs = {word.rpartition("/")[2] for word in words}
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return "run" in words and (OUR_NAME in programs or repository == OUR_NAME)


def _find_flag(words: list[str]) -> str:
    for number, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in _NAME_FLAGS:
            return value if equals else "".join(words[number + 1 : number + 2])
    return ""
