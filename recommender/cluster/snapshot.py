"""All that is read of a cluster in one go: few lists, four at a time."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from recommender.cluster.api import ApiClientEdge, Listing, read_again_when_expired
from recommender.cluster.controller import (
    AnyController,
    KnownController,
    kinds_in_play,
    known_controller,
)
from recommender.cluster.limit import convert_limits
from recommender.cluster.manifest import (
    Controller,
    Hpa,
    LimitRangeItem,
    MetadataOnly,
    NodeItem,
    PlainController,
    Pod,
    QuotaItem,
)
from recommender.cluster.node import name_releaser
from recommender.cluster.pod import Reservations, is_active
from recommender.cluster.profile import ProfileItem, index_profiles
from recommender.cluster.resource import (
    HPAS,
    LIMIT_RANGES,
    NODES,
    PODS,
    PROFILES,
    QUOTAS,
    VPAS,
    WELL_KNOWN,
    is_well_known,
)
from recommender.cluster.rival import decode_rivals
from recommender.cluster.vpa import VpaClaim, VpaItem, claim_vpas
from recommender.errors import ClusterError, ClusterForbiddenError, ClusterReplyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.cluster.resource import Resource
    from recommender.model.cluster import NamespaceLimits, Rival
    from recommender.model.identity import WorkloadRef
    from recommender.settings import ClusterSettings

_LOGGER = logging.getLogger(__name__)

_THREADS = 4
_NOT_FOUND = 404
# Pods that did their work reserve nothing and tell nothing; those that failed tell of OOM kills.
_UNFINISHED = {"fieldSelector": "status.phase!=Succeeded"}

Item = TypeVar("Item")


class PodIntake:
    """Takes pods as they arrive: sums what is reserved, keeps those of wanted namespaces.

    Not `is_whole`: pods of other namespaces could not be listed, so what is reserved is unknown.
    """

    def __init__(self, namespaces: tuple[str, ...]) -> None:
        self.pods: list[Pod] = []
        self.releaser = ""
        self.reservations = Reservations()
        self.is_whole = True
        self._namespaces = frozenset(namespaces)

    def add_all(self, pods: Iterable[Pod]) -> PodIntake:
        for pod in pods:
            self.reservations.add(pod)
            if not self._namespaces or pod.metadata.namespace in self._namespaces:
                self.pods.append(pod)
            if not self.releaser and (name := name_releaser(pod)) and is_active(pod):
                self.releaser = name
        return self


@dataclass
class Snapshot:
    """The lists, undigested."""

    claims: list[VpaClaim]
    nodes: list[NodeItem]
    intake: PodIntake
    hpas: list[Hpa]
    controllers: dict[WorkloadRef, KnownController]
    limits: dict[str, NamespaceLimits] = field(default_factory=dict)
    profiles: dict[tuple[str, str], ProfileItem] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    rivals: tuple[Rival, ...] = ()


class SnapshotReader:
    """Reads the lists that one run needs; what may be missing becomes a warning."""

    def __init__(self, client: ApiClientEdge, settings: ClusterSettings) -> None:
        self._client = client
        self._settings = settings
        self._namespaces = tuple(dict.fromkeys(settings.namespace))
        self._warnings: list[str] = []

    def read(self) -> Snapshot:
        """Raises ClusterError: a list that must be there is forbidden, or nobody answers."""
        with ThreadPoolExecutor(_THREADS) as pool:
            vpas = pool.submit(self._read_vpas)
            pods = pool.submit(self._read_pods)
            nodes = pool.submit(self._read_nodes)
            hpas = pool.submit(self._read_hpas)
            profiles = pool.submit(self._read_profiles)
            ignored = frozenset(self._settings.ignore_namespace)
            claims = [
                claim
                for claim in claim_vpas(vpas.result(), self._settings.recommender_name)
                if claim.namespace not in ignored
            ]
            namespaces = frozenset(claim.namespace for claim in claims)
            limits = pool.submit(self._read_limits, namespaces)
            kinds = list(pool.map(self._read_controllers, *zip(*self._kinds(claims), strict=True)))
            return Snapshot(
                claims=claims,
                nodes=nodes.result(),
                intake=pods.result(),
                hpas=hpas.result(),
                controllers={known.ref: known for kind in kinds for known in kind},
                limits=limits.result(),
                profiles=index_profiles(profiles.result()),
                warnings=self._warnings,
                rivals=decode_rivals(vpas.result(), claims),
            )

    def _kinds(self, claims: Iterable[VpaClaim]) -> list[tuple[str, bool]]:
        targets = [claim.target for claim in claims if claim.target]
        known = {each.kind for each in targets if is_well_known(each.kind, each.api_version)}
        has_custom = any(not is_well_known(each.kind, each.api_version) for each in targets)
        in_play = kinds_in_play(known, has_custom=has_custom, is_all=self._settings.all_workloads)
        return list(in_play.items())

    def _read(
        self, resource: Resource, item: type[Item], *, is_metadata_only: bool = False
    ) -> list[Item]:
        """The objects of the wanted namespaces, or of all where none are named."""
        return [
            each
            for namespace in self._namespaces or ("",)
            for each in Listing(resource, item, namespace, is_metadata_only=is_metadata_only).read(
                self._client
            )
        ]

    def _read_controllers(self, kind: str, is_whole: bool) -> list[KnownController]:  # noqa: FBT001 - from map
        item: type[AnyController] = MetadataOnly
        if is_whole:
            item = PlainController if kind == "ReplicationController" else Controller
        listed = self._read(WELL_KNOWN[kind], item, is_metadata_only=not is_whole)
        return [known_controller(kind, each) for each in listed]

    def _read_vpas(self) -> list[VpaItem]:
        try:
            return self._read(VPAS, VpaItem)
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            missing = "this cluster has no VerticalPodAutoscaler (autoscaling.k8s.io/v1)"
            if not self._settings.all_workloads:
                raise ClusterError(
                    f"{missing}; install its CRDs, or look at all workloads with --all-workloads",
                    detail=error.detail,
                ) from error
            self._warnings.append(f"{missing}: no policies and no earlier recommendations")
            return []

    def _read_nodes(self) -> list[NodeItem]:
        try:
            return Listing(NODES, NodeItem).read(self._client)
        except ClusterForbiddenError as error:
            if not self._namespaces:
                raise
            self._warnings.append(f"without nodes there is no price of a core: {error}")
            return []

    def _read_pods(self) -> PodIntake:
        try:
            return self._take_pods(("",))
        except ClusterForbiddenError as error:
            if not self._namespaces:
                raise
            intake = self._take_pods(self._namespaces)
            intake.is_whole = False
            self._warnings.append(
                "what pods of other namespaces reserve is not known, so a core is priced as if "
                f"all cores were reserved, the least that it can cost: {error}"
            )
            return intake

    def _take_pods(self, namespaces: tuple[str, ...]) -> PodIntake:
        def take() -> PodIntake:
            intake = PodIntake(self._namespaces)
            for namespace in namespaces:
                listing = Listing(PODS, Pod, namespace, query=_UNFINISHED)
                intake.add_all(listing.iterate(self._client))
            return intake

        return read_again_when_expired(take)

    def _read_hpas(self) -> list[Hpa]:
        try:
            return self._read(HPAS, Hpa)
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            self._warnings.append("HPAs are not seen: this API server has no autoscaling/v2")
            return []

    def _read_limits(self, namespaces: frozenset[str]) -> dict[str, NamespaceLimits]:
        """What LimitRanges and ResourceQuotas say where VPAs of ours are: told to users, decides
        nothing, so a run goes without what may not be read.
        """
        if not namespaces:
            return {}
        ranges = self._read_if_allowed(LIMIT_RANGES, LimitRangeItem)
        quotas = self._read_if_allowed(QUOTAS, QuotaItem)
        return convert_limits(ranges, quotas, namespaces)

    def _read_if_allowed(self, resource: Resource, item: type[Item]) -> list[Item]:
        try:
            return self._read(resource, item)
        except ClusterForbiddenError as error:
            why = str(error)
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            why = str(error)
        self._warnings.append(f"conflicts with {resource.plural} are not seen: {why}")
        return []

    def _read_profiles(self) -> list[ProfileItem]:
        """EnergyProfiles are optional: a cluster without their CRD is nothing to warn of."""
        try:
            return self._read(PROFILES, ProfileItem)
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            _LOGGER.info("this cluster has no EnergyProfiles (crds/energyprofile.yaml)")
        except ClusterForbiddenError as error:
            self._warnings.append(f"EnergyProfiles are not read: {error}")
        return []
