"""The published schemas of `--output json`."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from recommender.model import backtest, contrast, curve, report

SCHEMA_ID = "report.schema.json"
COMPARISON_SCHEMA_ID = "comparison.schema.json"
CURVE_SCHEMA_ID = "curve.schema.json"
BACKTEST_SCHEMA_ID = "backtest.schema.json"


def report_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the report, self-contained, with a description of each field.

    All fields are required, since joulefit always writes all of them. Further fields are
    allowed: a later joulefit of the same apiVersion may add some.
    """
    return _schema_of(report.Report, SCHEMA_ID, f"joulefit report, {report.API_VERSION}")


def comparison_schema() -> dict[str, Any]:
    """The same of the comparison that `joulefit compare` prints."""
    title = f"joulefit comparison, {contrast.API_VERSION}"
    return _schema_of(contrast.Comparison, COMPARISON_SCHEMA_ID, title)


def curve_schema() -> dict[str, Any]:
    """The same of the node classes that `joulefit curve` prints."""
    title = f"joulefit node curves, {curve.API_VERSION}"
    return _schema_of(curve.NodeCurves, CURVE_SCHEMA_ID, title)


def backtest_schema() -> dict[str, Any]:
    """The same of the back-test that `joulefit backtest` prints."""
    title = f"joulefit back-test, {backtest.API_VERSION}"
    return _schema_of(backtest.Backtest, BACKTEST_SCHEMA_ID, title)


def _schema_of(document: type, identifier: str, title: str) -> dict[str, Any]:
    schema = msgspec.json.schema(document)
    definitions = schema["$defs"]
    top = definitions.pop(document.__name__)
    for definition in (top, *definitions.values()):
        definition["required"] = list(definition["properties"])
        definition["description"] = inspect.cleandoc(definition["description"])
        for each in definition["properties"].values():
            each.pop("default", None)  # a default is for writers; this is for readers
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        **top,
        "title": title,
        "$defs": dict(sorted(definitions.items())),
    }
