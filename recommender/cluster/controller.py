"""Controllers that were listed, and which of them is the topmost of a chain of owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.cluster.manifest import Controller, LabelSelector, MetadataOnly, PlainController
from recommender.cluster.resource import WELL_KNOWN, is_well_known
from recommender.cluster.selector import Selector, convert_selector
from recommender.model.identity import WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recommender.cluster.discovery import KindCatalogue
    from recommender.cluster.manifest import Metadata, OwnerReference, PodSpec

AnyController = Controller | PlainController | MetadataOnly


class KnownController(msgspec.Struct, frozen=True):
    """One of Kubernetes' own controllers; selector and template where they were read."""

    ref: WorkloadRef
    metadata: Metadata
    selector: Selector | None = None
    template: PodSpec | None = None


def known_controller(kind: str, item: AnyController) -> KnownController:
    """What is needed of a listed controller."""
    metadata = item.metadata
    ref = WorkloadRef(metadata.namespace, kind, metadata.name)
    if isinstance(item, MetadataOnly):
        return KnownController(ref, metadata)
    template = item.spec.template
    if isinstance(item, PlainController):
        labels = item.spec.selector
        selector = convert_selector(LabelSelector(match_labels=labels)) if labels else None
    else:
        listed = item.spec.selector
        selector = convert_selector(listed) if listed else None
        if item.spec.job_template:
            template = item.spec.job_template.spec.template
    return KnownController(ref, metadata, selector, template.spec if template else None)


class OwnerChains:
    """Follows controllers' ownerReferences upwards.

    VPA's other parts act only on a pod whose topmost well-known or scalable controller is the
    VPA's target, so this is what we call its workload.
    """

    def __init__(
        self, controllers: Mapping[WorkloadRef, KnownController], kinds: KindCatalogue
    ) -> None:
        self._controllers = controllers
        self._kinds = kinds

    def topmost(self, metadata: Metadata) -> WorkloadRef | None:
        """The topmost well-known or scalable controller above an object; None: there is none."""
        last = None
        for last in self.ancestors(metadata):  # noqa: B007 - the last one is what is wanted
            pass
        return last

    def workload_of(self, controller: KnownController) -> WorkloadRef:
        """The topmost controller of a controller's pods: itself or one above it."""
        return self.topmost(controller.metadata) or controller.ref

    def ancestors(
        self, metadata: Metadata, *, asks_for_custom: bool = False
    ) -> Iterator[WorkloadRef]:
        """Well-known or scalable controllers above an object, nearest first; ends in a circle.

        Objects of kinds that are not Kubernetes' own are read one by one to see what is above
        them, so only where asked for.
        """
        namespace, owner = metadata.namespace, metadata.controller
        seen: set[WorkloadRef] = set()
        while owner is not None:
            ref = WorkloadRef(namespace, owner.kind, owner.name)
            if ref in seen:
                return
            seen.add(ref)
            is_known = is_well_known(owner.kind, owner.api_version)
            if is_known or self._kinds.is_scalable(owner.api_version, owner.kind):
                yield ref
            owner = self._parent(ref, owner, is_known=is_known, asks=asks_for_custom)

    def _parent(
        self, ref: WorkloadRef, owner: OwnerReference, *, is_known: bool, asks: bool
    ) -> OwnerReference | None:
        if is_known:
            above = self._controllers.get(ref)
            return above.metadata.controller if above else None
        if not asks:
            return None
        metadata = self._kinds.read_metadata(
            ref.namespace, owner.api_version, owner.kind, owner.name
        )
        return metadata.controller if metadata else None


def kinds_in_play(targeted: set[str], *, has_custom: bool, is_all: bool) -> dict[str, bool]:
    """The well-known kinds to list; True: with selector and template, False: metadata only.

    A Deployment's old ReplicaSets and a CronJob's Jobs say whose the pods of the past were;
    their templates, ten for each Deployment, are not worth reading. Pods of a scalable custom
    kind often belong to a Deployment or StatefulSet that the custom object owns.
    """
    between = {"ReplicaSet", "Job"}
    whole = set(targeted)
    if has_custom:
        whole |= {"Deployment", "StatefulSet"}
    if is_all:
        whole |= set(WELL_KNOWN) - between
    names = set(between) if is_all else set()
    if "Deployment" in whole:
        names.add("ReplicaSet")
    if "CronJob" in whole:
        names.add("Job")
    return {kind: kind in whole for kind in sorted(whole | names)}
