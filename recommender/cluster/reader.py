"""The cluster as the core sees it: nodes, what is reserved, workloads, VPAs, whose the pods are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.cluster.controller import KnownController, OwnerChains
from recommender.cluster.discovery import KindCatalogue
from recommender.cluster.membership import BETWEEN, Membership, assign_pods
from recommender.cluster.node import convert_nodes, find_releaser_of_nodes
from recommender.cluster.pod import count_by_node, is_active, newest_containers, newest_sidecars
from recommender.cluster.profile import convert_profile
from recommender.cluster.resource import is_object_name
from recommender.cluster.scaler import NamedScaler, find_cpu_scalers
from recommender.cluster.selector import Selector, parse_selector
from recommender.cluster.snapshot import Snapshot, SnapshotReader
from recommender.cluster.target import Resolution, TargetResolver
from recommender.cluster.vpa import VpaClaim, find_older
from recommender.model.cluster import ClusterState, Rival, Vpa, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.cluster.api import ApiClientEdge
    from recommender.cluster.manifest import Pod
    from recommender.cluster.profile import ProfileItem
    from recommender.model.identity import WorkloadRef
    from recommender.settings import ClusterSettings


class ClusterReader:
    """Reads a snapshot of the cluster through the API server. Nothing is watched or kept."""

    def __init__(self, client: ApiClientEdge, settings: ClusterSettings) -> None:
        """Raises UsageError for a selector that cannot be meant."""
        self._client = client
        self._settings = settings
        self._selector = parse_selector(settings.selector)

    def read(self) -> ClusterState:
        """Raises ClusterError where the API server cannot be asked or refuses what is needed."""
        snapshot = SnapshotReader(self._client, self._settings).read()
        kinds = KindCatalogue(self._client)
        chains = OwnerChains(snapshot.controllers, kinds)
        resolver = TargetResolver(self._client, snapshot.controllers, chains, kinds)
        answers = [_answer(claim, resolver) for claim in snapshot.claims]
        members = assign_pods(snapshot.intake.pods, snapshot.controllers, chains, answers)
        choice = _Choice(self._selector, snapshot.controllers, members)
        vpas = _convert_vpas(snapshot, answers, choice)
        wanted = {vpa.target for vpa in vpas if vpa.target and not vpa.problem}
        if self._settings.all_workloads:
            wanted |= choice.choose_all(chains)
        return ClusterState(
            source=self._client.source,
            nodes=convert_nodes(snapshot.nodes),
            workloads=_convert_workloads(wanted, members, snapshot),
            vpas=vpas,
            reserved=snapshot.intake.reservations.by_node() if snapshot.intake.is_whole else {},
            owners=members.owners,
            node_releaser=find_releaser_of_nodes(snapshot.nodes) or snapshot.intake.releaser,
            warnings=(*snapshot.warnings, *self._warn_of_empty(snapshot)),
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


@dataclass(frozen=True)
class _Choice:
    """Which workloads -l and --all-workloads mean."""

    selector: Selector
    controllers: Mapping[WorkloadRef, KnownController]
    members: Membership

    def includes(self, ref: WorkloadRef | None, labels: Mapping[str, str] | None = None) -> bool:
        """Whether -l matches the workload's labels; its pods' where its own are not known."""
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

    def choose_all(self, chains: OwnerChains) -> set[WorkloadRef]:
        """Every topmost workload; a ReplicaSet or Job of its own only while it has pods."""
        lasting = {
            ref
            for ref, controller in self.controllers.items()
            if ref.kind not in BETWEEN and chains.workload_of(controller) == ref
        }
        running = {ref for ref in self.members.pods if self.members.has_active(ref)}
        return {ref for ref in lasting | running if self.includes(ref)}


def _answer(claim: VpaClaim, resolver: TargetResolver) -> Resolution:
    target = claim.target
    if target is None or not target.kind or not is_object_name(target.name):
        return Resolution(None)  # the claim's own problem says so
    return resolver.resolve(claim.namespace, target)


def _convert_vpas(
    snapshot: Snapshot, answers: Iterable[Resolution], choice: _Choice
) -> tuple[Vpa, ...]:
    older = find_older(snapshot.claims)
    return tuple(
        _convert_vpa(
            claim,
            answer,
            older.get((claim.namespace, claim.name)),
            matches_pods=choice.members.has_active(answer.ref),
            profile=snapshot.profiles.get((claim.namespace, claim.name)),
        )
        for claim, answer in zip(snapshot.claims, answers, strict=True)
        if choice.includes(answer.ref, answer.labels)
    )


def _convert_vpa(
    claim: VpaClaim,
    answer: Resolution,
    older: VpaClaim | None,
    *,
    matches_pods: bool,
    profile: ProfileItem | None,
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
    )


def _choose_rivals(snapshot: Snapshot, vpas: Iterable[Vpa]) -> tuple[Rival, ...]:
    """Those on workloads that get a recommendation of ours."""
    ours = {vpa.target for vpa in vpas if not vpa.problem}
    return tuple(rival for rival in snapshot.rivals if rival.target in ours)


def _convert_workloads(
    wanted: Iterable[WorkloadRef], members: Membership, snapshot: Snapshot
) -> tuple[Workload, ...]:
    scalers = find_cpu_scalers(snapshot.hpas)
    return tuple(
        _convert_workload(
            ref, members.pods.get(ref, []), snapshot.controllers.get(ref), scalers.get(ref)
        )
        for ref in sorted(wanted)
    )


def _convert_workload(
    ref: WorkloadRef, pods: list[Pod], controller: KnownController | None, hpa: NamedScaler | None
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
    )
