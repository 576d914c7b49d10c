"""Entries of status.recommendation.containerRecommendations, one per container.

Rules of every entry: the same resources in all four maps, bounds on every container (a mix of
bounded and unbounded ones can crash VPA's updater), and lowerBound <= target <= upperBound by
value (a fresh pod outside its bounds is evicted every minute, kubernetes/autoscaler#4774).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from recommender.errors import UsageError
from recommender.sizing.recall import recall_status
from recommender.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from recommender.model.cluster import Vpa
    from recommender.model.report import ContainerReport, Quantities

Entry = dict[str, Any]

MAPS = ("target", "lowerBound", "upperBound", "uncappedTarget")


def publish_entry(container: ContainerReport, controlled: Collection[str]) -> Entry | None:
    """The entry of a sized container; None where it would hold nothing or break a rule.

    Only controlled resources are in it: whatever is written is applied by others unseen.
    """
    recommended = container.recommended
    maps = (
        recommended.target,
        recommended.lower_bound,
        recommended.upper_bound,
        recommended.uncapped_target,
    )
    named = {name: _written(each) for name, each in zip(MAPS, maps, strict=True)}
    return _checked(container.name, named, controlled)


def keep_entries(vpa: Vpa, names: Collection[str] | None) -> dict[str, Entry]:
    """The entries that the status holds now, by container; `names` None means all of them.

    One that was lost is taken from the status of the EnergyProfile, where there is one. What has
    been switched off or is no longer controlled is left out, and what breaks a rule.
    """
    kept: dict[str, Entry] = {}
    for entry in read_entries(recall_status(vpa)):
        name = entry.get("containerName")
        if not isinstance(name, str) or (names is not None and name not in names):
            continue
        policy = vpa.policy(name)
        named = {key: _as_map(entry.get(key)) for key in MAPS}
        # Not every recommender writes uncappedTarget.
        named["uncappedTarget"] = named["target"] | named["uncappedTarget"]
        checked = None if policy.is_off else _checked(name, named, policy.controlled)
        if checked is not None:
            kept.setdefault(name, checked)
    return kept


def read_entries(status: Mapping[str, Any]) -> list[Entry]:
    """The entries of a status, whoever wrote it."""
    listed = _as_map(status.get("recommendation")).get("containerRecommendations")
    return [_as_map(entry) for entry in listed] if isinstance(listed, list) else []


def entries_differ(old: Sequence[Entry], new: Sequence[Entry]) -> bool:
    """Whether they say something else: quantities count by value, order does not."""
    return _by_value(old) != _by_value(new)


def _checked(name: str, named: Mapping[str, Entry], controlled: Collection[str]) -> Entry | None:
    maps = {
        key: {resource: amounts[resource] for resource in sorted(amounts) if resource in controlled}
        for key, amounts in named.items()
    }
    target, lower, upper, uncapped = (maps[key] for key in MAPS)
    if not target or not (target.keys() == lower.keys() == upper.keys() == uncapped.keys()):
        return None
    for resource in target:
        ordered = [_value(amounts[resource]) for amounts in (lower, target, upper)]
        numbers = [amount for amount in ordered if isinstance(amount, Decimal)]
        if len(numbers) < len(ordered) or numbers[0] <= 0 or numbers != sorted(numbers):
            return None
    return {"containerName": name, **maps}


def _written(quantities: Quantities) -> Entry:
    named = {"cpu": quantities.cpu, "memory": quantities.memory}
    return {resource: amount for resource, amount in named.items() if amount is not None}


def _as_map(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}


def _value(quantity: Any) -> Decimal | str:
    """The amount; what is no quantity stays text, equal to itself only."""
    try:
        return parse_quantity(str(quantity))
    except UsageError:
        return str(quantity)


def _by_value(entries: Sequence[Entry]) -> list[tuple[str, Any]]:
    return sorted(
        (
            str(entry.get("containerName")),
            sorted(
                (key, resource, str(value.normalize()) if isinstance(value, Decimal) else value)
                for key in MAPS
                for resource, amount in _as_map(entry.get(key)).items()
                for value in [_value(amount)]
            ),
        )
        for entry in entries
    )
