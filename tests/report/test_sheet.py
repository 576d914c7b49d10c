from __future__ import annotations

import csv
import io

import pytest

from recommender.report.document import format_report
from recommender.report.sheet import HEADER
from tests.report.sample import container, sample_report, source, workload


def _csv(report=None):
    return format_report(report or sample_report(), output="csv", width=40, is_terminal=True)


def _rows(report=None):
    return list(csv.DictReader(io.StringIO(_csv(report), newline="")))


def _row(**wanted):
    return next(row for row in _rows() if wanted.items() <= row.items())


def test_the_header_is_fixed():
    first = _csv().splitlines()[0]
    assert first == _csv(sample_report(workloads=(), skipped=())).splitlines()[0]
    assert first.split(",") == list(HEADER)
    assert len(set(HEADER)) == len(HEADER)


def test_lines_end_as_rfc_4180_says_and_have_as_many_fields_as_the_header():
    text = _csv()
    assert text.count("\r\n") == text.count("\n") == 1 + 6 + 4
    assert all(None not in row and None not in row.values() for row in _rows())


def test_each_container_and_each_skipped_row_is_a_row():
    names = [(row["name"], row["container"], bool(row["skipped"])) for row in _rows()]
    assert names == [
        ("agent", "agent", False),
        ("gateway", "proxy", False),
        ("checkout", "app", False),
        ("search", "app", False),
        ("ledger", "db", False),
        ("ledger", "sidecar", False),
        ("probe", "main", True),
        ("report", "", True),
        ("ledger", "init-log", True),
        ("orphan", "", True),
    ]


def test_amounts_are_whole_millicores_and_bytes():
    row = _row(name="checkout")
    assert row["cpu_now_millicores"] == "1500"
    assert row["cpu_target_millicores"] == "411"
    assert row["cpu_limit_millicores"] == "3000"
    assert row["memory_now_bytes"] == "2147483648"
    assert row["memory_target_bytes"] == "1181116006"
    assert row["memory_lower_bound_bytes"] == "1100000000"


def test_other_numbers_are_bare():
    row = _row(name="checkout")
    assert (row["watts_saved"], row["watts_saved_low"], row["watts_saved_high"]) == (
        "9.28",
        "8.91",
        "9.65",
    )
    assert (row["quantile"], row["price_watts_per_core"], row["replicas"]) == ("0.93", "1.42", "6")
    assert (row["exposure_now"], row["exposure_ours"]) == ("0", "0.07")


def test_what_has_no_value_is_empty():
    row = _row(name="agent")
    for title in ("cpu_now_millicores", "memory_target_bytes", "watts_saved", "pool", "skipped"):
        assert row[title] == ""


def test_a_negative_saving_stays_a_number():
    assert _row(name="gateway")["watts_saved"] == "-0.61"


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_text_that_a_sheet_would_compute_is_marked_as_text(start):
    why = f"{start}HYPERLINK(1)"
    report = sample_report(workloads=(workload(container(why=why)),))
    assert _rows(report)[0]["why"] == f"'{why}"


def test_line_breaks_and_controls_are_escaped_and_quotes_doubled():
    report = sample_report(workloads=(workload(container(why='a "b",\n\x1b[2J')),), skipped=())
    assert _csv(report).splitlines()[1].endswith(r',"a ""b"",\n\x1b[2J",,false')


@pytest.mark.parametrize(("is_simulated", "said"), [(True, "true"), (False, "false")])
def test_every_row_says_whether_it_is_simulated(is_simulated, said):
    rows = _rows(sample_report(source=source(is_simulated=is_simulated)))
    assert {row["simulated"] for row in rows} == {said}
