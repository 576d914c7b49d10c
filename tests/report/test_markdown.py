"""The report for a pull request: what changes most first, no markup of others, never too long."""

from __future__ import annotations

import msgspec
import pytest

from recommender.model.report import Skipped, Watts
from recommender.report.markdown import LONGEST, format_report_markdown
from tests.report.sample import container, sample_report, source, workload


def _rows(text):
    lines = text[text.index("| workload |") :].splitlines()[2:]
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]


def test_what_changes_most_stands_first():
    changes = {"small": 1.0, "more": -5.0, "large": 9.0}
    rows = tuple(
        workload(container(watts_saved=Watts(watts, watts, watts)), name=name)
        for name, watts in changes.items()
    )
    text = format_report_markdown(sample_report(workloads=rows))
    names = [row[0] for row in _rows(text)]
    assert names == ["shop/deploy/large x6", "shop/deploy/more x6", "shop/deploy/small x6"]


def test_every_row_has_as_many_cells_as_the_heading():
    text = format_report_markdown(sample_report())
    assert {len(row) for row in _rows(text)} == {8}


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", "a|b", "*x*", "a\n\n# b"])
def test_names_and_reasons_of_others_are_no_markup(nasty):
    row = workload(container(name=nasty, why=nasty), name=nasty)
    skip = Skipped("shop", "CronJob", nasty, None, nasty)
    own = msgspec.structs.replace(source(), warnings=(nasty,))
    text = format_report_markdown(sample_report(workloads=(row,), skipped=(skip,), source=own))
    assert nasty not in text
    assert all(len(cells) == 8 for cells in _rows(text.replace(r"\|", "!")))
    assert "\n# b" not in text


def test_it_fits_into_a_comment_and_counts_what_is_not_shown():
    rows = tuple(workload(name=f"checkout-{number:04}") for number in range(2000))
    skipped = tuple(
        Skipped("shop", "CronJob", f"report-{number:04}", None, "no usage in 14 d " * 3)
        for number in range(500)
    )
    text = format_report_markdown(sample_report(workloads=rows, skipped=skipped))
    assert LONGEST * 0.9 < len(text) <= LONGEST < 65_536
    shown = len(_rows(text))
    assert f"{2000 - shown:,} more containers: see `joulefit report`." in text
    assert "<summary>500 skipped</summary>" in text
    shown_skips = text.count("- shop/cronjob/")
    assert f"- and {500 - shown_skips} more" in text


def test_without_workloads_it_says_so():
    text = format_report_markdown(sample_report(workloads=(), pools=(), skipped=()))
    assert "no workloads over 14 d" in text
    assert "|" not in text


def test_simulated_numbers_are_called_so_first():
    text = format_report_markdown(sample_report(source=source(is_simulated=True)))
    assert text.startswith("**SIMULATED: ")
