"""The report, the comparison and the node curves, in each output format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from recommender.report.contrast import format_contrast
from recommender.report.markdown import format_report_markdown
from recommender.report.sheet import format_comparison_csv, format_csv
from recommender.report.table import format_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.model.backtest import Backtest
    from recommender.model.contrast import Comparison
    from recommender.model.curve import NodeCurves
    from recommender.model.report import Report, WorkloadReport

OUTPUTS = ("table", "wide", "json", "yaml", "csv")
REPORT_OUTPUTS = (*OUTPUTS, "html", "markdown", "patch")

# Controls above ASCII, line separators and marks that change the writing direction: JSON may
# hold them bare, a terminal should not get them so.
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def format_report(report: Report, *, output: str, width: int | None, is_terminal: bool) -> str:
    """The report as text that ends in a line break.

    output: one of REPORT_OUTPUTS; width: columns of the terminal, None in a pipe, where nothing is
    cut, wrapped or coloured; both hold for the tables only.
    """
    formatter = _FORMATTERS.get(output)
    if formatter is not None:
        return formatter(report)
    return format_table(report, is_wide=output == "wide", width=width, is_terminal=is_terminal)


def format_explained(
    report: Report,
    workload: WorkloadReport,
    *,
    output: str,
    width: int | None,
    is_terminal: bool,
) -> str:
    """One workload as text or html. Else as `format_report`."""
    if output == "html":
        from recommender.report.page import format_explanation_page  # noqa: PLC0415 - late

        return format_explanation_page(report, workload)
    from recommender.report.explain import format_explanation  # noqa: PLC0415 - of explain only

    return format_explanation(report, workload, width=width, is_terminal=is_terminal)


def format_comparison(
    comparison: Comparison, *, output: str, width: int | None, is_terminal: bool
) -> str:
    """The comparison in one of OUTPUTS; `wide` draws every workload. Else as `format_report`."""
    if output == "json":
        return format_json(comparison)
    if output == "yaml":
        return format_yaml(comparison)
    if output == "csv":
        return format_comparison_csv(comparison)
    return format_contrast(
        comparison, is_wide=output == "wide", width=width, is_terminal=is_terminal
    )


def format_node_curves(
    curves: NodeCurves, *, output: str, width: int | None, is_terminal: bool
) -> str:
    """The node classes as table, json or yaml. Else as `format_report`."""
    if output == "json":
        return format_json(curves)
    if output == "yaml":
        return format_yaml(curves)
    from recommender.report.nodecurve import format_curves  # noqa: PLC0415 - it draws with numpy

    return format_curves(curves, width=width, is_terminal=is_terminal)


def format_backtest(
    backtest: Backtest, *, output: str, width: int | None, is_terminal: bool
) -> str:
    """The back-test as table, json, markdown or html. Else as `format_report`."""
    if output == "json":
        return format_json(backtest)
    if output == "html":
        from recommender.report.page import format_backtest_page  # noqa: PLC0415 - late

        return format_backtest_page(backtest)
    from recommender.report.backtest import (  # noqa: PLC0415 - a report must not pay for it
        format_backtest_markdown,
        format_backtest_table,
    )

    if output == "markdown":
        return format_backtest_markdown(backtest)
    return format_backtest_table(backtest, width=width, is_terminal=is_terminal)


def format_json(document: msgspec.Struct) -> str:
    """A document as JSON, indented by two, keys in the order of its fields (the report's are
    those of docs/report.schema.json).
    """
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def format_yaml(document: Report | Comparison | NodeCurves) -> str:
    """The same document as `format_json`, as YAML."""
    from recommender.report.yaml_text import format_yaml_document  # noqa: PLC0415 - yaml only here

    return format_yaml_document(msgspec.to_builtins(document))


def _format_page(report: Report) -> str:
    from recommender.report.page import format_report_page  # noqa: PLC0415 - pages only here

    return format_report_page(report)


def _format_patches(report: Report) -> str:
    from recommender.report.patch import format_patches  # noqa: PLC0415 - it takes yaml

    return format_patches(report)


_FORMATTERS: dict[str, Callable[[Report], str]] = {
    "json": format_json,
    "yaml": format_yaml,
    "csv": format_csv,
    "html": _format_page,
    "markdown": format_report_markdown,
    "patch": _format_patches,
}
