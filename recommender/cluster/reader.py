"""The cluster as the core sees it: nodes, what is reserved, workloads, VPAs, whose the pods are."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from recommender.cluster.controller import KnownController, OwnerChains
from recommender.cluster.discovery import KindCatalogue
from recommender.cluster.membership import BETWEEN, Membership, assign_pods
from recommender.cluster.node import convert_nodes, find_releaser_of_nodes
from recommender.cluster.part import is_narrowed, warn_of_background, warn_of_part
from recommender.cluster.pod import count_by_node, is_active, newest_containers, newest_sidecars
from recommender.cluster.profile import convert_profile
from recommender.cluster.resource import is_object_name
from recommender.cluster.scaler import NamedScaler, find_cpu_scalers
from recommender.cluster.selector import Selector, parse_selector
from recommender.cluster.snapshot import Snapshot, SnapshotReader
from recommender.cluster.target import Resolution, TargetResolver
from recommender.cluster.vpa import VpaClaim, find_older
from recommender.errors import ClusterForbiddenError
from recommender.model.cluster import ClusterState, Rival, Vpa, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.cluster.api import ApiClientEdge
    from recommender.cluster.manifest import Pod
    from recommender.cluster.profile import ProfileItem
    from recommender.model.identity import WorkloadRef
    from recommender.settings import ClusterSettings


class ClusterReader:
    """Reads a snapshot of the cluster through the API server. Nothing is watched or kept.

    With `sees_all` all VPAs of ours and their workloads are read, as a service does; those that
    -n and -l do not mean are there for their pools alone (`is_shown`). Where the rights do not
    reach as far, a warning says so.
    """

    def __init__(
        self, client: ApiClientEdge, settings: ClusterSettings, *, sees_all: bool = False
    ) -> None:
        """Raises UsageError for a selector that cannot be meant."""
        self._client = client
        self._settings = settings
        self._selector = parse_selector(settings.selector)
        self.sees_all = sees_all

    def read(self) -> ClusterState:
        """Raises ClusterError where the API server cannot be asked or refuses what is needed."""
        if not self.sees_all or not self._settings.namespace:
            return self._read(self._settings)
        try:
            return self._read(dataclasses.replace(self._settings, namespace=()))
        except ClusterForbiddenError as error:
            state = self._read(self._settings)
            note = warn_of_part(self._settings, str(error))
            return replace(state, warnings=(*state.warnings, note))

    def _read(self, settings: ClusterSettings) -> ClusterState:
        """Of the namespaces that these settings name."""
        snapshot = SnapshotReader(self._client, settings).read()
        kinds = KindCatalogue(self._client)
        chains = OwnerChains(snapshot.controllers, kinds)
        resolver = TargetResolver(self._client, snapshot.controllers, chains, kinds)
        answers = [_answer(claim, resolver) for claim in snapshot.claims]
        members = assign_pods(snapshot.intake.pods, snapshot.controllers, chains, answers)
        choice = _Choice(
            frozenset(self._settings.namespace), self._selector, snapshot.controllers, members
        )
        vpas = _convert_vpas(snapshot, answers, choice, sees_all=self.sees_all)
        wanted = _list_targets(vpas)
        shown = _list_targets(vpa for vpa in vpas if vpa.is_shown)
        warnings = [*snapshot.warnings, *self._warn_of_empty(snapshot)]
        if self._settings.all_workloads:
            everything = choice.list_all(chains)
            shown |= {ref for ref in everything if choice.includes(ref)}
            wanted |= shown
            if self.sees_all and is_narrowed(self._settings) and (left := len(everything - wanted)):
                warnings.append(warn_of_background(self._settings, left))
        return ClusterState(
            source=self._client.source,
            nodes=convert_nodes(snapshot.nodes),
            workloads=_convert_workloads(wanted, members, snapshot, shown),
            vpas=vpas,
            reserved=snapshot.intake.reservations.by_node() if snapshot.intake.is_whole else {},
            owners=members.owners,
            node_releaser=find_releaser_of_nodes(snapshot.nodes) or snapshot.intake.releaser,
            warnings=tuple(warnings),
            limits=snapshot.limits,
            rivals=_choose_rivals(snapshot, vpas),
        )

    def _warn_of_empty(self, snapshot: Snapshot) -> Iterable[str]:
        seen = {pod.metadata.namespace for pod in snapshot.intake.pods}
        seen |= {ref.namespace for ref in snapshot.controllers}
        seen |= {claim.namespace for claim in snapshot.claims}
        for namespace in dict.fromkeys(self._settings.namespace):
            if namespace not in seen:
                yield f"nothing was found in namespace {namespace}; is its name right?"


class _Choice(msgspec.Struct, frozen=True):
    """Which workloads -n, -l and --all-workloads mean; no namespaces are all."""

    namespaces: frozenset[str]
    selector: Selector
    controllers: Mapping[WorkloadRef, KnownController]
    members: Membership

    def covers(self, namespace: str) -> bool:
        """Whether -n means it."""
        return not self.namespaces or namespace in self.namespaces

    def includes(self, ref: WorkloadRef | None, labels: Mapping[str, str] | None = None) -> bool:
        """Whether -n means its namespace and -l its labels; its pods' where its own are unknown."""
        if ref is not None and not self.covers(ref.namespace):
            return False
        if not self.selector.requirements:
            return True
        if ref is None:
            return False
        known = self.controllers.get(ref)
        pods = self.members.pods.get(ref)
        if known is not None:
            labels = known.metadata.labels
        elif not labels and pods:
            labels = pods[-1].metadata.labels
        return self.selector.matches(labels or {})

    def list_all(self, chains: OwnerChains) -> set[WorkloadRef]:
        """Every topmost workload; a ReplicaSet or Job of its own only while it has pods."""
        lasting = {
            ref
            for ref, controller in self.controllers.items()
            if ref.kind not in BETWEEN and chains.workload_of(controller) == ref
        }
        running = {ref for ref in self.members.pods if self.members.has_active(ref)}
        return lasting | running


def _answer(claim: VpaClaim, resolver: TargetResolver) -> Resolution:
    target = claim.target
    if target is None or not target.kind or not is_object_name(target.name):
        return Resolution(None)  # the claim's own problem says so
    return resolver.resolve(claim.namespace, target)


def _convert_vpas(
    snapshot: Snapshot, answers: Iterable[Resolution], choice: _Choice, *, sees_all: bool
) -> tuple[Vpa, ...]:
    older = find_older(snapshot.claims)
    vpas = (
        _convert_vpa(
            claim,
            answer,
            older.get((claim.namespace, claim.name)),
            matches_pods=choice.members.has_active(answer.ref),
            profile=snapshot.profiles.get((claim.namespace, claim.name)),
            is_shown=choice.covers(claim.namespace) and choice.includes(answer.ref, answer.labels),
        )
        for claim, answer in zip(snapshot.claims, answers, strict=True)
    )
    return tuple(vpa for vpa in vpas if vpa.is_shown or sees_all)


def _convert_vpa(
    claim: VpaClaim,
    answer: Resolution,
    older: VpaClaim | None,
    *,
    matches_pods: bool,
    profile: ProfileItem | None,
    is_shown: bool,
) -> Vpa:
    intent = convert_profile(profile) if profile else None
    precedence = (
        f"VPA {older.name} is older and targets the same workload; delete one of the two"
        if older
        else ""
    )
    return Vpa(
        namespace=claim.namespace,
        name=claim.name,
        generation=claim.metadata.generation,
        target=answer.ref,
        problem=claim.problem or answer.problem or precedence or (intent.problem if intent else ""),
        update_mode=claim.update_mode,
        policies=claim.policies,
        work_class=claim.work_class,
        status=claim.status,
        matches_pods=matches_pods,
        uid=claim.metadata.uid,
        resource_version=claim.metadata.resource_version,
        profile=intent,
        is_shown=is_shown,
    )


def _list_targets(vpas: Iterable[Vpa]) -> set[WorkloadRef]:
    """Workloads that get a recommendation of ours."""
    return {vpa.target for vpa in vpas if vpa.target and not vpa.problem}


def _choose_rivals(snapshot: Snapshot, vpas: Iterable[Vpa]) -> tuple[Rival, ...]:
    ours = _list_targets(vpas)
    return tuple(rival for rival in snapshot.rivals if rival.target in ours)


def _convert_workloads(
    wanted: Iterable[WorkloadRef], members: Membership, snapshot: Snapshot, shown: set[WorkloadRef]
) -> tuple[Workload, ...]:
    scalers = find_cpu_scalers(snapshot.hpas)
    return tuple(
        _convert_workload(
            ref,
            members.pods.get(ref, []),
            snapshot.controllers.get(ref),
            scalers.get(ref),
            is_shown=ref in shown,
        )
        for ref in sorted(wanted)
    )


def _convert_workload(
    ref: WorkloadRef,
    pods: list[Pod],
    controller: KnownController | None,
    hpa: NamedScaler | None,
    *,
    is_shown: bool,
) -> Workload:
    active = [pod for pod in pods if is_active(pod)]
    template = controller.template if controller else None
    return Workload(
        ref=ref,
        containers=newest_containers(pods, template),
        replicas=len(active),
        pods_on=count_by_node(active),
        hpa_on_cpu=hpa.name if hpa else "",
        sidecars=newest_sidecars(pods, template),
        scaler=hpa.scaler if hpa else None,
        is_shown=is_shown,
    )
