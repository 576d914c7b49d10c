import json
from pathlib import Path

import jsonschema
import pytest

from recommender.report.document import format_node_curves
from recommender.report.schema import curve_schema
from tests.report.curve_sample import class_curve, modelled_class, node_curves
from tests.report.sample import source

PUBLISHED = Path(__file__).parents[2] / "docs" / "curve.schema.json"


def shown(*classes, output="table", width=None, **changes):
    curves = node_curves(*classes, **changes)
    return format_node_curves(curves, output=output, width=width, is_terminal=False)


def row_of(text, name):
    return next(line for line in text.splitlines() if line.startswith(f"{name} "))


def test_a_row_has_price_intercept_and_where_it_was_seen():
    row = row_of(shown(), "epyc-7763")
    for cell in (
        "AMD EPYC 7763 64-Core Processor",
        "measured, platform",
        "336",
        "20 % - 70 %",
        "100 W (97-104)",
        "3.1 W (3.0-3.2)",
        "50 %",
    ):
        assert cell in row


def test_a_peak_that_is_not_identified_is_not_seen():
    assert "not seen" in row_of(shown(class_curve(best_utilisation=None)), "epyc-7763")


def test_nodes_without_a_meter_are_counted_apart():
    assert "3 of 4" in row_of(shown(class_curve(metered_nodes=3)), "epyc-7763")


def test_what_is_missing_and_why_stand_beneath_each_class():
    text = shown()
    assert "  power curve measured over 16000 windows of 4 node(s), 20% to 70% used\n" in text
    assert "  missing: watts cover packages and memory: fans" in text
    assert "  missing: power of no node is read: install the collector" in text


def test_a_model_is_not_called_a_fit():
    text = shown(modelled_class())
    assert "* model" in text
    assert "* fit" not in text
    assert "band" not in text


def test_the_window_and_the_warnings_end_the_page():
    lines = shown().splitlines()
    assert lines[-2] == "2 node classes over 14 d to 2026-05-15T00:00:00Z"
    assert lines[-1] == "warning: 3 of 15 nodes have no meter and are modelled"


def test_what_is_simulated_says_so_first():
    assert shown(source=source(is_simulated=True)).startswith("SIMULATED")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_lines_fit_the_terminal(width):
    lines = shown(width=width).splitlines()
    assert max(len(line) for line in lines) <= width


def test_columns_that_do_not_fit_are_named():
    assert "not shown at 80 columns: planned to, cpu model" in shown(width=80).replace("\n", " ")


def test_a_name_with_controls_is_made_harmless():
    assert "\x1b" not in shown(class_curve(name="a\x1b[31m", cpu_model="b\x07"))


def test_json_conforms_to_the_published_schema():
    document = json.loads(shown(output="json"))
    schema = json.loads(PUBLISHED.read_text())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(document)) == []
    first, second = document["classes"]
    assert first["priceWattsPerCore"] == {"value": 3.125, "low": 3.03, "high": 3.25}
    assert first["formula"]["knots"] == [0.5]
    assert first["clock"]["fullWatts"] == 60.0
    assert second["bestUtilisation"] is None
    assert (document["apiVersion"], document["kind"]) == (
        "joulefit.io/curve/v1alpha1",
        "NodeCurves",
    )


def test_the_published_schema_is_the_one_of_the_code_and_needs_no_other():
    schema = curve_schema()
    assert PUBLISHED.read_text() == json.dumps(schema, indent=2) + "\n", "run: make docs"
    jsonschema.Draft202012Validator.check_schema(schema)
    references = {part.split('"')[0] for part in json.dumps(schema).split('"$ref": "')[1:]}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_yaml_is_the_same_document():
    assert "kind: NodeCurves" in shown(output="yaml")
