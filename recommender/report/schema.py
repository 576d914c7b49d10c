"""The published schema of `--output json`."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from recommender.model.report import API_VERSION, Report

SCHEMA_ID = "report.schema.json"


def report_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the report, self-contained, with a description of each field.

    All fields are required, since joulefit always writes all of them. Further fields are
    allowed: a later joulefit of the same apiVersion may add some.
    """
    schema = msgspec.json.schema(Report)
    definitions = schema["$defs"]
    top = definitions.pop("Report")
    for definition in (top, *definitions.values()):
        definition["required"] = list(definition["properties"])
        definition["description"] = inspect.cleandoc(definition["description"])
        for each in definition["properties"].values():
            each.pop("default", None)  # a default is for writers; this is for readers
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **top,
        "title": f"joulefit report, {API_VERSION}",
        "$defs": dict(sorted(definitions.items())),
    }
