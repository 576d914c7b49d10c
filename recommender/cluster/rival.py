"""VPAs of other recommenders on the workloads that VPAs of ours target: to compare with.

They are never touched, and nothing of them may keep ours from an answer: what cannot be read of
one is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.entry import read_entries
from recommender.cluster.manifest import Lean, NamedTarget
from recommender.cluster.resource import group_of, is_well_known
from recommender.errors import UsageError
from recommender.model.cluster import Amounts, Rival
from recommender.model.identity import WorkloadRef
from recommender.units import parse_bytes, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from recommender.cluster.vpa import VpaClaim, VpaItem

STOCK_RECOMMENDER = "default"
"""The name of VPA's own recommender, which answers VPAs that name none."""

_Target = tuple[str, str, str, str]  # namespace, group where it is not Kubernetes' own, kind, name


class _Named(Lean, frozen=True):
    name: str = ""


class _Spec(Lean, frozen=True):
    recommenders: list[_Named] | None = None
    target_ref: NamedTarget | None = None


# Built before any thread: see api.decode.
_SPEC_DECODER = msgspec.json.Decoder(_Spec)


def decode_rivals(items: Iterable[VpaItem], claims: Sequence[VpaClaim]) -> tuple[Rival, ...]:
    """Of all VPAs those that are not ours and target what one of ours (`claims`) targets.

    Sorted by target, on one target the oldest first. A VPA that is being deleted is left out.
    """
    wanted = {_target(claim.namespace, claim.target) for claim in claims if claim.target}
    if not wanted:
        return ()
    ours = {(claim.namespace, claim.name) for claim in claims}
    found = [
        (item.metadata.creation_timestamp or "", rival)
        for item in items
        if item.metadata.deletion_timestamp is None
        and (item.metadata.namespace, item.metadata.name) not in ours
        and (rival := _decode(item, wanted)) is not None
    ]
    found.sort(key=lambda pair: (pair[1].target, pair[0], pair[1].name))
    return tuple(rival for _, rival in found)


def _target(namespace: str, target: NamedTarget) -> _Target:
    is_own = is_well_known(target.kind, target.api_version)
    return namespace, "" if is_own else group_of(target.api_version or ""), target.kind, target.name


def _decode(item: VpaItem, wanted: set[_Target]) -> Rival | None:
    try:
        spec = _SPEC_DECODER.decode(item.spec)
    except msgspec.DecodeError:  # whatever this is, it can be compared with nothing
        return None
    namespace, target = item.metadata.namespace, spec.target_ref
    if target is None or _target(namespace, target) not in wanted:
        return None
    names = sorted({named.name for named in spec.recommenders or () if named.name})
    return Rival(
        name=item.metadata.name,
        recommender=", ".join(names) or STOCK_RECOMMENDER,
        target=WorkloadRef(namespace, target.kind, target.name),
        targets=_read_targets(item.status),
    )


def _read_targets(status: msgspec.Raw) -> dict[str, Amounts]:
    try:
        decoded = msgspec.json.decode(status)
    except (msgspec.DecodeError, RecursionError):
        return {}
    entries = read_entries(decoded) if isinstance(decoded, dict) else []
    named = ((entry.get("containerName"), _read_amounts(entry.get("target"))) for entry in entries)
    return {
        name: amounts
        for name, amounts in named
        if isinstance(name, str) and name and amounts != Amounts()
    }


def _read_amounts(target: Any) -> Amounts:
    if not isinstance(target, dict):
        return Amounts()
    return Amounts(
        _read_amount(target.get("cpu"), parse_millicores),
        _read_amount(target.get("memory"), parse_bytes),
    )


def _read_amount(quantity: Any, parse: Callable[[str], int]) -> int | None:
    """What is no quantity above zero counts as missing."""
    try:
        amount = parse(str(quantity))
    except UsageError:
        return None
    return amount if amount > 0 else None
