"""A source of energy that is not used, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`reason` is a sentence for people: what is missing and what to do about it."""

    meter: str
    reason: str
