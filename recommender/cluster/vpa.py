"""VPA objects that name us: what they ask for, and what is wrong with them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.manifest import Amount, Lean, Metadata, NamedTarget
from recommender.cluster.pod import convert_amount
from recommender.cluster.resource import is_object_name
from recommender.errors import UsageError
from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.sizing.resource import MOST
from recommender.units import format_bytes, format_millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WORK_CLASS_ANNOTATION = "joulefit.io/work-class"
WORK_CLASSES = ("critical", "standard", "batch")
_RESOURCES = frozenset({"cpu", "memory"})


class VpaItem(Lean, frozen=True):
    """A VPA; spec and status stay undecoded until it is known to be ours."""

    metadata: Metadata
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: msgspec.Raw = msgspec.Raw(b"{}")


class _Named(Lean, frozen=True):
    name: str = ""


class _Recommenders(Lean, frozen=True):
    recommenders: list[_Named] | None = None


class _Policy(Lean, frozen=True):
    container_name: str = ""
    mode: str | None = None
    min_allowed: Amount | None = None
    max_allowed: Amount | None = None
    controlled_resources: list[str] | None = None
    controlled_values: str | None = None


class _ResourcePolicy(Lean, frozen=True):
    container_policies: list[_Policy] | None = None


class _UpdatePolicy(Lean, frozen=True):
    update_mode: str | None = None


class _Spec(Lean, frozen=True):
    target_ref: NamedTarget | None = None
    update_policy: _UpdatePolicy | None = None
    resource_policy: _ResourcePolicy | None = None


# Built before any thread: see api.decode.
_RECOMMENDERS_DECODER = msgspec.json.Decoder(_Recommenders)
_SPEC_DECODER = msgspec.json.Decoder(_Spec)


class VpaClaim(msgspec.Struct, frozen=True):
    """A VPA of ours before its target is looked up; `problem` is "" where its spec is sound."""

    metadata: Metadata
    target: NamedTarget | None = None
    problem: str = ""
    update_mode: str = "Auto"
    policies: tuple[ContainerPolicy, ...] = ()
    work_class: str = ""
    status: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def name(self) -> str:
        return self.metadata.name


def claim_vpas(items: Iterable[VpaItem], recommender_name: str) -> list[VpaClaim]:
    """The VPAs whose spec.recommenders names us exactly, by namespace and name.

    Of all others nothing but that list is decoded. A VPA that is being deleted is left alone.
    """
    claims = [
        _claim(item, names - {recommender_name})
        for item in items
        if item.metadata.deletion_timestamp is None
        and recommender_name in (names := _recommenders(item))
    ]
    return sorted(claims, key=lambda claim: (claim.namespace, claim.name))


def find_older(claims: Sequence[VpaClaim]) -> dict[tuple[str, str], VpaClaim]:
    """By namespace and name of a VPA: the oldest one of ours on the same target, which wins.

    VPA's own components take the oldest too, and the first name of those that are as old. Other
    recommenders' VPAs on a target are `rival.py`'s.
    """
    by_target: defaultdict[tuple[str, str, str], list[VpaClaim]] = defaultdict(list)
    for claim in claims:
        if claim.target and claim.target.name:
            by_target[claim.namespace, claim.target.kind, claim.target.name].append(claim)
    older = {}
    for group in by_target.values():
        oldest, *others = sorted(
            group, key=lambda claim: (claim.metadata.creation_timestamp or "", claim.name)
        )
        older.update({(other.namespace, other.name): oldest for other in others})
    return older


def _recommenders(item: VpaItem) -> frozenset[str]:
    try:
        listed = _RECOMMENDERS_DECODER.decode(item.spec).recommenders
    except msgspec.DecodeError:  # whatever this is, it does not name us
        return frozenset()
    return frozenset(named.name for named in listed or ())


def _claim(item: VpaItem, others: frozenset[str]) -> VpaClaim:
    decoded = msgspec.json.decode(item.status)
    status = decoded if isinstance(decoded, dict) else {}
    metadata = item.metadata
    work_class = (metadata.annotations or {}).get(WORK_CLASS_ANNOTATION, "")
    try:
        spec = _SPEC_DECODER.decode(item.spec)
        policies = _convert_policies(spec)
    except msgspec.ValidationError as error:
        return VpaClaim(metadata, problem=f"spec cannot be read: {error}", status=status)
    except UsageError as error:
        policies, problem = (), f"spec.resourcePolicy: {error}"
    else:
        problem = _find_problem(spec, policies, others, work_class)
    return VpaClaim(
        metadata,
        target=spec.target_ref,
        problem=problem,
        update_mode=(spec.update_policy and spec.update_policy.update_mode) or "Auto",
        policies=policies,
        work_class=work_class,
        status=status,
    )


def _convert_policies(spec: _Spec) -> tuple[ContainerPolicy, ...]:
    listed = spec.resource_policy.container_policies if spec.resource_policy else None
    return tuple(_convert_policy(policy) for policy in listed or ())


def _convert_policy(policy: _Policy) -> ContainerPolicy:
    if policy.mode not in {None, "Auto", "Off"}:
        raise UsageError(f"mode {policy.mode!r} of {_of(policy)}; it is Auto or Off")
    if policy.controlled_values not in {None, "RequestsAndLimits", "RequestsOnly"}:
        raise UsageError(
            f"controlledValues {policy.controlled_values!r} of {_of(policy)}; it is"
            " RequestsAndLimits or RequestsOnly"
        )
    controlled = policy.controlled_resources
    return ContainerPolicy(
        container=policy.container_name,
        is_off=policy.mode == "Off",
        min_allowed=_allowed(policy, "minAllowed", policy.min_allowed),
        max_allowed=_allowed(policy, "maxAllowed", policy.max_allowed),
        controlled=_RESOURCES if controlled is None else _RESOURCES.intersection(controlled),
        scales_limits=policy.controlled_values != "RequestsOnly",
    )


def _allowed(policy: _Policy, name: str, amount: Amount | None) -> Amounts:
    try:
        parsed = convert_amount(amount)
    except UsageError as error:
        raise UsageError(f"{name} of {_of(policy)}: {error}") from error
    if (parsed.cpu_millicores or 0) < 0 or (parsed.memory_bytes or 0) < 0:
        raise UsageError(f"{name} of {_of(policy)} is below zero")
    if name == "minAllowed" and max(parsed.cpu_millicores or 0, parsed.memory_bytes or 0) > MOST:
        raise UsageError(f"minAllowed of {_of(policy)} is beyond any machine; lower it")
    return Amounts(parsed.cpu_millicores or None, parsed.memory_bytes or None)


def _of(policy: _Policy) -> str:
    return f"container {policy.container_name!r}"


def _find_problem(
    spec: _Spec, policies: Iterable[ContainerPolicy], others: frozenset[str], work_class: str
) -> str:
    """What keeps a readable spec from an answer, and what to do; "" for nothing."""
    if others:
        return (
            f"spec.recommenders also names {', '.join(sorted(others))}; two recommenders would"
            " overwrite each other: name one"
        )
    target = spec.target_ref
    if target is None or not target.kind or not target.name:
        return "spec.targetRef is missing or lacks kind or name; name the workload to be sized"
    if not is_object_name(target.name):
        return f"spec.targetRef.name {target.name!r} is no object name; correct it"
    if work_class and work_class not in WORK_CLASSES:
        return (
            f"annotation {WORK_CLASS_ANNOTATION} is {work_class!r}; it is one of"
            f" {', '.join(WORK_CLASSES)}"
        )
    return next((text for policy in policies if (text := _find_contradiction(policy))), "")


def _find_contradiction(policy: ContainerPolicy) -> str:
    low, high = policy.min_allowed, policy.max_allowed
    pairs = (
        ("cpu", low.cpu_millicores, high.cpu_millicores, format_millicores),
        ("memory", low.memory_bytes, high.memory_bytes, format_bytes),
    )
    for resource, least, most, write in pairs:
        if least is not None and most is not None and least > most:
            return (
                f"spec.resourcePolicy of container {policy.container!r}: minAllowed {resource}"
                f" {write(least)} is above maxAllowed {write(most)}; lower one or raise the other"
            )
    return ""
