from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.report import Watts
from recommender.report.document import format_report
from recommender.report.table import POOL_DROP_ORDER, WORKLOAD_DROP_ORDER
from tests.report.sample import (
    container,
    one_namespace_report,
    pools,
    sample_report,
    savings,
    source,
    workload,
)

HEADINGS = {"cpu bounds", "memory bounds", "limits", "exposure", "quantile", "pool", "mode", "hpa"}


def _table(report=None, *, output="table", width=None, is_terminal=False):
    return format_report(
        report or sample_report(), output=output, width=width, is_terminal=is_terminal
    )


def _plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _hidden(text):
    found = re.search(r"not shown at \d+ columns:\s(.*?)\nwarning:", text, re.DOTALL)
    return found[1].replace("\n", " ").split(", ") if found else []


def _line_with(text, part):
    return next(line for line in text.splitlines() if part in line)


def test_a_row_gives_the_number_and_its_reason_beside_it():
    row = _line_with(_table(one_namespace_report()), "checkout x6")
    assert re.sub(" +", " ", row) == (
        "deploy/checkout x6 app T1 1500m > 411m (512m) 2Gi > 1.1Gi (1.1Gi) "
        "x1.9 -9.3+-0.4 p93 of 14 d at 1.42 W/core"
    )


def test_the_signs_of_all_rows_stand_beneath_each_other():
    rows = [line for line in _table().splitlines() if " T1 " in line or " T0 " in line]
    assert len(rows) == 6
    assert len({line.index(" > ") for line in rows}) == 1


def test_a_value_that_is_not_known_is_a_dash():
    row = re.sub(" +", " ", _line_with(_table(), "infra/ds/agent"))
    assert row == "infra/ds/agent x15 agent T1 - > 60m (-) - > - (-) - - priced quantile"


def test_more_power_than_now_has_a_plus():
    assert "  +0.6+-0.2  " in _line_with(_table(), "pay/deploy/gateway")


def test_namespaces_are_written_where_there_are_several():
    assert "shop/deploy/checkout x6" in _table()
    assert "\ndeploy/checkout x6" in _table(one_namespace_report())


def test_in_a_pipe_each_row_names_its_workload():
    assert _table().count("shop/sts/ledger x3") == 2
    assert _plain(_table(width=160, is_terminal=True)).count("shop/sts/ledger x3") == 1


def test_a_pool_shows_price_binding_resource_and_idle_reservation():
    row = _line_with(_table(), "EPYC")
    for part in ("12", "31 %", "80 %", "1.42 W (1.37-1.47)", "91 %", "cpu", "1,130 of 2,410 W"):
        assert f"  {part}" in row


def test_a_best_utilisation_that_was_not_seen_has_no_number_but_what_is_planned_to_has():
    row = _line_with(_table(), "xeon-8380  ")
    assert "not seen" in row
    assert "70 %" in row
    assert "modelled" in row


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        pytest.param(0.0, "epyc-7763: memory binds, so a CPU cut frees no node", id="memory binds"),
        pytest.param(
            0.4,
            "epyc-7763: memory nearly binds, so only 40 % of a CPU cut frees nodes",
            id="nearly",
        ),
    ],
)
def test_where_memory_binds_the_table_says_that_cpu_cuts_free_no_node(factor, said):
    pool = msgspec.structs.replace(pools()[0], binding="memory", cpu_binding_factor=factor)
    assert said in _table(one_namespace_report(pools=(pool,))).splitlines()


def _memory_pool(gib, watts):
    pool = msgspec.structs.replace(
        pools()[0],
        binding="memory",
        cpu_binding_factor=0.0,
        stranded_cores=120.4,
        freeable_gib=gib,
        freeable_memory_watts=Watts(watts, watts, watts),
    )
    return _table(one_namespace_report(pools=(pool,))).splitlines()


@pytest.mark.parametrize(
    ("gib", "watts", "said"),
    [
        (61.44, 15.36, "give 61.4 GiB back, worth 15.4 W once nodes go"),
        (-2.0, -0.5, "take 2.0 GiB more (0.5 W)"),
    ],
)
def test_where_memory_binds_it_says_what_is_stranded_and_what_memory_requests_free(
    gib, watts, said
):
    lines = _memory_pool(gib, watts)
    assert "epyc-7763: memory binds, so a CPU cut frees no node; it strands 120 cores" in lines
    assert f"epyc-7763: the recommended memory requests {said}" in lines


def test_memory_requests_that_are_as_recommended_free_nothing():
    assert "epyc-7763: memory requests are as recommended" in _memory_pool(0.0, 0.0)


def test_where_cpu_binds_nothing_is_said():
    assert "binds," not in _table(one_namespace_report())


def test_the_savings_stand_last_with_their_condition():
    assert _table().splitlines()[-1] == (
        "-9.4+-0.8 W when emptied nodes are released (cluster-autoscaler seen), -1.2+-0.8 W when "
        "they stay on. Details: joulefit explain shop/deploy/checkout"
    )


def test_a_sentence_that_ends_in_a_stop_gets_no_second():
    text = _table(sample_report(savings=savings(sentence="nothing is known.")))
    assert text.splitlines()[-1].startswith("nothing is known. Details: ")


def test_one_skipped_row_stands_in_the_count_and_more_beneath_it():
    one = _table(one_namespace_report())
    assert (
        "3 workloads over 14 d to 2026-05-15T00:00:00Z, "
        "1 skipped (shop/cronjob/report: no usage in 14 d)\n"
    ) in one
    many = _table().splitlines()
    start = many.index("5 workloads over 14 d to 2026-05-15T00:00:00Z, 4 skipped:")
    assert many[start + 1 : start + 5] == [
        "  infra/ds/probe, container main: 11 h of usage in 14 d, 24 h needed",
        "  shop/cronjob/report: no usage in 14 d",
        "  shop/sts/ledger, container init-log: no usage in 14 d",
        "  and 1 more (--output wide lists them)",
    ]
    assert "  shop/verticalpodautoscaler/orphan: Cannot read" in _table(output="wide")


def test_simulated_data_are_named_first_and_real_ones_are_not():
    simulated = _table(sample_report(source=source(is_simulated=True)))
    assert simulated.startswith("SIMULATED: ")
    assert "SIMULATED" not in _table()


def test_warnings_of_the_source_are_shown():
    assert "\nwarning: 3 of 15 nodes have no meter and are modelled\n" in _table()


def test_wide_adds_bounds_limits_exposure_and_quantile():
    heading = _line_with(_table(output="wide"), "workload  ")
    assert all(f"  {title}" in heading for title in HEADINGS)
    assert not any(f"  {title} " in _line_with(_table(), "workload  ") for title in HEADINGS)
    row = _line_with(_table(output="wide"), "checkout x6")
    for part in ("372m - 470m", "1Gi - 1.2Gi", "3, 2Gi", "0 % >   7 % (3 %)", "p93", "Off"):
        assert f"  {part}  " in row


def test_wide_says_where_the_numbers_come_from():
    text = _table(output="wide")
    assert "window   2026-05-01T00:00:00Z to 2026-05-15T00:00:00Z in steps of 5 min\n" in text
    assert "series   node power: kepler-0.10 (12 of 15 nodes have it)\n" in text
    assert "xeon-8380: node power is modelled (class prior of unknown servers)\n" in text


@pytest.mark.parametrize("output", ["table", "wide"])
def test_columns_are_dropped_in_the_stated_order(output):
    stated = list(WORKLOAD_DROP_ORDER)
    if output == "table":
        stated = ["work/J", "tier", "why", "memory", "watts"]
    seen = []
    for width in range(400, 20, -4):
        hidden = _hidden(_plain(_table(output=output, width=width, is_terminal=True)))
        assert hidden == stated[: len(hidden)]
        seen.append(len(hidden))
    assert seen[0] == 0
    assert seen[-1] == len(stated)


def test_titles_become_short_before_a_column_is_dropped():
    steps = []
    for width in range(160, 100, -1):
        text = _plain(_table(width=width, is_terminal=True))
        is_short = "memory now > ours (stock)" not in _line_with(text, "workload ")
        steps.append((is_short, bool(_hidden(text))))
    assert list(dict.fromkeys(steps)) == [(False, False), (True, False), (True, True)]


def test_the_pools_columns_are_dropped_in_the_stated_order():
    titles = [*("planned to", "class", "packed", "power", "best at", "binds", "used", "nodes")]
    assert list(POOL_DROP_ORDER) == titles
    for width in range(160, 20, -2):
        heading = _line_with(_plain(_table(width=width, is_terminal=True)), "price of a")
        gone = [title for title in titles if f"  {title}" not in heading]
        assert gone == titles[: len(gone)]
        assert heading.startswith("pool  ")
        assert heading.endswith("reserved but unused")


@given(st.integers(40, 220))
def test_whatever_the_width_names_and_cpu_are_whole(width):
    text = _plain(_table(width=width, is_terminal=True))
    for part in ("shop/deploy/checkout x6", "sidecar", "1500m >  411m (512m)"):
        assert part in text


@given(st.integers(80, 220))
def test_everything_fits_the_terminal(width):
    for output in ("table", "wide"):
        lines = _plain(_table(output=output, width=width, is_terminal=True)).splitlines()
        assert max(len(line) for line in lines) <= width


def test_a_long_reason_wraps_beneath_itself_on_a_terminal_only():
    long = "p93 of 14 d, raised by 4 % because the pool is busier than it is efficient, then capped"
    report = one_namespace_report(workloads=(workload(container(why=long)),))
    row = _line_with(_table(report), "checkout x6")
    assert row.endswith(long)
    lines = _plain(_table(report, width=130, is_terminal=True)).splitlines()
    first = next(index for index, line in enumerate(lines) if "checkout x6" in line)
    column = lines[first].index("p93 of 14 d")
    assert lines[first + 1].startswith(" " * column)
    assert lines[first + 1][column] != " "
    assert len(lines[first]) <= 130


@pytest.mark.usefixtures("terminal")
def test_a_pipe_gets_no_colour_and_a_terminal_does():
    assert "\x1b" not in _table()
    assert "\x1b[32m-9.3+-0.4\x1b[0m" in _table(width=160, is_terminal=True)
    assert "\x1b[31m+0.6+-0.2\x1b[0m" in _table(width=160, is_terminal=True)


def test_colour_never_says_what_the_text_does_not(terminal):
    coloured = _plain(_table(width=160, is_terminal=True))
    terminal.setenv("TERM", "dumb")
    assert _table(width=160, is_terminal=True) == coloured


def test_no_color_is_respected(terminal):
    terminal.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", _table(width=160, is_terminal=True))


def test_no_line_ends_in_a_blank():
    for text in (_table(), _table(output="wide"), _plain(_table(width=90, is_terminal=True))):
        assert all(line == line.rstrip() for line in text.splitlines())
        assert text.endswith("\n")


def test_a_report_without_workloads_says_so():
    report = sample_report(workloads=(), skipped=(), pools=())
    assert _table(report).startswith("no workloads over 14 d to 2026-05-15T00:00:00Z\n")


def test_names_of_wide_letters_keep_the_columns_straight():
    containers = (container(name="アプリ"), container(name="abcdef"))  # both six columns wide
    rows = _table(sample_report(workloads=(workload(*containers),))).splitlines()
    wide, narrow = (line for line in rows if "checkout x6" in line)
    assert wide.index("  T1  ") == narrow.index("  T1  ") - 3
