"""Writes the generated parts of docs/ (make docs), or checks that they are current (--check)."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from collector import settings as collector_settings
from docs.figures import FIGURES
from docs.reference import (
    format_commands,
    format_contributing,
    format_definition,
    format_documents,
)
from recommender import settings
from recommender.cluster.lease import DEFAULT_NAMESPACE, name_lease
from recommender.cluster.role import list_lease_rules, list_rules
from recommender.flags import OptionRow, option_rows
from recommender.report.schema import (
    backtest_schema,
    comparison_schema,
    curve_schema,
    report_schema,
)
from recommender.report.yaml_text import format_yaml_documents

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCS = Path(__file__).parent


def format_settings() -> str:
    """docs/settings.md: every option with its variable, default and the default's reason."""
    return _format_settings("Settings", "recommender", settings.ALL_SETTINGS)


def format_collector_settings() -> str:
    """docs/collector-settings.md: the same of the node collector."""
    title = "Settings of the node collector"
    return _format_settings(title, "collector", collector_settings.ALL_SETTINGS)


def _format_settings(title: str, package: str, groups: Sequence[type]) -> str:
    lines = [
        f"# {title}",
        "",
        f"Made from `{package}/settings.py` by `make docs`; do not edit.",
        "",
        "Each option is a flag and an environment variable; a flag beats the variable. Repeatable",
        "options stand one a line in their variable (headers) or with commas between (namespaces).",
    ]
    for group in groups:
        lines += ["", f"## {group.__name__.removesuffix('Settings')}", ""]
        lines += [inspect.cleandoc(group.__doc__ or ""), ""]
        lines += ["| flag | variable | default | meaning |", "|---|---|---|---|"]
        lines += [_format_row(row) for row in option_rows(group)]
    return "\n".join(lines) + "\n"


def _format_row(row: OptionRow) -> str:
    flag = f"`{row.flag}`" + (f" {row.metavar}" if row.metavar else "")
    why = f"; why this default: {row.why}" if row.why else ""
    default = f"`{row.default}`" if row.default else ""
    return f"| {flag} | `{row.variable}` | {default} | {row.text}{why} |".replace(
        row.metavar or "\0", (row.metavar or "\0").replace("|", "\\|")
    )


def format_schema() -> str:
    """docs/report.schema.json: the schema of `--output json`."""
    return json.dumps(report_schema(), indent=2) + "\n"


def format_comparison_schema() -> str:
    """docs/comparison.schema.json: the schema of `compare --output json`."""
    return json.dumps(comparison_schema(), indent=2) + "\n"


def format_curve_schema() -> str:
    """docs/curve.schema.json: the schema of `curve --output json`."""
    return json.dumps(curve_schema(), indent=2) + "\n"


def format_backtest_schema() -> str:
    """docs/backtest.schema.json: the schema of `backtest --output json`."""
    return json.dumps(backtest_schema(), indent=2) + "\n"


def format_role() -> str:
    """docs/cluster-role.yaml: what the recommender may do, and nothing more."""
    version = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    everywhere = {"kind": "ClusterRole", "metadata": {"name": "joulefit"}, "rules": list_rules()}
    lease = name_lease(settings.ClusterSettings().recommender_name)
    at_home = {
        "kind": "Role",
        "metadata": {"name": "joulefit-lease", "namespace": DEFAULT_NAMESPACE},
        "rules": list_lease_rules(lease),
    }
    return "# Made from recommender/cluster/role.py by make docs; do not edit.\n" + (
        format_yaml_documents([version | everywhere, version | at_home])
    )


GENERATED = {
    "settings.md": format_settings,
    "collector-settings.md": format_collector_settings,
    "report.schema.json": format_schema,
    "comparison.schema.json": format_comparison_schema,
    "curve.schema.json": format_curve_schema,
    "backtest.schema.json": format_backtest_schema,
    "cluster-role.yaml": format_role,
    "commands.md": format_commands,
    "contributing.md": format_contributing,
    "documents.md": format_documents,
    "energyprofile.md": format_definition,
    **FIGURES,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where stale")
    is_check = parser.parse_args().check
    stale = []
    for name, produce in GENERATED.items():
        path, text = DOCS / name, produce()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not is_check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        print(("stale, run make docs: " if is_check else "written: ") + ", ".join(stale))  # noqa: T201
    return 1 if stale and is_check else 0


if __name__ == "__main__":
    sys.exit(main())
