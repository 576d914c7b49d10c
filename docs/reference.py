"""The reference pages that are made of the code: commands, EnergyProfile, documents (make docs)."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from collector.cli import main as collector_main
from recommender.cli import main as joulefit_main
from recommender.report.schema import (
    backtest_schema,
    comparison_schema,
    curve_schema,
    report_schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Schema = Mapping[str, Any]

ROOT = Path(__file__).parents[1]
DEFINITION = ROOT / "crds" / "energyprofile.yaml"

PROGRAMS: tuple[tuple[str, click.Group], ...] = (
    ("joulefit", joulefit_main),
    ("joulefit-collector", collector_main),
)

_MADE = "Made from {source} by `make docs`; do not edit."


def format_commands() -> str:
    """docs/commands.md: every command of both programs with its arguments and options."""
    lines = [
        "# Commands",
        "",
        _MADE.format(source="`recommender/cli.py` and `collector/cli.py`"),
        "",
        "Every option is an environment variable too: see [Settings](settings.md) and",
        "[Settings of the node collector](collector-settings.md).",
    ]
    for program, group in PROGRAMS:
        context = click.Context(group, info_name=program)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None:
                lines += _command_lines(command, click.Context(command, context, info_name=name))
    return "\n".join(lines) + "\n"


def _command_lines(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    options = [
        record
        for record in (each.get_help_record(context) for each in command.get_params(context))
        if record is not None
    ]
    return [
        "",
        f"## {context.command_path}",
        "",
        f"`{context.command_path} {usage}`",
        "",
        inspect.cleandoc(command.help or ""),
        "",
        *_table(("option", "meaning"), ((f"`{flag}`", text) for flag, text in options)),
    ]


def format_definition() -> str:
    """docs/energyprofile.md: every field of the custom resource, with its rules."""
    definition = yaml.safe_load(DEFINITION.read_text())["spec"]
    version = definition["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    columns = version["additionalPrinterColumns"]
    names = definition["names"]
    return "\n".join(
        [
            f"# {names['kind']}",
            "",
            _MADE.format(source="`crds/energyprofile.yaml`"),
            "",
            schema["description"],
            "",
            f"`apiVersion: {definition['group']}/{version['name']}`, short names: "
            + ", ".join(f"`{each}`" for each in names["shortNames"])
            + ".",
            "",
            "## spec: what you want",
            "",
            *_field_table(schema["properties"]["spec"], "spec"),
            "",
            "## status: what joulefit learnt",
            "",
            schema["properties"]["status"]["description"],
            "",
            *_field_table(schema["properties"]["status"], "status"),
            "",
            "## kubectl get energyprofiles",
            "",
            *_table(
                ("column", "meaning"),
                ((each["name"], each.get("description", "")) for each in columns),
            ),
            "",
        ]
    )


def _field_table(schema: Schema, name: str) -> list[str]:
    rows = ((f"`{path}`", kind, text) for path, kind, text in _walk(schema, name))
    return _table(("field", "type", "meaning"), rows)


def _walk(schema: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, type and description of every field below an OpenAPI schema, depth first."""
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        yield here, _describe_type(field), _describe_field(field)
        inner, place = _open(field)
        yield from _walk(inner, here + place)


def _open(field: Schema) -> tuple[Schema, str]:
    """The schema of what a list or a map holds, and how a path says so."""
    if "items" in field:
        return field["items"], "[]"
    inner = field.get("additionalProperties")
    return (inner, "{}") if isinstance(inner, dict) else (field, "")


def _describe_type(field: Schema) -> str:
    kind = str(field.get("type", "quantity"))
    return f"list of {field['items'].get('type', 'object')}s" if kind == "array" else kind


def _describe_field(field: Schema) -> str:
    parts = [str(field.get("description", ""))]
    if "enum" in field:
        parts.append("One of: " + ", ".join(f"`{each}`" for each in field["enum"]) + ".")
    rules = [each["message"] for each in field.get("x-kubernetes-validations", ())]
    parts += [f"Refused otherwise: {rule}." for rule in rules]
    return " ".join(part for part in parts if part)


def format_documents() -> str:
    """docs/documents.md: the fields of every JSON document, part by part."""
    documents = (
        ("report", report_schema()),
        ("comparison", comparison_schema()),
        ("curve", curve_schema()),
        ("backtest", backtest_schema()),
    )
    lines = [
        "# JSON documents",
        "",
        _MADE.format(source="`recommender/model/`"),
        "",
        "All fields are always there. `null` says that a value is not known or does not exist;",
        "it is never replaced by zero. A later version of the same `apiVersion` may add fields.",
    ]
    for name, schema in documents:
        lines += ["", f"## {schema['title']}", ""]
        lines += [
            f"{schema['description']} JSON Schema: [{name}.schema.json]({name}.schema.json).",
            "",
        ]
        lines += _property_table(schema, name)
        for part, definition in schema["$defs"].items():
            lines += ["", f"### {name}: {part}", "", definition["description"], ""]
            lines += _property_table(definition, name)
    return "\n".join(lines) + "\n"


def _property_table(schema: Schema, document: str) -> list[str]:
    return _table(
        ("field", "type", "meaning"),
        (
            (f"`{name}`", _json_type(field, document), str(field.get("description", "")))
            for name, field in schema["properties"].items()
        ),
    )


def _json_type(field: Schema, document: str) -> str:
    """The type in words; a part of the document as a link to its table."""
    if "$ref" in field:
        part = field["$ref"].rpartition("/")[2]
        return f"[{part}](#{document}-{part.lower()})"
    if "anyOf" in field:
        return " or ".join(_json_type(each, document) for each in field["anyOf"])
    if "enum" in field:
        return ", ".join("null" if each is None else f"`{each}`" for each in field["enum"])
    if field.get("type") == "array":
        return f"list of {_json_type(field.get('items') or {}, document)}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map to {_json_type(field['additionalProperties'], document)}"
    return str(field.get("type", "any"))


def format_contributing() -> str:
    """docs/contributing.md: CONTRIBUTING.md of the repository, as a page."""
    title, _, rest = (ROOT / "CONTRIBUTING.md").read_text().partition("\n")
    made = _MADE.format(source="`CONTRIBUTING.md`")
    return f"{title}\n\n{made}\n" + rest.replace("](docs/", "](")


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(titles) + " |",
        "|" + "---|" * len(titles),
        *("| " + " | ".join(_cell(text) for text in row) + " |" for row in rows),
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
