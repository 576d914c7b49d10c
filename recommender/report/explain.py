"""One workload explained: each step of the decision with its numbers, the curve, the watts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.identity import WorkloadRef
from recommender.report.comparison import comparison_lines
from recommender.report.curve import LEGEND, Mark, draw_curve, interpolate_curve
from recommender.report.footprint import describe_carried
from recommender.report.grid import layout_sentence, wrap_text
from recommender.report.line import Line, join_lines, line, measure, span
from recommender.report.notation import (
    NONE,
    format_bytes_or_none,
    format_cores,
    format_cpu,
    format_factor,
    format_memory,
    format_share,
)
from recommender.report.savings import describe_container_savings, describe_update
from recommender.report.table import SIMULATED
from recommender.sizing.scaled import SCALED_BASIS
from recommender.units import DAY, format_duration, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.report import (
        ContainerReport,
        PoolReport,
        Quantities,
        Report,
        Usage,
        WorkloadReport,
    )

_PIPE_WIDTH = 80  # of what has a width of its own: the drawing
_WIDEST_CURVE = 72
_INDENT = "  "


def format_explanation(
    report: Report, workload: WorkloadReport, *, width: int | None, is_terminal: bool
) -> str:
    """All containers of the workload in turn, as text that ends in a line break.

    width: columns of the terminal; None: nothing is wrapped.
    """
    pool = next((each for each in report.pools if each.name == workload.pool), None)
    lines = [line(SIMULATED, "bold yellow"), line()] if report.source.is_simulated else []
    for container in workload.containers:
        lines += _container_lines(workload, container, width=width)
        saving = describe_saving(report, workload, container, pool)
        lines += [line(), *layout_sentence(_INDENT + saving, width=width)]
        for each in describe_carried(container.watts_saved, report.footprint):
            lines += layout_sentence(_INDENT + each, width=width)
        lines.append(line())
    own = (workload.namespace, workload.kind, workload.name)
    for row in report.skipped:
        if (row.namespace, row.kind, row.name) == own and row.container:
            text = f"skipped: container {row.container}: {row.reason}"
            lines += layout_sentence(text, width=width, style="yellow")
    for conflict in workload.conflicts:
        about = f"container {conflict.container}: " if conflict.container else ""
        lines += layout_sentence(f"{about}{conflict.reason}", width=width, style="yellow")
    if workload.work is not None:
        step = (workload.work.step, workload.work.value, workload.work.why)
        lines += [*_step_lines([step], width=width), line()]
    lines += layout_sentence(describe_class(workload), width=width)
    if workload.objective:
        lines += layout_sentence(workload.objective, width=width)
    if workload.hpa:
        text = f"scaled on CPU by HPA {workload.hpa}: a lower request makes more replicas"
        lines += layout_sentence(text, width=width)
    lines += layout_sentence(describe_update(workload.vpa, workload.update_mode), width=width)
    return join_lines(lines, is_terminal=is_terminal)


_ORIGINS = {
    "EnergyProfile": "spec.workClass of its EnergyProfile",
    "annotation": "annotation joulefit.io/work-class of its VPA",
    "default": "the default, since neither an EnergyProfile nor an annotation names one",
}


def describe_class(workload: WorkloadReport) -> str:
    """The work class, and who chose it."""
    origin = _ORIGINS.get(workload.work_class_source, workload.work_class_source)
    return f"work class {workload.work_class}: {origin}"


def _container_lines(
    workload: WorkloadReport, container: ContainerReport, *, width: int | None
) -> list[Line]:
    name = WorkloadRef(workload.namespace, workload.kind, workload.name).short
    lines = [
        (
            span(f"{workload.namespace}/{name}, container {container.name}: ", "bold"),
            span(describe_request(container), "bold"),
            span(f"tier {container.tier} {container.basis}"),
        ),
        line(),
        *_step_lines(explanation_steps(workload, container), width=width),
        line(),
        *((span(_INDENT), *pieces) for pieces in comparison_lines(container)),
    ]
    return [*lines, *_curve_lines(container, width=width)]


def describe_request(container: ContainerReport) -> str:
    """The targets of what is controlled, each with the request now and the stock rule's."""
    parts = []
    for name, show in (("cpu", format_cpu), ("memory", format_memory)):
        ours = show(container.recommended.target)
        now = show(container.current.requests)
        stock = show(container.stock.target if container.stock else None)
        if ours != NONE:
            parts.append(f"{ours} {name} (now {now}, stock {stock})")
    return f"request {', '.join(parts)}; " if parts else ""


def explanation_steps(
    workload: WorkloadReport, container: ContainerReport
) -> list[tuple[str, str, str]]:
    """Name, value and why of each step, what was used first."""
    steps = [(reason.step, reason.value, reason.why) for reason in container.reasons]
    usage = container.usage
    if usage is not None:
        steps.insert(0, ("usage", _describe_usage(usage), _describe_samples(usage, workload)))
    return steps


def _describe_usage(usage: Usage) -> str:
    """Cores and the memory's peak: mean 210m, p50 190m, ..., memory peak 979Mi."""
    parts = {
        "mean": usage.mean_cores,
        "p50": usage.p50_cores,
        "p90": usage.p90_cores,
        "p95": usage.p95_cores,
        "max": usage.max_cores,
    }
    text = ", ".join(f"{name} {format_cores(cores)}" for name, cores in parts.items())
    peak = format_bytes_or_none(usage.memory_peak_bytes)
    return text if peak == NONE else f"{text}; memory peak {peak}"


def _describe_samples(usage: Usage, workload: WorkloadReport) -> str:
    pods = f"{workload.replicas} pod{'' if workload.replicas == 1 else 's'}"
    window = format_duration(usage.days * DAY)
    present = format_share(usage.present_share)
    return f"{pods}, {window}, {usage.samples:,} samples, {present} present"


def _step_lines(steps: Sequence[tuple[str, str, str]], *, width: int | None) -> list[Line]:
    """Step, value and why in columns; where they do not fit, the why goes beneath the value."""
    name_width = max((measure(name) for name, _, _ in steps), default=0)
    value_width = max((measure(value) for _, value, _ in steps), default=0)
    why_width = max((measure(why) for _, _, why in steps), default=0)
    start = len(_INDENT) + name_width + 2
    is_beside = width is None or start + value_width + 3 + why_width <= width
    lines: list[Line] = []
    for name, value, why in steps:
        head = span(f"{_INDENT}{name}" + " " * (name_width - measure(name) + 2), "bold")
        if is_beside:
            padding = " " * (value_width - measure(value) + 3)
            lines.append((head, span(value + padding), span(why, "dim")))
            continue
        room = max((width or 0) - start, 24)
        first, *others = [*wrap_text(value, room)]
        lines.append((head, span(first)))
        lines += [(span(" " * start), span(text)) for text in others]
        lines += [
            (span(" " * start), span(text, "dim")) for text in (wrap_text(why, room) if why else [])
        ]
    return lines


def request_cores(quantities: Quantities | None) -> float | None:
    """CPU in cores; None where there is none."""
    if quantities is None or quantities.cpu is None:
        return None
    return parse_millicores(quantities.cpu) / 1000


def _curve_lines(container: ContainerReport, *, width: int | None) -> list[Line]:
    requests = {
        "ours": request_cores(container.recommended.target),
        "now": request_cores(container.current.requests),
        "stock": request_cores(container.stock.target if container.stock else None),
    }
    marks = [Mark(name[0], cores) for name, cores in requests.items() if cores]
    columns = min(_WIDEST_CURVE, max((width or _PIPE_WIDTH) - 20, 24))
    drawing = draw_curve(container.curve, marks, columns=columns)
    exposure = describe_exposure(container)
    if not drawing:
        return [line(), line(_INDENT + exposure)] if exposure else []
    values = [
        f"{name[0]} = {name} {format_cores(cores)} "
        f"{format_factor(interpolate_curve(container.curve, cores), decimals=2)}"
        for name, cores in requests.items()
        if cores
    ]
    return [
        line(),
        line(_INDENT + "work per joule, 1.0 is the best feasible request"),
        line(_INDENT + "   ".join(values)),
        *(line(_INDENT + each) for each in drawing),
        line(_INDENT + LEGEND),
        line(_INDENT + exposure),
    ]


def describe_exposure(container: ContainerReport) -> str:
    """Share of time above each request; "" where it is not known."""
    names = {"recommended": "ours", "stock": "stock", "current": "now"}
    parts = [
        f"{format_share(container.exposure[key])} {name}"
        for key, name in names.items()
        if key in container.exposure
    ]
    return f"exposure (share of time above the request): {', '.join(parts)}" if parts else ""


def describe_saving(
    report: Report, workload: WorkloadReport, container: ContainerReport, pool: PoolReport | None
) -> str:
    """What the change of one container saves, and what has to happen before."""
    return describe_container_savings(
        container.watts_saved,
        nodes_freed=_estimate_nodes_freed(workload, container, pool),
        node_releaser=report.savings.node_releaser,
    )


def _estimate_nodes_freed(
    workload: WorkloadReport, container: ContainerReport, pool: PoolReport | None
) -> float | None:
    """Requested cores that go, in nodes packed as the pool's are; None where replicas go too."""
    if container.basis.startswith(SCALED_BASIS):
        return None
    now = request_cores(container.current.requests)
    ours = request_cores(container.recommended.target)
    if pool is None or pool.packing is None or now is None or ours is None:
        return None
    cores = (now - ours) * workload.replicas * pool.cpu_binding_factor
    capacity = pool.packing * pool.cores_per_node
    return cores / capacity if capacity > 0 else None
