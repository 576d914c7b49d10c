"""The main job on a simulated cluster, through the same path as on a real one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.cycle import Cycle, run_once
from recommender.evidence import RecordedSource
from recommender.recording import write_recording
from recommender.report.change import format_statuses
from recommender.report.document import format_report
from recommender.report.explain import format_explanation
from recommender.settings import SizingSettings
from recommender.simulator import simulate
from recommender.units import DAY

if TYPE_CHECKING:
    from recommender.model.report import WorkloadReport
    from recommender.settings import DemoSettings


def format_demo(settings: DemoSettings, *, width: int | None, is_terminal: bool) -> str:
    """Report, one explanation and one status of a simulated cluster, as text."""
    end = int(time.time()) // DAY * DAY
    recording = simulate(end=end, days=settings.days, seed=settings.seed)
    with tempfile.TemporaryDirectory(prefix="joulefit-demo-") as folder:
        path = Path(settings.save or f"{folder}/demo.joulefit")
        write_recording(path, recording)
        cycle = run_once(RecordedSource(path), None, settings=SizingSettings(), with_curves=True)
    return _format_parts(cycle, width=width, is_terminal=is_terminal)


def _format_parts(cycle: Cycle, *, width: int | None, is_terminal: bool) -> str:
    report = cycle.report
    explained = max((row for row in report.workloads if row.vpa), key=_saved_watts)
    name = f"{explained.namespace}/{explained.kind}/{explained.name}"
    written = [
        change
        for change in cycle.changes
        if (change.vpa.namespace, change.vpa.name) == (explained.namespace, explained.vpa)
    ]
    return "\n".join(
        [
            "SIMULATED: a made-up 12-node cluster with the power curve of a published server;",
            "no cluster and no metric store were asked.\n",
            "$ joulefit report",
            format_report(report, output="table", width=width, is_terminal=is_terminal),
            f"$ joulefit explain {name}",
            format_explanation(report, explained, width=width, is_terminal=is_terminal),
            "$ joulefit run --once --dry-run   (the status of that VPA, exactly)",
            format_statuses(written),
        ]
    )


def _saved_watts(workload: WorkloadReport) -> float:
    return sum(each.watts_saved.value for each in workload.containers if each.watts_saved)
