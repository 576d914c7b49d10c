"""Which options a recording tells about itself."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RECORDED_SETTINGS = frozenset(
    {
        *("recommender_name", "namespace", "selector", "all_workloads", "no_cluster"),
        *("history", "step", "end"),
    }
)
"""The options that choose what is read. How it is sized is asked again with each report; where
it is read from may hold secrets and stands in the sources, in words."""

NAMELESS_SETTINGS = frozenset({"all_workloads", "history", "step", "end", "no_cluster"})
"""Those whose values cannot hold a name."""


def choose_recorded_settings(*groups: DataclassInstance) -> dict[str, str]:
    """The recorded options of settings groups, by name, as text; never one that is secret."""
    return {
        each.name: _format(getattr(group, each.name))
        for group in groups
        for each in fields(group)
        if each.name in RECORDED_SETTINGS and not each.metadata.get("is_secret", False)
    }


def _format(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
