"""The back-test as a table, as markdown and as JSON."""

import json
from pathlib import Path

import jsonschema
import pytest

from recommender.model.backtest import PolicyReport
from recommender.report.backtest import DROP_ORDER, format_percent_change
from recommender.report.document import format_backtest
from recommender.report.plane import Point, draw_plane
from recommender.report.schema import backtest_schema
from tests.report.backtest_sample import sample_backtest, sample_policies
from tests.report.sample import source

PUBLISHED = Path(__file__).parents[2] / "docs" / "backtest.schema.json"


def shown(backtest=None, *, output="table", width=None, is_terminal=False):
    document = backtest or sample_backtest()
    return format_backtest(document, output=output, width=width, is_terminal=is_terminal)


def figures(policy, text=None):
    """The figures in the first row of a policy, its name left out."""
    lines = [line for line in (text or shown()).splitlines() if line.startswith(policy)]
    cells = lines[0].removeprefix(policy).split("  ")
    return [each.strip() for each in cells if each.strip()]


def test_energy_is_told_against_the_stock_rule_in_both_scenarios():
    # 3.2 of 4 J is -20 %; 6 of 6.4 J is -6.25 %, 8 of 6.4 J +25 %
    assert figures("T2")[:3] == ["3.2", "-20.0 %", "-6.2 %"]
    assert figures("as requested")[:3] == ["8", "+100.0 %", "+25.0 %"]
    assert figures("stock")[:3] == ["4", "0 %", "0 %"]


def test_each_policy_has_its_hot_time_exposure_unserved_work_and_changes():
    assert figures("stock")[3:] == ["288", "18 %", "22 %", "8 %", "1.3 %", "0.4"]


def test_what_a_bound_does_not_have_is_a_dash():
    assert figures("limit") == ["2.4", "-40.0 %", "-12.5 %", "120", "-", "-", "-", "-", "-"]


def test_without_the_stock_rule_nothing_is_told_against_it():
    others = tuple(each for each in sample_policies() if each.name != "stock")
    text = shown(sample_backtest(policies=others))
    assert figures("T2", text)[:3] == ["3.2", "-", "-"]


def test_each_pool_says_its_verdict_and_what_was_not_tested():
    text = shown()
    assert "T2 passes: 0.4 % of container-time on hot nodes\n" in text
    assert "4 nodes: too small to tell\nT2 was not tested: 4 nodes, 10 needed\n" in text
    assert "old: 1 node, 2 containers, 3.12 d of history, not tested\n3.1 d of history" in text


def test_released_nodes_are_named_as_the_condition():
    assert "need something that removes them (karpenter seen)" in shown()
    text = shown(sample_backtest(node_releaser=""))
    assert "(no autoscaler that removes nodes was seen)" in text


def test_a_simulated_back_test_says_so_first():
    simulated = sample_backtest(source=source(is_simulated=True))
    assert shown(simulated).startswith("SIMULATED")
    assert shown(simulated, output="markdown").startswith("**SIMULATED")


def test_without_pools_there_is_nothing_to_test():
    text = shown(sample_backtest(pools=(), policies=()))
    assert text.startswith("nothing to test: no pool of nodes is known\n")


@pytest.mark.usefixtures("terminal")
def test_a_narrow_terminal_leaves_columns_out_and_says_which():
    text = shown(width=80)
    assert max(len(each) for each in text.splitlines()) <= 80
    hidden = text.partition("not shown at 80 columns: ")[2].splitlines()[0].split(", ")
    assert set(hidden) == set(DROP_ORDER[: len(hidden)]) != set()


def test_names_of_others_are_no_markup():
    text = shown(output="markdown")
    assert "## xeon\\_\\*: 4 nodes" in text


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_names_of_others_cannot_steer_a_terminal(output):
    pool = sample_backtest().pools[2]
    forged = sample_backtest(pools=(type(pool)(**{**_fields(pool), "name": "x\x1b[2Jy"}),))
    assert "\x1b" not in shown(forged, output=output)


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


@pytest.mark.parametrize(
    ("change", "text"),
    [(-0.182, "-18.2 %"), (0.004, "+0.4 %"), (0.0, "0 %"), (-0.0001, "0 %"), (1.5, "+150.0 %")],
)
def test_a_change_has_a_sign_unless_it_is_none(change, text):
    assert format_percent_change(change) == text


def test_the_better_is_drawn_lower_and_further_left():
    lines = draw_plane([Point("a", 0.0, 4.0), Point("b", 0.2, 2.0)], floor=1.0, columns=41)
    # 13 rows from 4 to 1: 2 is 8 rows below 4; hot 0.2 is the right edge.
    assert lines[0] == f"{'4':>7} |a     |"
    assert lines[8].endswith("|" + " " * 6 + "|" + " " * 33 + "b")
    assert lines[12] == f"{'1':>7} |" + "." * 41


def test_what_is_allowed_is_marked_where_the_share_is_half_a_percent():
    lines = draw_plane([Point("a", 0.0, 4.0), Point("b", 0.02, 2.0)], floor=None, columns=41)
    # sqrt(0.005 / 0.02) is one half: column 20 of 0 ... 40
    assert lines[1].index("|", 10) - lines[1].index("|") - 1 == 20
    assert "0.5 %" in lines[-1]


def test_one_point_is_no_drawing():
    assert draw_plane([Point("a", 0.0, 4.0)], floor=1.0, columns=40) == []


def test_policies_alike_in_energy_are_drawn_all_the_same():
    lines = draw_plane([Point("a", 0.0, 4.0), Point("b", 0.1, 4.0)], floor=None, columns=40)
    assert any("a" in each and "b" in each for each in lines)


def test_the_published_schema_is_the_one_of_the_code():
    assert PUBLISHED.read_text() == json.dumps(backtest_schema(), indent=2) + "\n", "run: make docs"


def test_a_back_test_is_valid():
    schema = backtest_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(shown(output="json")), schema)


def test_each_policy_of_the_document_has_the_promised_fields():
    document = json.loads(shown(output="json"))
    assert set(document["policies"][0]) == {
        *("pool", "name", "scenario", "joulesPerWork", "nodeHours", "hotShareMean"),
        *("hotShareWorstDay", "unservedShare", "exposureShare", "changesPerDay"),
    }
    assert set(backtest_schema()["$defs"]["PolicyReport"]["required"]) == set(
        document["policies"][0]
    )


def test_the_schema_describes_every_field_and_object():
    schema = backtest_schema()
    for name, definition in {"Backtest": schema, **schema["$defs"]}.items():
        assert definition["description"], name
        for field, each in definition["properties"].items():
            is_plain = each.get("type") in {"string", "number", "integer", "boolean"}
            assert "description" in each or not is_plain, f"{name}.{field}"


def test_a_policy_without_a_number_is_null_not_zero():
    silent = PolicyReport(
        pool="epyc-7763",
        name="limit",
        scenario="nodes-released",
        joules_per_work=None,
        node_hours=None,
        hot_share_mean=None,
        hot_share_worst_day=None,
        unserved_share=None,
        exposure_share=None,
        changes_per_day=None,
    )
    document = json.loads(shown(sample_backtest(policies=(silent,)), output="json"))
    assert document["policies"][0]["joulesPerWork"] is None
    assert figures("limit", shown(sample_backtest(policies=(silent,)))) == ["-"] * 9
