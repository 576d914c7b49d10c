from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from recommender.report.document import format_report
from recommender.report.schema import report_schema
from tests.report.sample import sample_report

PUBLISHED = Path(__file__).parents[2] / "docs" / "report.schema.json"


def _document(**changes):
    return json.loads(
        format_report(sample_report(**changes), output="json", width=None, is_terminal=False)
    )


def _objects(schema):
    return {"Report": schema, **schema["$defs"]}


def test_the_published_schema_is_the_one_of_the_code():
    assert PUBLISHED.read_text() == json.dumps(report_schema(), indent=2) + "\n", "run: make docs"


def test_it_is_a_valid_schema_that_needs_no_other():
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "report.schema.json"
    references = {part.split('"')[0] for part in json.dumps(schema).split('"$ref": "')[1:]}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the sample"),
        pytest.param({"workloads": (), "pools": (), "skipped": ()}, id="an empty report"),
    ],
)
def test_reports_are_valid(changes):
    validator = jsonschema.Draft202012Validator(report_schema())
    assert list(validator.iter_errors(_document(**changes))) == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(("generatedAt",), id="top"),
        pytest.param(("workloads", 0, "containers", 0, "recommended", "target"), id="deep"),
        pytest.param(("workloads", 0, "containers", 0, "curve"), id="with a default"),
    ],
)
def test_a_report_without_a_field_is_not_valid(path):
    document = _document()
    *parents, last = path
    place = document
    for step in parents:
        place = place[step]
    del place[last]
    with pytest.raises(jsonschema.ValidationError, match=f"'{last}' is a required property"):
        jsonschema.validate(document, report_schema())


def test_a_wrong_type_is_not_valid():
    document = _document()
    document["workloads"][0]["replicas"] = "3"
    with pytest.raises(jsonschema.ValidationError, match="is not of type 'integer'"):
        jsonschema.validate(document, report_schema())


def test_every_object_and_every_plain_field_is_described():
    for name, definition in _objects(report_schema()).items():
        assert definition["description"], name
        for field, schema in definition["properties"].items():
            is_plain = schema.get("type") in {"string", "number", "integer", "boolean"}
            assert "description" in schema or not is_plain, f"{name}.{field}"


def test_the_schema_names_every_field_that_is_written():
    objects = _objects(report_schema())
    document = msgspec.to_builtins(sample_report())
    assert list(objects["Report"]["properties"]) == list(document)
    assert list(objects["PoolReport"]["properties"]) == list(document["pools"][0])
    assert list(objects["ContainerReport"]["properties"]) == list(
        document["workloads"][0]["containers"][0]
    )
