"""Reference pages tell all of the code: every command, option, field and document."""

from __future__ import annotations

import re

import click
import pytest
import yaml

from docs.generate import DOCS, GENERATED
from docs.reference import (
    DEFINITION,
    PROGRAMS,
    format_commands,
    format_contributing,
    format_definition,
    format_documents,
)
from recommender.report.schema import report_schema
from tests.documentation.page import ROOT

COMMANDS = format_commands()
ALL = [
    (program, name, command)
    for program, group in PROGRAMS
    for name, command in group.commands.items()
]


@pytest.mark.parametrize("name", ["commands.md", "contributing.md", "documents.md"])
def test_a_page_is_kept_as_it_is_made(name):
    assert (DOCS / name).read_text() == GENERATED[name]()


@pytest.mark.parametrize(("program", "name", "command"), ALL, ids=str)
def test_a_command_has_a_part_with_every_option(program, name, command):
    part = COMMANDS.partition(f"\n## {program} {name}\n")[2].partition("\n## ")[0]
    flags = [flag for each in command.params for flag in each.opts if flag.startswith("--")]
    assert flags
    assert [flag for flag in flags if flag not in part] == []
    assert command.help.splitlines()[0] in part


def test_an_argument_is_in_the_usage():
    assert "`joulefit explain [OPTIONS] NAMESPACE/KIND/NAME`" in COMMANDS


def test_a_bar_inside_a_cell_does_not_end_it():
    for line in COMMANDS.splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 3


def leaves(schema, path):
    """Paths of all fields of the custom resource, by another road than the page's."""
    found = []
    for name, field in schema.get("properties", {}).items():
        found.append(f"{path}.{name}")
        inner = field.get("items") or field.get("additionalProperties")
        mark = "[]" if "items" in field else "{}" if isinstance(inner, dict) else ""
        found += leaves(inner if mark else field, f"{path}.{name}{mark}")
    return found


def test_every_field_of_the_custom_resource_is_told():
    version = yaml.safe_load(DEFINITION.read_text())["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    wanted = leaves(schema["spec"], "spec") + leaves(schema["status"], "status")
    assert re.findall(r"^\| `((?:spec|status)\.\S+)` ", format_definition(), re.MULTILINE) == wanted
    assert "spec.workMetric.name" in wanted


def test_allowed_values_and_refusals_of_a_field_are_told():
    row = next(line for line in format_definition().splitlines() if "`spec.workClass`" in line)
    assert "One of: `critical`, `standard`, `batch`." in row
    row = next(line for line in format_definition().splitlines() if "`spec.latency`" in line)
    assert "Refused otherwise: quantile belongs to a histogram" in row


def test_every_part_of_the_report_has_a_table_with_its_fields():
    text = format_documents()
    for part, definition in report_schema()["$defs"].items():
        table = text.partition(f"\n### report: {part}\n")[2].partition("\n### ")[0]
        assert [name for name in definition["properties"] if f"| `{name}` |" not in table] == []


def test_links_between_parts_of_documents_lead_to_headings():
    text = format_documents()
    slugs = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links <= slugs


def test_the_page_of_contributing_is_the_file_of_the_repository():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    page = format_contributing()
    assert page.startswith(text.splitlines()[0])
    assert page.count("\n## ") == text.count("\n## ")


def test_options_of_commands_are_clicks_own():
    assert all(isinstance(command, click.Command) for _, _, command in ALL)
