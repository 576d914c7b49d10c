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


def format_statuses(changes: Sequence[StatusChange]) -> str:
    """The objects whose status differs, as YAML documents with nothing but their identity."""
    return format_yaml_documents(
        _status_document(change) for change in changes if change.outcome != "unchanged"
    )


def _status_document(change: StatusChange) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"namespace": change.vpa.namespace, "name": change.vpa.name},
        "status": change.status,
    }
