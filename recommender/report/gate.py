"""Gates: what a pipeline does not let pass, judged on the report that was printed.

Waste and risk are of the requests as they are now: what they hold too much, and for how long
usage is above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.errors import GateError
from recommender.model.identity import WorkloadRef
from recommender.report.notation import format_share
from recommender.report.table import describe_skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.model.report import ContainerReport, Report, WorkloadReport
    from recommender.settings import ReportGateSettings


def check_gates(report: Report, settings: ReportGateSettings) -> tuple[str, ...]:
    """A sentence for each gate that nothing here could be held against.

    Raises GateError, with all gates that tripped, the numbers of each and the worst offender.
    """
    tripped: list[str] = []
    unknown: list[str] = []
    if settings.fail_on_waste_watts is not None:
        _judge_waste(report, settings.fail_on_waste_watts, tripped, unknown)
    if settings.fail_on_risk is not None:
        _judge_risk(report, settings.fail_on_risk, tripped, unknown)
    if settings.fail_on_skipped:
        _judge_skips(report, tripped)
    if tripped:
        raise GateError("; ".join(tripped))
    return tuple(unknown)


def estimate_waste_watts(report: Report) -> float | None:
    """Watts by which present requests are above the recommended ones, all containers together.

    A container that needs more is not set off against the others. None: no watts are known.
    """
    saved = [each.watts_saved.value for _, each in _containers(report) if each.watts_saved]
    return sum(max(value, 0.0) for value in saved) if saved else None


def _judge_waste(report: Report, allowed: float, tripped: list[str], unknown: list[str]) -> None:
    waste = estimate_waste_watts(report)
    if waste is None:
        unknown.append("--fail-on-waste-watts: the watts of no container are known")
    elif waste > allowed:
        worst, container = max(
            _containers(report),
            key=lambda pair: pair[1].watts_saved.value if pair[1].watts_saved else 0.0,
        )
        most = container.watts_saved.value if container.watts_saved else 0.0
        tripped.append(
            f"--fail-on-waste-watts: requests hold {_watts(waste)} too much and"
            f" {_watts(allowed)} are allowed, so {_watts(waste - allowed)} above it"
            f" (most: {_name(worst, container)}, {_watts(most)})"
        )


def _judge_risk(report: Report, allowed: float, tripped: list[str], unknown: list[str]) -> None:
    known = [
        (each.exposure["current"], workload, each)
        for workload, each in _containers(report)
        if "current" in each.exposure
    ]
    above = [row for row in known if row[0] > allowed]
    if not known:
        unknown.append(
            "--fail-on-risk: of no container both usage and the present CPU request are known"
        )
    elif above:
        share, workload, container = max(above, key=lambda row: row[0])
        others = f"; {len(above) - 1} more are above it" if len(above) > 1 else ""
        tripped.append(
            f"--fail-on-risk: usage of {_name(workload, container)} is above its CPU request for"
            f" {format_share(share)} of the time and {format_share(allowed)} is allowed, so"
            f" {format_share(share - allowed)} above it{others}"
        )


def _judge_skips(report: Report, tripped: list[str]) -> None:
    skipped = [row for row in report.skipped if not row.is_deliberate]
    if skipped:
        count = len(skipped)
        tripped.append(
            f"--fail-on-skipped: {count} skipped and 0 are allowed (first:"
            f" {describe_skip(skipped[0])})"
        )


def _containers(report: Report) -> Iterator[tuple[WorkloadReport, ContainerReport]]:
    for workload in report.workloads:
        for container in workload.containers:
            yield workload, container


def _name(workload: WorkloadReport, container: ContainerReport) -> str:
    ref = WorkloadRef(workload.namespace, workload.kind, workload.name)
    return f"{ref.namespace}/{ref.short}, container {container.name}"


def _watts(watts: float) -> str:
    return f"{float(f'{watts:.3g}'):,.15g} W"
