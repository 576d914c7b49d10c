"""Writes what is generated in manifests/ (make docs), or checks that it is current (--check).

The chart's values.schema.json comes from the options of the two commands, the plugin's index
manifest from its archive, the plain manifests from the chart. Only the latter want helm; without
it they are left as they are, which is said, and `make test` checks them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from manifests.plugin.pack import INDEX, format_index
from manifests.render import OVERLAYS, PLAIN, find_helm, list_plain
from manifests.schema import values_schema

SCHEMA = Path(__file__).parent / "chart" / "values.schema.json"


def format_schema() -> str:
    """values.schema.json of the chart."""
    return json.dumps(values_schema(), indent=2) + "\n"


def list_files(helm: Path | None) -> dict[Path, str]:
    """All that is generated, as far as it can be made here."""
    plain = list_plain(helm) if helm else {}
    made = {SCHEMA: format_schema(), INDEX: format_index()}
    return made | {PLAIN / name: text for name, text in plain.items()}


def list_orphans(helm: Path | None, files: dict[Path, str]) -> list[Path]:
    """Plain manifests that nothing renders any more."""
    return sorted(set(PLAIN.glob("*.yaml")) - set(files)) if helm else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where stale")
    is_check = parser.parse_args().check
    helm = find_helm()
    if not is_check:
        SCHEMA.write_text(format_schema())  # the chart is rendered by it
    try:
        files = list_files(helm)
    except subprocess.CalledProcessError as error:
        print(f"helm: {error.stderr.strip()}", file=sys.stderr)  # noqa: T201
        return 1
    stale = [path for path, text in files.items() if not _holds(path, text)]
    orphans = list_orphans(helm, files)
    if not is_check:
        for path in stale:
            path.write_text(files[path])
        for path in orphans:
            path.unlink()
    changed = [path.name for path in (*stale, *orphans)]
    if changed:
        print(("stale, run make docs: " if is_check else "written: ") + ", ".join(changed))  # noqa: T201
    if helm is None:
        names = ", ".join(OVERLAYS)
        print(f"no helm here (make testbed): plain manifests not rendered ({names})")  # noqa: T201
    return 1 if changed and is_check else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
