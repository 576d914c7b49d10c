"""The two resources and their amounts: whole millicores and whole bytes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

from recommender.units import (
    format_bytes,
    format_bytes_short,
    format_millicores,
    parse_bytes,
    parse_millicores,
)

if TYPE_CHECKING:
    from recommender.model.cluster import Amounts

Resource: TypeAlias = Literal["cpu", "memory"]

RESOURCES: tuple[Resource, ...] = ("cpu", "memory")

MOST = 10**14
"""Largest amount of either resource that is ever written, as in the stock recommender: 100
thousand million cores, 91 TiB."""

_ROUNDING = 1e-6
"""Part of a unit that counts as noise: (0.1 + 0.2) x 1000 is 300.00000000000006."""


def amount_of(amounts: Amounts, resource: Resource) -> int | None:
    """Millicores or bytes; None where there is no value. Zero counts as none, as in a VPA."""
    value = amounts.cpu_millicores if resource == "cpu" else amounts.memory_bytes
    return value or None


def parse_amount(resource: Resource, text: str) -> int:
    """Whole millicores or bytes of a quantity, rounded up. Raises UsageError."""
    return parse_millicores(text) if resource == "cpu" else parse_bytes(text)


def format_amount(resource: Resource, amount: int) -> str:
    """The notation of Kubernetes, exact."""
    return format_millicores(amount) if resource == "cpu" else format_bytes(amount)


def describe_amount(resource: Resource, amount: float) -> str:
    """For people: 411m, 1.1Gi."""
    return format_millicores(round(amount)) if resource == "cpu" else format_bytes_short(amount)


def round_up(amount: float) -> int:
    """The whole millicores or bytes that hold `amount` >= 0: at least 1, at most MOST."""
    return MOST if amount >= MOST else max(1, math.ceil(amount - _ROUNDING))


def millicores_of(cores: float) -> int:
    """Whole millicores that hold these cores."""
    return round_up(cores * 1000.0)
