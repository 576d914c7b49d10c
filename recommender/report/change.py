"""What a run wrote, or would write, in words and as the exact status objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.cycle import Cycle, StatusChange


def format_changes(cycle: Cycle) -> str:
    """A line for each VPA, then a count of outcomes."""
    lines = [_format_change(change) for change in cycle.changes]
    counts: dict[str, int] = {}
    for change in cycle.changes:
        counts[change.outcome] = counts.get(change.outcome, 0) + 1
    summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    lines.append(f"{len(cycle.changes)} VPAs: {summary}" if summary else "no VPA names us")
    lines += [
        f"skipped: {row.namespace}/{row.kind}/{row.name}"
        + (f", container {row.container}" if row.container else "")
        + f": {row.reason}"
        for row in cycle.report.skipped
    ]
    return "".join(line + "\n" for line in lines)


def _format_change(change: StatusChange) -> str:
    name = f"{change.vpa.namespace}/{change.vpa.name}"
    return f"{name} {change.outcome}" + (f": {change.error}" if change.error else "")


def format_statuses(changes: Sequence[StatusChange]) -> str:
    """The objects whose status differs, as YAML documents with nothing but their identity."""
    documents = [_status_document(change) for change in changes if change.outcome != "unchanged"]
    return yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True, width=100)


def _status_document(change: StatusChange) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"namespace": change.vpa.namespace, "name": change.vpa.name},
        "status": change.status,
    }
