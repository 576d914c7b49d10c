"""What is said where only a part of the workloads that share nodes was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recommender.settings import ClusterSettings


def is_narrowed(settings: ClusterSettings) -> bool:
    """Whether -n or -l leave workloads out."""
    return bool(settings.namespace or settings.selector)


def warn_of_part(settings: ClusterSettings, why: str = "") -> str:
    """The warning; `why` the rest could not be read, empty where nobody asked for it."""
    return (
        f"only {_describe(settings)} was read, so pools are judged by a part of their workloads; "
        f"tiers and requests may differ from those of a run that sees all{why and f': {why}'}"
    )


def warn_of_background(settings: ClusterSettings, count: int) -> str:
    """The warning of --all-workloads where `count` workloads without a VPA are left out."""
    return (
        f"pools are judged by {_describe(settings)} and by all that has a VPA of ours; whatever "
        f"else there is ({count:,}) counts with the requests that it has"
    )


def _describe(settings: ClusterSettings) -> str:
    options = [f"-n {each}" for each in dict.fromkeys(settings.namespace)]
    if settings.selector:
        options.append(f"-l {settings.selector}")
    return " ".join(options)
