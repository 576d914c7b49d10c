"""What a run wrote, or would write, in words and as the exact status objects."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from recommender.report.yaml_text import format_yaml_documents
from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.change import StatusChange
    from recommender.model.report import Skipped


def format_changes(changes: Sequence[StatusChange], skipped: Sequence[Skipped]) -> str:
    """A line for each VPA and each skipped row, then a count of outcomes."""
    lines = [_format_change(change) for change in changes]
    lines += [_format_skip(row) for row in skipped]
    lines.append(_format_counts(changes))
    return "".join(f"{escape_controls(line)}\n" for line in lines)


def _format_change(change: StatusChange) -> str:
    name = f"{change.vpa.namespace}/{change.vpa.name}"
    return f"{name}: {change.outcome}" + (f": {change.error}" if change.error else "")


def _format_skip(row: Skipped) -> str:
    container = f", container {row.container}" if row.container else ""
    vpa = f" (VPA {row.vpa})" if row.vpa and row.vpa != row.name else ""
    return f"skipped {row.namespace}/{row.kind}/{row.name}{container}{vpa}: {row.reason}"


def _format_counts(changes: Sequence[StatusChange]) -> str:
    if not changes:
        return "no VPA names this recommender"
    counts = Counter(change.outcome for change in changes)
    return f"{len(changes)} VPAs: " + ", ".join(
        f"{count} {outcome}" for outcome, count in sorted(counts.items())
    )


def warn_of_profiles(changes: Sequence[StatusChange]) -> list[str]:
    """EnergyProfiles that could not be written, a line for each cause: they are optional."""
    failed: dict[str, list[StatusChange]] = {}
    for change in changes:
        if change.outcome == "failed":
            failed.setdefault(change.error, []).append(change)
    return [
        f"{len(them)} of {len(changes)} EnergyProfiles not written "
        f"({them[0].vpa.namespace}/{them[0].vpa.name}): {error}"
        for error, them in failed.items()
    ]


def format_statuses(changes: Sequence[StatusChange], profiles: Sequence[StatusChange] = ()) -> str:
    """The VPAs, then the EnergyProfiles, whose status differs, as YAML documents with nothing but
    their identity.
    """
    kinds = (
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", changes),
        ("joulefit.io/v1alpha1", "EnergyProfile", profiles),
    )
    return format_yaml_documents(
        _status_document(change, version, kind)
        for version, kind, them in kinds
        for change in them
        if change.outcome != "unchanged"
    )


def _status_document(change: StatusChange, version: str, kind: str) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"namespace": change.vpa.namespace, "name": change.vpa.name},
        "status": change.status,
    }
