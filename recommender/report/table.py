"""The report as a table: pools, workloads, what was skipped, and the savings.

Where the terminal is too narrow, titles are shortened, then whole columns are left out in the
order of `POOL_DROP_ORDER` and `WORKLOAD_DROP_ORDER`, and a line at the end says which. Names are
never cut. In a pipe the lines are as wide as they need to be and each row repeats its workload,
so that grep finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.identity import WorkloadRef
from recommender.report.grid import Column, layout_grid, layout_sentence
from recommender.report.line import Line, Span, join_lines, line, measure, span
from recommender.report.notation import NONE, format_power, format_price, format_share
from recommender.report.row import WIDE_TITLES, workload_rows
from recommender.units import format_duration, parse_time

if TYPE_CHECKING:
    from recommender.model.report import PoolReport, Report, Skipped, WorkloadReport

POOL_TITLES = (
    *("pool", "nodes", "class", "power", "used", "best at", "planned to"),
    *("price of a reserved core", "packed", "binds", "reserved but unused"),
)
POOL_DROP_ORDER = ("planned to", "class", "packed", "power", "best at", "binds", "used", "nodes")
WORKLOAD_DROP_ORDER = (
    *("pool", "hpa", "mode", "quantile", "limits", "memory bounds", "cpu bounds"),
    *("exposure", "work/J", "tier", "why", "memory", "watts"),
)
SHOWN_SKIPS = 3  # in the table; `wide` lists all

SIMULATED = "SIMULATED: no real cluster stands behind these numbers"


def format_table(report: Report, *, is_wide: bool, width: int | None, is_terminal: bool) -> str:
    """The whole report as text. width: columns of the terminal; None: unlimited."""
    lines = [line(SIMULATED, "bold yellow"), line()] if report.source.is_simulated else []
    if is_wide:
        lines += [*_source_lines(report), line()]
    if report.pools:
        lines += [*_pool_lines(report, is_wide=is_wide, width=width), line()]
    hidden: tuple[str, ...] = ()
    if report.workloads:
        names = _title_row(is_wide=is_wide)
        rows = workload_rows(report, is_wide=is_wide, repeats_names=not is_terminal)
        grid = layout_grid(names, rows, width=width, drop_order=WORKLOAD_DROP_ORDER)
        lines += [*grid.lines, line()]
        hidden = grid.hidden
    lines += _count_lines(report, is_wide=is_wide, width=width)
    if hidden:
        text = f"not shown at {width} columns: {', '.join(hidden)}"
        lines += layout_sentence(text, width=width, style="dim")
    for each in report.source.warnings:
        lines += layout_sentence(f"warning: {each}", width=width, style="yellow")
    for each in report.footprint.sentences if report.footprint else ():
        lines += layout_sentence(each, width=width)
    lines += _savings_lines(report, width=width)
    return join_lines(lines, is_terminal=is_terminal)


def _title_row(*, is_wide: bool) -> list[Column]:
    titles = [
        *("workload", "container", "tier"),
        *("cpu now > ours (stock)", "memory now > ours (stock)"),
        *(WIDE_TITLES if is_wide else ()),
        *("work/J", "watts", "why"),
    ]
    right = ("work/J", "watts", "quantile")
    return [
        Column(
            each,
            is_right=each in right,
            wraps=each == "why",
            # The CPU column keeps saying what the others' cells mean.
            short=each.split()[0] if each.startswith(("memory now", "exposure now")) else "",
        )
        for each in titles
    ]


def _source_lines(report: Report) -> list[Line]:
    source = report.source
    lines = [
        line(f"cluster  {source.cluster}"),
        line(f"store    {source.store}"),
        line(
            f"window   {source.window_start} to {source.window_end} "
            f"in steps of {format_duration(source.step_seconds)}"
        ),
    ]
    rows = [(f"{each.purpose}: {each.schema or 'nothing'}", each.reason) for each in source.series]
    return lines + [line(f"series   {what} ({why})") for what, why in rows]


def _pool_lines(report: Report, *, is_wide: bool, width: int | None) -> list[Line]:
    right = ("nodes", "used", "best at", "planned to", "packed", "reserved but unused")
    columns = [Column(each, is_right=each in right) for each in POOL_TITLES]
    rows = [pool_cells(pool) for pool in report.pools]
    lines = layout_grid(columns, rows, width=width, drop_order=POOL_DROP_ORDER).lines
    for pool in report.pools:
        if is_wide:
            lines += [line(f"{pool.name}: {reason}") for reason in pool.reasons]
        elif pool.cpu_binding_factor < 1:
            lines.append(line(f"{pool.name}: {_describe_binding(pool)}"))
        if pool.freeable_memory_watts is not None and pool.freeable_gib is not None:
            lines.append(line(f"{pool.name}: {_describe_freeable(pool)}"))
    return lines


def pool_cells(pool: PoolReport) -> list[Span]:
    """The cells of a pool, under POOL_TITLES."""
    is_modelled = pool.quality == "modelled"
    return [
        span(pool.name),
        span(str(pool.nodes)),
        span(pool.cpu_model or "unknown"),
        span(", ".join(filter(None, (pool.quality, pool.reach))), "yellow" if is_modelled else ""),
        span(format_share(pool.utilisation)),
        span("not seen" if pool.best_utilisation is None else format_share(pool.best_utilisation)),
        span(format_share(pool.planning_ceiling)),
        span(format_price(pool.price_watts_per_core)),
        span(format_share(pool.packing)),
        span(pool.binding),
        span(_format_unused(pool)),
    ]


def _format_unused(pool: PoolReport) -> str:
    if pool.reserved_unused_watts is None:
        return NONE
    total = "" if pool.watts is None else f" of {format_power(pool.watts)}"
    return f"{format_power(pool.reserved_unused_watts)}{total} W"


def _describe_binding(pool: PoolReport) -> str:
    stranded = f"; it strands {pool.stranded_cores:,.0f} cores" if pool.stranded_cores else ""
    if pool.cpu_binding_factor <= 0:
        return f"{pool.binding} binds, so a CPU cut frees no node{stranded}"
    share = format_share(pool.cpu_binding_factor)
    return f"memory nearly binds, so only {share} of a CPU cut frees nodes{stranded}"


def _describe_freeable(pool: PoolReport) -> str:
    """What memory requests do here; never more than what is above the memory floors."""
    watts, gib = pool.freeable_memory_watts, pool.freeable_gib or 0.0
    if watts is None or gib == 0.0:
        return "memory requests are as recommended"
    if gib < 0.0:
        return f"the recommended memory requests take {-gib:,.1f} GiB more ({-watts.value:,.1f} W)"
    return (
        f"the recommended memory requests give {gib:,.1f} GiB back, worth {watts.value:,.1f} W "
        "once nodes go"
    )


def describe_count(report: Report) -> str:
    """How many workloads over which window, and how many were skipped."""
    source = report.source
    window = format_duration(parse_time(source.window_end) - parse_time(source.window_start))
    count = len(report.workloads)
    text = f"{count or 'no'} workload{'' if count == 1 else 's'} over {window}"
    text += f" to {source.window_end}"
    return text + (f", {len(report.skipped)} skipped" if report.skipped else "")


def _count_lines(report: Report, *, is_wide: bool, width: int | None) -> list[Line]:
    """The count, and what was skipped with its reasons."""
    text, skipped = describe_count(report), report.skipped
    if len(skipped) == 1:
        text += f" ({describe_skip(skipped[0])})"
    if len(skipped) < 2:
        return layout_sentence(text, width=width)
    shown = skipped if is_wide else skipped[:SHOWN_SKIPS]
    lines = [line(f"{text}:")]
    for row in shown:
        lines += layout_sentence(f"  {describe_skip(row)}", width=width)
    if len(skipped) > len(shown):
        more = len(skipped) - len(shown)
        lines.append(line(f"  and {more} more (--output wide lists them)"))
    return lines


def describe_skip(row: Skipped) -> str:
    """One line: what was skipped and why."""
    container = f", container {row.container}" if row.container else ""
    name = WorkloadRef(row.namespace, row.kind, row.name).short
    return f"{row.namespace}/{name}{container}: {row.reason}"


def _savings_lines(report: Report, *, width: int | None) -> list[Line]:
    """The sentence, and the command that explains what saves most; in one line where it fits."""
    text = report.savings.sentence.removesuffix(".") + "."
    lines = layout_sentence(text, width=width, style="bold")
    if not report.workloads:
        return lines
    most = max(report.workloads, key=estimate_saved_watts)
    name = WorkloadRef(most.namespace, most.kind, most.name).short
    command = span(f"Details: joulefit explain {most.namespace}/{name}")
    if width is None or (len(lines) == 1 and measure(text) + 1 + measure(command.text) <= width):
        return [(*lines[0], Span(" "), command)]
    return [*lines, (command,)]


def estimate_saved_watts(workload: WorkloadReport) -> float:
    """Watts of all containers whose watts are known."""
    return sum(each.watts_saved.value for each in workload.containers if each.watts_saved)
