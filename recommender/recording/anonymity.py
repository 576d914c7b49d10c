"""A recording without names: what may be shown to others.

Safe by construction, not by search: only what cannot hold a name is copied. Names become
keyed pseudonyms, free texts (warnings, problems, messages, sources) are left out, and an
object's status is built again from its known parts.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from recommender.errors import UsageError
from recommender.model.identity import SHORT_KINDS, ContainerRef, PodOwners, WorkloadRef
from recommender.model.profile import Profile
from recommender.recording.layout import USAGE_ARRAYS
from recommender.recording.provenance import NAMELESS_SETTINGS

if TYPE_CHECKING:
    from recommender.model.cluster import (
        ClusterState,
        ContainerPolicy,
        NamespaceLimits,
        Rival,
        Vpa,
        Workload,
    )
    from recommender.model.history import History, NodeHistory, UsageHistory
    from recommender.model.recording import Recording

MIN_KEY_BYTES = 16
"""A shorter key can be found by trying; who finds it can try names."""

LEFT_OUT = "text left out: this recording is anonymous"
_KNOWN_KINDS = frozenset({*SHORT_KINDS, "Pod"})
_KNOWN_CLASSES = frozenset({"", "critical", "standard", "batch"})
_KNOWN_OBJECTIVES = frozenset({"energy", "carbon"})
_KNOWN_MODES = frozenset({"Off", "Initial", "Recreate", "InPlace", "InPlaceOrRecreate", "Auto"})
_KNOWN_RECOMMENDERS = frozenset({"", "default"})
_KNOWN_RELEASERS = frozenset({"cluster-autoscaler", "karpenter"})
# Tuples, because a status may hold anything, also what cannot be hashed.
_KNOWN_CONDITIONS = (
    "RecommendationProvided",
    "LowConfidence",
    "NoPodsMatched",
    "FetchingHistory",
    "ConfigUnsupported",
    "ConfigDeprecated",
)
_KNOWN_STATES = ("True", "False", "Unknown")
_QUANTITIES = ("lowerBound", "target", "uncappedTarget", "upperBound")
_SETTING = re.compile(r"[0-9.]*|True|False|None")
_QUANTITY = re.compile(r"[0-9][0-9.eE+-]{0,30}[numkKMGTPE]?i?")
_MOMENT = re.compile(r"[0-9T:.Z+-]{1,40}")


def anonymize(recording: Recording, *, key: bytes | None = None) -> Recording:
    """The same recording with pseudonyms for all names and without free texts.

    One name always gives one pseudonym, with a random key unless one of at least 16 bytes is
    given (then also across recordings; UsageError for a shorter one). Kept are times, numbers,
    kinds that Kubernetes defines, instance types, CPU models and the recommenders' settings
    that cannot name anything. Workloads are sorted by their pseudonyms.
    """
    if key is not None and len(key) < MIN_KEY_BYTES:
        raise UsageError(f"a key of {len(key)} bytes is too short; give at least {MIN_KEY_BYTES}")
    names = _Pseudonyms(blake2b(key or secrets.token_bytes(32), digest_size=32).digest())
    what = "a simulated" if recording.is_simulated else "a"
    cluster = _hide_cluster(recording.cluster, names, source=f"anonymous: {what} cluster")
    return replace(
        recording,
        cluster=cluster,
        history=_hide_history(recording.history, names, source=f"anonymous: {what} cluster"),
        store=f"anonymous: {what} metric store",
        is_anonymous=True,
        settings={
            name: value
            for name, value in recording.settings.items()
            if name in NAMELESS_SETTINGS and _SETTING.fullmatch(value)
        },
    )


@dataclass(frozen=True, repr=False)
class _Pseudonyms:
    """Keyed pseudonyms. The digest depends on the name alone, so that a VPA called like its
    workload still is; 48 bits make a collision in 10,000 names less likely than 1 in 5 million.
    """

    key: bytes

    def name(self, role: str, original: str) -> str:
        if not original:
            return ""
        digest = blake2b(original.encode(), key=self.key, digest_size=6).hexdigest()
        return f"{role}-{digest}"

    def container(self, original: str) -> str:
        return original if original == "*" else self.name("container", original)

    def workload(self, ref: WorkloadRef) -> WorkloadRef:
        kind = ref.kind if ref.kind in _KNOWN_KINDS else self.name("Kind", ref.kind)
        return WorkloadRef(
            self.name("namespace", ref.namespace), kind, self.name("workload", ref.name)
        )

    def by_node(self, values: dict[str, Any]) -> dict[str, Any]:
        hidden = {self.name("node", name): value for name, value in values.items()}
        return dict(sorted(hidden.items()))


def _hide_cluster(cluster: ClusterState, names: _Pseudonyms, *, source: str) -> ClusterState:
    releaser = cluster.node_releaser
    nodes = [replace(node, name=names.name("node", node.name)) for node in cluster.nodes]
    workloads = [_hide_workload(each, names) for each in cluster.workloads]
    vpas = [_hide_vpa(vpa, names) for vpa in cluster.vpas]
    return replace(
        cluster,
        source=source,
        nodes=tuple(nodes),
        workloads=tuple(sorted(workloads, key=lambda each: each.ref)),
        vpas=tuple(sorted(vpas, key=lambda vpa: (vpa.namespace, vpa.name))),
        reserved=names.by_node(cluster.reserved),
        owners=PodOwners(),
        node_releaser=releaser if releaser in {"", *_KNOWN_RELEASERS} else "a node releaser",
        warnings=_count_left_out(cluster.warnings),
        limits=dict(
            sorted(
                (names.name("namespace", namespace), _hide_limits(limits, names))
                for namespace, limits in cluster.limits.items()
            )
        ),
        rivals=_hide_rivals(cluster.rivals, names),
    )


def _hide_limits(limits: NamespaceLimits, names: _Pseudonyms) -> NamespaceLimits:
    ranges = (replace(each, name=names.name("range", each.name)) for each in limits.ranges)
    quotas = (replace(each, name=names.name("quota", each.name)) for each in limits.quotas)
    return replace(limits, ranges=tuple(ranges), quotas=tuple(quotas))


def _hide_workload(workload: Workload, names: _Pseudonyms) -> Workload:
    return replace(
        workload,
        ref=names.workload(workload.ref),
        containers=tuple(
            replace(each, name=names.container(each.name)) for each in workload.containers
        ),
        pods_on=names.by_node(workload.pods_on),
        hpa_on_cpu=names.name("hpa", workload.hpa_on_cpu),
        sidecars=tuple(map(names.container, workload.sidecars)),
        scaler=workload.scaler
        and replace(workload.scaler, container=names.name("container", workload.scaler.container)),
    )


def _hide_vpa(vpa: Vpa, names: _Pseudonyms) -> Vpa:
    return replace(
        vpa,
        namespace=names.name("namespace", vpa.namespace),
        name=names.name("vpa", vpa.name),
        target=None if vpa.target is None else names.workload(vpa.target),
        problem=LEFT_OUT if vpa.problem else "",
        update_mode=vpa.update_mode if vpa.update_mode in _KNOWN_MODES else "Auto",
        policies=tuple(_hide_policy(policy, names) for policy in vpa.policies),
        work_class=vpa.work_class if vpa.work_class in _KNOWN_CLASSES else "unknown",
        status=_hide_status(vpa.status, names),
        uid="",
        resource_version="",
        profile=None if vpa.profile is None else _hide_profile(vpa.profile, vpa, names),
    )


def _hide_profile(profile: Profile, vpa: Vpa, names: _Pseudonyms) -> Profile:
    """The class, and what was recommended; the metrics that it names are left out."""
    return Profile(
        generation=profile.generation,
        problem=LEFT_OUT if profile.problem else "",
        work_class=profile.work_class if profile.work_class in _KNOWN_CLASSES else "unknown",
        objective=profile.objective if profile.objective in _KNOWN_OBJECTIVES else "",
        status=_hide_profile_status(profile.status, vpa, names),
    )


def _hide_profile_status(status: dict[str, Any], vpa: Vpa, names: _Pseudonyms) -> dict[str, Any]:
    """Only what a later run goes on from: the recommendations, if they are of the VPA's target."""
    target = vpa.target
    if target is None or status.get("target") != {"kind": target.kind, "name": target.name}:
        return {}
    hidden = names.workload(target)
    return {
        "target": {"kind": hidden.kind, "name": hidden.name},
        "containers": [
            {
                "name": names.container(str(each.get("name", ""))),
                "recommended": {
                    key: _hide_amounts(each["recommended"][key])
                    for key in _QUANTITIES
                    if key in each["recommended"]
                },
            }
            for each in _dicts(status.get("containers"))
            if isinstance(each.get("recommended"), dict)
        ],
    }


def _hide_rivals(rivals: tuple[Rival, ...], names: _Pseudonyms) -> tuple[Rival, ...]:
    """Sorted by the new names of their targets; on one target the oldest stays the first."""
    hidden = [
        replace(
            rival,
            name=names.name("vpa", rival.name),
            recommender=(
                rival.recommender
                if rival.recommender in _KNOWN_RECOMMENDERS
                else names.name("recommender", rival.recommender)
            ),
            target=names.workload(rival.target),
            targets={names.container(name): each for name, each in rival.targets.items()},
        )
        for rival in rivals
    ]
    return tuple(sorted(hidden, key=lambda rival: rival.target))


def _hide_policy(policy: ContainerPolicy, names: _Pseudonyms) -> ContainerPolicy:
    return replace(policy, container=names.container(policy.container))


def _hide_status(status: dict[str, Any], names: _Pseudonyms) -> dict[str, Any]:
    """A VPA status of its known keys and nameless values only."""
    hidden: dict[str, Any] = {}
    if isinstance(status.get("observedGeneration"), int):
        hidden["observedGeneration"] = status["observedGeneration"]
    recommendation = status.get("recommendation")
    if isinstance(recommendation, dict):
        hidden["recommendation"] = {
            "containerRecommendations": [
                {
                    "containerName": names.container(str(entry.get("containerName", ""))),
                    **{name: _hide_amounts(entry[name]) for name in _QUANTITIES if name in entry},
                }
                for entry in _dicts(recommendation.get("containerRecommendations"))
            ]
        }
    conditions = [
        _hide_condition(each)
        for each in _dicts(status.get("conditions"))
        if each.get("type") in _KNOWN_CONDITIONS
    ]
    if conditions:
        hidden["conditions"] = conditions
    return hidden


def _hide_amounts(amounts: Any) -> dict[str, str]:
    if not isinstance(amounts, dict):
        return {}
    texts = {name: str(amounts[name]) for name in ("cpu", "memory") if name in amounts}
    return {name: text for name, text in texts.items() if _QUANTITY.fullmatch(text)}


def _hide_condition(condition: dict[str, Any]) -> dict[str, str]:
    hidden = {"type": str(condition["type"])}
    if condition.get("status") in _KNOWN_STATES:
        hidden["status"] = condition["status"]
    moment = condition.get("lastTransitionTime")
    if isinstance(moment, str) and _MOMENT.fullmatch(moment):
        hidden["lastTransitionTime"] = moment
    if condition.get("message"):
        hidden["message"] = LEFT_OUT
    return hidden


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _hide_history(history: History, names: _Pseudonyms, *, source: str) -> History:
    store = history.cluster
    return replace(
        history,
        usage=_hide_usage(history.usage, names),
        nodes=_hide_nodes(history.nodes, names),
        sources=tuple(replace(each, reason=LEFT_OUT) for each in history.sources),
        cluster=None if store is None else _hide_cluster(store, names, source=source),
        warnings=_count_left_out(history.warnings),
        work={},  # the metrics that it is of are left out too
    )


def _hide_usage(usage: UsageHistory, names: _Pseudonyms) -> UsageHistory:
    hidden = [
        ContainerRef(names.workload(each.workload), names.container(each.container))
        for each in usage.containers
    ]
    order = sorted(range(len(hidden)), key=hidden.__getitem__)
    rows = np.array(order, dtype=np.intp)
    return replace(
        usage,
        containers=tuple(hidden[row] for row in order),
        **{
            layout.field: array[rows]
            for layout in USAGE_ARRAYS
            if (array := getattr(usage, layout.field)) is not None
        },
    )


def _hide_nodes(nodes: NodeHistory, names: _Pseudonyms) -> NodeHistory:
    """Nodes stay in their order, so that resampling them gives the same intervals."""
    return replace(nodes, nodes=tuple(names.name("node", name) for name in nodes.nodes))


def _count_left_out(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        return ()
    plural = "s" if len(texts) > 1 else ""
    return (f"{len(texts)} warning{plural} left out: this recording is anonymous",)
