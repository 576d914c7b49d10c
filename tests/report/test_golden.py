"""Every output format against the file in golden/ that a person has read.

`make golden` (JOULEFIT_WRITE_GOLDEN=1) writes the files anew; read the diff before you commit.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from recommender.report.document import format_backtest, format_report
from recommender.report.explain import format_explanation
from recommender.report.page.compact import compact_report
from tests.report.backtest_sample import sample_backtest
from tests.report.sample import one_namespace_report, sample_report, source

GOLDEN = Path(__file__).parent / "golden"


def _report(output, *, width=None, report=None):
    return format_report(
        report or sample_report(), output=output, width=width, is_terminal=width is not None
    )


def _explain(name, *, width=None, report=None):
    report = report or sample_report()
    found = next(row for row in report.workloads if row.name == name)
    return format_explanation(report, found, width=width, is_terminal=width is not None)


def _simulated():
    return sample_report(source=source(is_simulated=True))


def _page_data():
    """What the page's script is given, a workload a line so that a difference can be read."""
    data = compact_report(sample_report())
    lines = [f'"{name}": {_encode(each)}' for name, each in data.items() if name != "workloads"]
    workloads = ",\n".join(map(_encode, data["workloads"]))
    return "{" + ",\n".join([*lines, f'"workloads": [\n{workloads}\n]']) + "}\n"


def _encode(value):
    return msgspec.json.encode(value).decode()


def _without_workloads():
    return msgspec.structs.replace(sample_report(), workloads=(), pools=())


def _backtest(output, *, width=None):
    return format_backtest(
        sample_backtest(), output=output, width=width, is_terminal=width is not None
    )


OUTPUTS = {
    "table.txt": lambda: _report("table"),
    "table-one-namespace.txt": lambda: _report("table", report=one_namespace_report()),
    "table-terminal-160.ansi": lambda: _report("table", width=160),
    "table-terminal-80.ansi": lambda: _report("table", width=80),
    "table-simulated.txt": lambda: _report("table", report=_simulated()),
    "table-without-workloads.txt": lambda: _report("table", report=_without_workloads()),
    "wide.txt": lambda: _report("wide"),
    "report.json": lambda: _report("json"),
    "report.yaml": lambda: _report("yaml"),
    "report.csv": lambda: _report("csv"),
    "report.md": lambda: _report("markdown"),
    "report-without-workloads.md": lambda: _report("markdown", report=_without_workloads()),
    "report.patch.yaml": lambda: _report("patch"),
    "page-data.json": _page_data,
    "backtest.txt": lambda: _backtest("table"),
    "backtest-terminal-80.ansi": lambda: _backtest("table", width=80),
    "backtest.md": lambda: _backtest("markdown"),
    "backtest.json": lambda: _backtest("json"),
    "explain-priced.txt": lambda: _explain("checkout"),
    "explain-priced-terminal-80.ansi": lambda: _explain("checkout", width=80),
    "explain-stock.txt": lambda: _explain("search"),
    "explain-two-containers.txt": lambda: _explain("ledger"),
    "explain-with-hpa.txt": lambda: _explain("gateway"),
    "explain-without-vpa.txt": lambda: _explain("agent", report=_simulated()),
}


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.usefixtures("terminal")
def test_output_is_what_was_agreed(name):
    text = OUTPUTS[name]()
    path = GOLDEN / name
    if os.environ.get("JOULEFIT_WRITE_GOLDEN"):
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode(), "read the difference; if it is meant: make golden"


def test_no_golden_file_is_left_without_a_test():
    assert {path.name for path in GOLDEN.iterdir()} == set(OUTPUTS)
