"""The page of a report, and that of one workload explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.model.identity import WorkloadRef
from recommender.report.page.compact import compact_report
from recommender.report.page.element import element
from recommender.report.page.pool import pool_section
from recommender.report.page.shell import assemble_page, source_notes
from recommender.report.table import describe_count

if TYPE_CHECKING:
    from recommender.model.report import Report, WorkloadReport
    from recommender.report.page.element import Element

_SEARCH = "words of namespace, name, container or reason"


def format_report_page(report: Report) -> str:
    """All workloads: summary, pools, a table, and a part for each, at #NAMESPACE/KIND/NAME."""
    body = element(
        "main",
        element(
            "header",
            element("h1", "joulefit report"),
            *source_notes(report.source),
            element("p", report.savings.sentence, class_="savings"),
            *_footprint(report),
            element("p", f"{describe_count(report)}.", class_="count"),
        ),
        element(
            "div",
            _pools(report),
            _workloads(report),
            id="overview",
        ),
        _part(),
        _footer(report),
    )
    return assemble_page("joulefit report", body, data=compact_report(report))


def format_explanation_page(report: Report, workload: WorkloadReport) -> str:
    """One workload of the report, with the pool that it runs in."""
    own = (workload.namespace, workload.kind, workload.name)
    alone = msgspec.structs.replace(
        report,
        workloads=(workload,),
        pools=tuple(pool for pool in report.pools if pool.name == workload.pool),
        skipped=tuple(row for row in report.skipped if (row.namespace, row.kind, row.name) == own),
    )
    name = f"{workload.namespace}/{WorkloadRef(*own).short}"
    body = element(
        "main",
        element("header", element("h1", f"joulefit explain {name}"), *source_notes(report.source)),
        _part(),
        _pools(alone),
        _footer(report),
    )
    data = compact_report(alone, opened=workload)
    return assemble_page(f"{name}, explained by joulefit", body, data=data)


def _footprint(report: Report) -> list[Element]:
    """Carbon and cost, where they were asked for."""
    if report.footprint is None:
        return []
    items = [element("li", each) for each in report.footprint.sentences]
    return [element("ul", *items, class_="footprint", aria_label="carbon and cost")]


def _pools(report: Report) -> Element:
    sections = [pool_section(pool) for pool in report.pools]
    if not sections:
        sections = [element("p", "No pool of nodes is known.")]
    return element("section", element("h2", "Pools of nodes"), *sections, class_="pools")


def _workloads(report: Report) -> Element:
    """What the script fills; without rows there is nothing to search."""
    heading = element("h2", "Workloads", id="workloads", tabindex="-1")
    if not report.workloads and not report.skipped:
        return element("section", heading, element("p", "The report holds no workload."))
    return element(
        "section",
        heading,
        element("noscript", element("p", "The table and the parts need JavaScript.")),
        element(
            "form",
            element(
                "label",
                "search ",
                element("input", type="search", id="search", placeholder=_SEARCH),
            ),
            *(
                element("label", f"{name} ", element("select", id=name))
                for name in ("namespace", "pool", "tier")
            ),
            element("button", "a part for each shown", type="button", id="all"),
            class_="controls",
            role="search",
        ),
        element("p", id="shown", aria_live="polite"),
        element(
            "div",
            element("table", element("thead"), element("tbody"), id="rows"),
            class_="wide rows",
        ),
        element("div", id="parts"),
    )


def _part() -> Element:
    """Where the script shows one workload."""
    return element("div", id="part", hidden="hidden")


def _footer(report: Report) -> Element:
    source = report.source
    lines = [
        f"made {report.generated_at} by joulefit",
        f"cluster: {source.cluster}",
        f"store: {source.store}",
        f"window: {source.window_start} to {source.window_end}",
        *(f"{each.purpose}: {each.schema or 'nothing'} ({each.reason})" for each in source.series),
    ]
    return element("footer", element("ul", *(element("li", each) for each in lines)))
