"""The comparison as a table, with its sentences and drawings."""

import csv
import io
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from recommender.model.report import Watts
from recommender.report.contrast import DROP_ORDER
from recommender.report.document import format_comparison, format_json
from recommender.report.notation import format_joules
from recommender.report.schema import comparison_schema
from recommender.report.sheet import COMPARISON_HEADER
from tests.report.contrast_sample import (
    app,
    contender,
    contrasted,
    log,
    sample_comparison,
)
from tests.report.sample import SKIPPED, source

PUBLISHED = Path(__file__).parents[2] / "docs" / "comparison.schema.json"


def shown(comparison=None, *, width=None, output="table", is_terminal=False):
    document = comparison or sample_comparison()
    return format_comparison(document, output=output, width=width, is_terminal=is_terminal)


def rows_of(text, container):
    """The cells of a container's rows, its workload and name left out."""
    lines = text.split("\n\n")[0].splitlines()[1:]
    return [line.split()[2:] for line in lines if line.split()[1] == container]


def test_each_contender_is_a_row_with_its_request_exposure_joules_and_changes():
    assert rows_of(shown(), "app") == [
        ["now", "1500m", "2Gi", "0", "%", "12.1", "MJ", "+6.5+-0.4", "-"],
        [
            *("checkout-stock", "(default)", "512m", "1.1Gi", "3", "%"),
            *("7.05", "MJ", "+0.66+-0.04", "1,", "0"),
        ],
        ["stock", "rule", "512m", "1.1Gi", "3", "%", "-", "-", "-"],
        ["ours", "411m", "1.1Gi", "7.1", "%", "6.49", "MJ", "0,", "-"],
    ]


def test_what_is_not_known_is_a_dash():
    assert rows_of(shown(), "log")[:2] == [
        ["now", "-", "-", "-", "-", "-", "-"],
        ["checkout-stock", "(default)", "-", "-", "-", "-", "-", "-"],
    ]


def test_a_rival_that_draws_less_than_ours_has_a_minus():
    less = contender(
        "rival", "200m", vpa="x", recommender="y", watts_above_ours=Watts(-2.0, -2.5, -1.5)
    )
    container = msgspec.structs.replace(log(), contenders=(less, *log().contenders[2:]))
    assert "-2.0+-0.5" in shown(sample_comparison(workloads=(contrasted(container),)))


def test_in_a_pipe_each_row_names_its_workload_on_a_terminal_the_first():
    assert shown().count("deploy/checkout ") == 8
    on_terminal = shown(width=160, is_terminal=True)
    assert on_terminal.count("deploy/checkout ") == 1


def test_several_namespaces_are_told_apart():
    workloads = (contrasted(app()), contrasted(app(), namespace="pay"))
    text = shown(sample_comparison(workloads=workloads))
    assert "shop/deploy/checkout " in text
    assert "pay/deploy/checkout " in text


def test_where_the_terminal_is_narrow_columns_go_in_the_stated_order_and_are_named():
    text = shown(width=80)
    assert max(map(len, text.splitlines())) <= 80
    (line,) = [line for line in text.splitlines() if line.startswith("not shown at 80 columns")]
    hidden = line.split(": ")[1].split(", ")
    assert hidden == list(DROP_ORDER[: len(hidden)])
    assert hidden


def test_one_workload_is_drawn_with_what_is_known_of_its_past():
    text = shown()
    legend = "container app, over time: o = ours   a = checkout-stock (default)"
    assert f"cpu request of shop/deploy/checkout, {legend}" in text
    assert "container log, over time" not in text  # nothing is known of its past
    drawing = text.split("over time: o")[1].split("05-01 00:00")[0].split("\n", 1)[1]
    # 60 columns for 14 days: ours is known for 10 of them without the 2 in the middle, the other
    # for all 14, at 600m and 500m.
    assert drawing.count("o") == pytest.approx(60 * 8 / 14, abs=2)
    assert drawing.count("a") == pytest.approx(60, abs=1)


def test_several_workloads_are_drawn_in_the_wide_table_only():
    comparison = sample_comparison(workloads=(contrasted(app()), contrasted(app(), name="search")))
    assert "over time: o" not in shown(comparison)
    assert shown(comparison, output="wide").count("over time: o") == 2


def test_yaml_holds_what_json_holds():
    assert yaml.safe_load(shown(output="yaml")) == json.loads(shown(output="json"))


def test_a_sheet_has_a_row_for_each_contender_and_each_skipped_row():
    text = shown(sample_comparison(skipped=SKIPPED), output="csv")
    assert text.splitlines()[0].split(",") == list(COMPARISON_HEADER)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 8 + len(SKIPPED)
    rival, ours = rows[1], rows[3]
    assert (rival["policy"], rival["vpa"], rival["recommender"]) == (
        "rival",
        "checkout-stock",
        "default",
    )
    assert (rival["cpu_millicores"], rival["memory_bytes"]) == ("512", "1181116006")
    assert (float(rival["joules_above_ours"]), rival["cpu_changes"]) == (569376.0, "1")
    assert (ours["why"], ours["exposure"]) == ("p93 of 14 d at 1.00 W/core", "0.071")
    assert rows[2]["joules"] == ""
    assert rows[-1]["skipped"]


@pytest.mark.parametrize(
    "sentence",
    [
        "tells of other recommenders",
        "over 10 d of usage in 14 d, by what was in force, where all that have a past are known",
        "joules and exposure: over 8 h of usage in 14 d, by the requests of now",
        "no joules are claimed for 1 of 2 containers: there is no energy evidence for them (log: 8 h",
        "fewer joules are spent only once emptied nodes are released (karpenter seen)",
    ],
)
def test_the_text_says_what_the_numbers_rest_on(sentence):
    assert sentence in shown()


def test_without_an_autoscaler_it_says_that_none_was_seen():
    text = shown(sample_comparison(node_releaser=""))
    assert "released (no autoscaler that removes nodes was seen)" in text


def test_without_a_rival_the_stock_rule_is_compared_and_said():
    alone = contrasted(app(), rivals=())
    sentence = (
        "no VPA of another recommender targets shop/deploy/checkout: compared with the stock rule"
        " as computed here"
    )
    assert sentence in shown(sample_comparison(workloads=(alone,)))
    assert sentence not in shown()


def test_nothing_to_compare_is_said_with_what_to_do():
    text = shown(sample_comparison(workloads=()))
    assert text.startswith("nothing to compare: no workload with a VPA that names this recommender")
    assert "create a VPA with updateMode: Off" in text


def test_what_was_skipped_is_told_the_first_three_with_their_reasons():
    text = shown(sample_comparison(skipped=SKIPPED))
    assert "skipped: shop/cronjob/report: no usage in 14 d" in text
    assert "1 more were skipped (--output json lists them)" in text


def test_simulated_numbers_say_so_and_warnings_are_shown():
    text = shown(sample_comparison(source=source(is_simulated=True)))
    assert text.startswith("SIMULATED")
    assert "warning: 3 of 15 nodes have no meter and are modelled" in text


def test_names_of_others_cannot_steer_the_terminal():
    evil = contender("rival", "1", vpa="x\x1b[2J", recommender="y\n")
    container = msgspec.structs.replace(log(), contenders=(evil, *log().contenders[2:]))
    text = shown(sample_comparison(workloads=(contrasted(container),)))
    assert "\x1b" not in text
    assert r"x\x1b[2J (y\n)" in text


@pytest.mark.parametrize(
    ("joules", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (0.0, "0 J"),
        (0.5, "0.500 J"),
        (99.97, "100 J"),
        (950.4, "950 J"),
        (999.4, "999 J"),
        (999.6, "1.00 kJ"),
        (1.234e6, "1.23 MJ"),
        (-45.67e6, "-45.7 MJ"),
        (7.2e9, "7.20 GJ"),
        (3.4e12, "3.40 TJ"),
    ],
)
def test_joules_have_three_digits(joules, text):
    assert format_joules(joules) == text


def test_the_published_schema_is_the_one_of_the_code():
    assert PUBLISHED.read_text() == json.dumps(comparison_schema(), indent=2) + "\n", (
        "run: make docs"
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the sample"),
        pytest.param({"workloads": ()}, id="empty"),
        pytest.param({"skipped": SKIPPED}, id="with what was skipped"),
    ],
)
def test_comparisons_are_valid(changes):
    document = json.loads(format_json(sample_comparison(**changes)))
    validator = jsonschema.Draft202012Validator(comparison_schema())
    assert list(validator.iter_errors(document)) == []
    assert (document["apiVersion"], document["kind"]) == (
        "joulefit.io/comparison/v1alpha1",
        "Comparison",
    )


def test_every_object_and_every_plain_field_of_the_schema_is_described():
    schema = comparison_schema()
    for name, definition in {"Comparison": schema, **schema["$defs"]}.items():
        assert definition["description"], name
        for field, part in definition["properties"].items():
            is_plain = part.get("type") in {"string", "number", "integer", "boolean"}
            assert "description" in part or not is_plain, f"{name}.{field}"
