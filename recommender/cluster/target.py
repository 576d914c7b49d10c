"""From a VPA's targetRef to the workload that it means, or to what is wrong with it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from recommender.cluster.api import ApiClientEdge, read_object
from recommender.cluster.manifest import Metadata, Scale
from recommender.cluster.resource import WELL_KNOWN, is_well_known
from recommender.cluster.selector import Selector, parse_selector
from recommender.errors import ClusterForbiddenError, ClusterReplyError, UsageError
from recommender.model.identity import WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.cluster.controller import KnownController, OwnerChains
    from recommender.cluster.discovery import CustomKind, KindCatalogue
    from recommender.cluster.manifest import NamedTarget

_NOT_FOUND = 404
_KINDS = ", ".join(WELL_KNOWN)


class Resolution(msgspec.Struct, frozen=True):
    """What a targetRef leads to.

    `ref` is None where there is no such object; `problem` says what keeps it from an answer.
    `selector` is set where pods are found by it (scalable custom kinds).
    """

    ref: WorkloadRef | None
    problem: str = ""
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    selector: Selector | None = None


class TargetResolver(msgspec.Struct, frozen=True):
    """Looks targets up among the listed controllers, and through /scale for all other kinds."""

    client: ApiClientEdge
    controllers: Mapping[WorkloadRef, KnownController]
    chains: OwnerChains
    kinds: KindCatalogue

    def resolve(self, namespace: str, target: NamedTarget) -> Resolution:
        """A targetRef has no namespace: it is always the VPA's.

        What the API server refuses for one custom kind is a problem of the VPAs that target
        it. Raises ClusterError where nothing can be asked at all.
        """
        ref = WorkloadRef(namespace, target.kind, target.name)
        if is_well_known(target.kind, target.api_version):
            return self._resolve_known(ref)
        try:
            found, problem = self._find_kind(target)
            if found is None:
                return Resolution(None, problem)
            return self._resolve_scalable(ref, target, found)
        except (ClusterForbiddenError, ClusterReplyError) as error:
            return Resolution(None, f"targetRef cannot be read: {error}")

    def _resolve_known(self, ref: WorkloadRef) -> Resolution:
        controller = self.controllers.get(ref)
        if controller is None:
            return Resolution(None, self._missing(ref))
        metadata = controller.metadata
        return Resolution(ref, self._above(ref, metadata), metadata.labels or {})

    def _find_kind(self, target: NamedTarget) -> tuple[CustomKind | None, str]:
        """The kind, or None and why not."""
        version, kind = target.api_version or "", target.kind
        if not version:
            return None, (
                f"targetRef names the kind {kind} without an apiVersion, which only {_KINDS} may"
                " lack; give the apiVersion"
            )
        kinds = self.kinds.kinds_of(version)
        if not kinds:
            return None, f"the API server serves no {version}; correct targetRef.apiVersion"
        found = kinds.get(kind)
        if found is None or not found.is_namespaced:
            near = get_close_matches(kind, kinds, n=1)
            hint = f"did you mean {near[0]}?" if near else "correct targetRef.kind"
            return None, f"{version} has no kind {kind} with objects in namespaces; {hint}"
        if not found.is_scalable:
            return None, (
                f"kind {kind} of {version} has no /scale subresource, which names its pods;"
                f" target the {_KINDS} that runs them"
            )
        return found, ""

    def _resolve_scalable(
        self, ref: WorkloadRef, target: NamedTarget, found: CustomKind
    ) -> Resolution:
        path = found.resource.path(ref.namespace, ref.name, "scale")
        try:
            text = read_object(self.client, path, Scale).status.selector
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            return Resolution(None, self._missing(ref))
        if not text:
            return Resolution(
                ref,
                f"the /scale of {ref.kind} {ref.name} names no pods (its status.selector is"
                " empty); the CRD needs labelSelectorPath, and its controller must fill it in",
            )
        try:
            selector = parse_selector(text)
        except UsageError as error:
            return Resolution(ref, f"the /scale of {ref.kind} {ref.name}: {error}")
        metadata = self.kinds.read_metadata(
            ref.namespace, target.api_version or "", ref.kind, ref.name
        ) or Metadata(ref.name)
        return Resolution(ref, self._above(ref, metadata), metadata.labels or {}, selector)

    def _above(self, ref: WorkloadRef, metadata: Metadata) -> str:
        """What is wrong where something controls the target itself."""
        above = list(self.chains.ancestors(metadata, asks_for_custom=True))
        if not above:
            return ""
        if ref in above:
            return f"the ownerReferences above {ref.kind} {ref.name} form a circle; remove one"
        parent = above[-1]
        return (
            f"{ref.kind} {ref.name} is itself controlled by {parent.kind} {parent.name}, and only"
            f" the topmost controller can be sized; let targetRef name {parent.kind} {parent.name}"
        )

    def _missing(self, ref: WorkloadRef) -> str:
        names = [
            known.name
            for known in self.controllers
            if (known.namespace, known.kind) == (ref.namespace, ref.kind)
        ]
        near = get_close_matches(ref.name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "create it, or correct targetRef"
        return f"there is no {ref.kind} {ref.name} in namespace {ref.namespace}; {hint}"
