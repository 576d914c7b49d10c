"""The comparison of recommenders as a table, with a drawing of the requests over time.

Widths, pipes and what is left out where the terminal is too narrow are as in `report.table`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from recommender.model.identity import WorkloadRef
from recommender.model.report import Quantities, Watts
from recommender.report.grid import Column, layout_grid, layout_sentence
from recommender.report.line import Line, Span, join_lines, line, span
from recommender.report.notation import (
    NONE,
    format_change,
    format_cpu,
    format_joules,
    format_memory,
    format_share,
)
from recommender.report.table import SHOWN_SKIPS, SIMULATED
from recommender.report.timeline import Track, draw_timeline
from recommender.units import format_duration, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recommender.model.contrast import (
        Comparison,
        ContainerContrast,
        ContenderReport,
        Course,
        WorkloadContrast,
    )
    from recommender.model.report import Skipped

DROP_ORDER = ("changes", "memory", "exposure", "joules", "watts")
_TITLES = (
    *("workload", "container", "whose", "cpu", "memory", "exposure"),
    *("joules", "watts above ours", "changes cpu, memory"),
)
_RIGHT = ("cpu", "memory", "exposure", "joules", "watts above ours", "changes cpu, memory")
_SHORT = {"watts above ours": "watts", "changes cpu, memory": "changes"}

_PIPE_WIDTH = 80  # of what has a width of its own: the drawing
_WIDEST_DRAWING = 72
_RIVAL_LETTERS = "abcdefghijklm"  # neither of now, the stock rule nor ours
_LETTERS = {"now": "n", "stock": "s", "ours": "o"}


def format_contrast(
    comparison: Comparison, *, is_wide: bool, width: int | None, is_terminal: bool
) -> str:
    """The comparison as text that ends in a line break.

    A single workload is drawn over time; all of them where it `is_wide`. width: columns of the
    terminal; None: unlimited.
    """
    is_simulated = comparison.source.is_simulated
    lines = [line(SIMULATED, "bold yellow"), line()] if is_simulated else []
    hidden: tuple[str, ...] = ()
    if comparison.workloads:
        columns = [
            Column(title, is_right=title in _RIGHT, short=_SHORT.get(title, ""))
            for title in _TITLES
        ]
        rows = _rows(comparison, repeats_names=not is_terminal)
        grid = layout_grid(columns, rows, width=width, drop_order=DROP_ORDER)
        lines += [*grid.lines, line()]
        hidden = grid.hidden
    if is_wide or len(comparison.workloads) == 1:
        for workload in comparison.workloads:
            lines += _drawing_lines(comparison, workload, width=width)
    for text in _sentences(comparison):
        lines += layout_sentence(text, width=width)
    if hidden:
        text = f"not shown at {width} columns: {', '.join(hidden)}"
        lines += layout_sentence(text, width=width, style="dim")
    for each in comparison.source.warnings:
        lines += layout_sentence(f"warning: {each}", width=width, style="yellow")
    return join_lines(lines, is_terminal=is_terminal)


def _rows(comparison: Comparison, *, repeats_names: bool) -> list[list[Span]]:
    has_namespaces = len({row.namespace for row in comparison.workloads}) > 1
    rows = []
    for workload in comparison.workloads:
        name = _name(workload, has_namespace=has_namespaces)
        for container in workload.containers:
            for each in container.contenders:
                is_first = each is container.contenders[0]
                is_named = repeats_names or (is_first and container is workload.containers[0])
                rows.append(
                    [
                        span(name if is_named else ""),
                        span(container.name if repeats_names or is_first else ""),
                        *_cells(each),
                    ]
                )
    return rows


def _name(workload: WorkloadContrast, *, has_namespace: bool) -> str:
    name = WorkloadRef(workload.namespace, workload.kind, workload.name).short
    return f"{workload.namespace}/{name}" if has_namespace else name


def _cells(each: ContenderReport) -> list[Span]:
    quantities = Quantities(each.cpu, each.memory)
    is_ours = each.policy == "ours"
    return [
        span(_whose(each), "bold" if is_ours else ""),
        span(format_cpu(quantities)),
        span(format_memory(quantities)),
        span(format_share(each.exposure)),
        span(format_joules(each.joules)),
        span("" if is_ours else _format_above(each.watts_above_ours)),
        span(_format_changes(each)),
    ]


def _whose(each: ContenderReport) -> str:
    if each.policy == "rival":
        return f"{each.vpa} ({each.recommender})"
    return "stock rule" if each.policy == "stock" else each.policy


def _format_above(watts: Watts | None) -> str:
    """What it draws more than ours: the change that going from ours to it would mean."""
    if watts is None:
        return NONE
    return format_change(Watts(-watts.value, -watts.high, -watts.low))


def _format_changes(each: ContenderReport) -> str:
    cpu, memory = (_count_changes(course) for course in (each.cpu_course, each.memory_course))
    return NONE if cpu == memory == NONE else f"{cpu}, {memory}"


def _count_changes(course: Course | None) -> str:
    return NONE if course is None else str(course.changes)


def _drawing_lines(
    comparison: Comparison, workload: WorkloadContrast, *, width: int | None
) -> list[Line]:
    start, end = (
        parse_time(time) for time in (comparison.source.window_start, comparison.source.window_end)
    )
    name = _name(workload, has_namespace=True)
    columns = min(_WIDEST_DRAWING, max((width or _PIPE_WIDTH) - 20, 24))
    lines: list[Line] = []
    for container in workload.containers:
        named = list(_tracks(container))
        tracks = [track for track, _ in named]
        drawing = draw_timeline(tracks, start=start, end=end, columns=columns)
        if drawing:
            legend = "   ".join(f"{track.letter} = {whose}" for track, whose in named)
            lines += layout_sentence(
                f"cpu request of {name}, container {container.name}, over time: {legend}",
                width=width,
            )
            lines += [*(line(f"  {each}") for each in drawing), line()]
    return lines


def _tracks(container: ContainerContrast) -> Iterator[tuple[Track, str]]:
    """Those whose past is known, ours first: where two meet it is seen."""
    letters = iter(_RIVAL_LETTERS)
    named = [
        (_LETTERS.get(each.policy) or next(letters, "?"), each) for each in container.contenders
    ]
    for letter, each in reversed(named):
        if each.cpu_course is not None:
            points = [(parse_time(point.time), point.value) for point in each.cpu_course.points]
            yield Track(letter, points), _whose(each)


def _sentences(comparison: Comparison) -> Iterator[str]:
    containers = [each for row in comparison.workloads for each in row.containers]
    if not comparison.workloads:
        yield (
            "nothing to compare: no workload with a VPA that names this recommender has a"
            " recommendation; create a VPA with updateMode: Off, which changes nothing"
        )
    else:
        yield comparison.history
        yield from _describe_time(comparison, containers)
        yield from _describe_lonely(comparison)
        yield from _describe_joules(comparison, containers)
    yield from _describe_skips(comparison.skipped)


def _describe_skips(skipped: Sequence[Skipped]) -> Iterator[str]:
    for row in skipped[:SHOWN_SKIPS]:
        container = f", container {row.container}" if row.container else ""
        name = WorkloadRef(row.namespace, row.kind, row.name).short
        yield f"skipped: {row.namespace}/{name}{container}: {row.reason}"
    if len(skipped) > SHOWN_SKIPS:
        yield f"{len(skipped) - SHOWN_SKIPS} more were skipped (--output json lists them)"


def _describe_time(
    comparison: Comparison, containers: Iterable[ContainerContrast]
) -> Iterator[str]:
    source = comparison.source
    window = parse_time(source.window_end) - parse_time(source.window_start)
    times: defaultdict[str, list[float]] = defaultdict(list)
    for each in containers:
        times[each.basis].append(each.compared_seconds)
    endings = {
        "history": "by what was in force, where all that have a past are known",
        "now": "by the requests of now",
    }
    for basis, seconds in sorted(times.items()):
        shown = dict.fromkeys(format_duration(each) for each in (min(seconds), max(seconds)))
        yield (
            f"joules and exposure: over {' to '.join(shown)} of usage in"
            f" {format_duration(window)}, {endings[basis]}"
        )


def _describe_lonely(comparison: Comparison) -> Iterator[str]:
    lonely = [row for row in comparison.workloads if not row.rivals]
    if lonely:
        names = [_name(row, has_namespace=True) for row in lonely]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield (
            f"no VPA of another recommender targets {', '.join(names[:3])}{more}: compared with"
            " the stock rule as computed here"
        )


def _describe_joules(comparison: Comparison, containers: list[ContainerContrast]) -> Iterator[str]:
    silent = [each for each in containers if each.contenders[-1].joules is None]
    if silent:
        yield (
            f"no joules are claimed for {len(silent)} of {len(containers)} containers: there is"
            f" no energy evidence for them ({silent[0].name}: {silent[0].why})"
        )
    if len(silent) < len(containers):
        seen = comparison.node_releaser
        condition = f"{seen} seen" if seen else "no autoscaler that removes nodes was seen"
        yield f"fewer joules are spent only once emptied nodes are released ({condition})"
