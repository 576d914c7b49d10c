"""The report as markdown, for a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.report.row import workload_rows
from recommender.report.table import (
    POOL_TITLES,
    SIMULATED,
    describe_count,
    describe_skip,
    pool_cells,
)
from recommender.text import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recommender.model.report import Report, WorkloadReport
    from recommender.report.line import Span

LONGEST = 60_000  # characters; a comment on GitHub holds 65,536

_TITLES = (
    *("workload", "container", "tier", "cpu now > ours (stock)", "memory now > ours (stock)"),
    *("work/J", "watts", "why"),
)
_RIGHT = ("nodes", "used", "best at", "planned to", "packed", "reserved but unused")
_PART = LONGEST // 8  # that what was skipped may take, and what is warned of


def format_report_markdown(report: Report) -> str:
    """The savings, pools, containers by the watts that change, then what was skipped.

    At most LONGEST characters: what is not shown is counted.
    """
    head = [f"**{SIMULATED}**", ""] if report.source.is_simulated else []
    head += [f"**{escape_markdown(report.savings.sentence)}**", ""]
    head += [f"{escape_markdown(describe_count(report))}.", ""]
    if report.footprint:
        head += [*(f"- {escape_markdown(each)}" for each in report.footprint.sentences), ""]
    if report.pools:
        head += [*_table(POOL_TITLES, [pool_cells(pool) for pool in report.pools]), ""]
    foot = [*_skipped_lines(report), *_warning_lines(report)]
    room = LONGEST - len("\n".join([*head, *foot]))
    return "\n".join([*head, *_workload_lines(report, room), *foot]).rstrip("\n") + "\n"


def _workload_lines(report: Report, room: int) -> list[str]:
    if not report.workloads:
        return []
    most_first = sorted(report.workloads, key=_changed_watts, reverse=True)
    ordered = msgspec.structs.replace(report, workloads=tuple(most_first))
    cells = workload_rows(ordered, is_wide=False, repeats_names=True)
    lines = _table(_TITLES, cells)
    kept = _fit(lines, room)
    hidden = len(lines) - len(kept)
    more = [f"{_count(hidden, 'more container')}: see `joulefit report`.", ""] if hidden else []
    return [*kept, "", *more]


def _changed_watts(workload: WorkloadReport) -> float:
    return sum(abs(each.watts_saved.value) for each in workload.containers if each.watts_saved)


def _table(titles: Sequence[str], rows: Sequence[Sequence[Span]]) -> list[str]:
    """Heading, rule and rows; cells without the spaces that align them on a terminal."""
    rule = "".join("---:|" if each in (*_RIGHT, "work/J", "watts") else "---|" for each in titles)
    lines = [f"| {' | '.join(titles)} |", f"|{rule}"]
    for row in rows:
        cells = (escape_markdown(" ".join(cell.text.split())) for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _skipped_lines(report: Report) -> Iterator[str]:
    if not report.skipped:
        return
    lines = [f"- {escape_markdown(describe_skip(row))}" for row in report.skipped]
    kept = _fit(lines, _PART)
    yield f"<details><summary>{len(lines)} skipped</summary>"
    yield ""
    yield from kept
    if len(kept) < len(lines):
        yield f"- and {len(lines) - len(kept)} more"
    yield ""
    yield "</details>"
    yield ""


def _warning_lines(report: Report) -> list[str]:
    return _fit([f"- warning: {escape_markdown(each)}" for each in report.source.warnings], _PART)


def _fit(lines: list[str], room: int) -> list[str]:
    """The first lines, as many as take no more than `room` characters."""
    for index, each in enumerate(lines):
        room -= len(each) + 1
        if room < 0:
            return lines[:index]
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
