"""Writes the dashboards' JSON (make dashboards), or checks it (--check): drift and structure."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from manifests.dashboards import efficiency, nodes, operations, workload
from manifests.dashboards.fault import find_faults

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

FOLDER = Path(__file__).parent


def format_dashboards() -> dict[str, str]:
    """The text of each file by its name."""
    pages = [each.build() for each in (efficiency, workload, nodes, operations)]
    return {f"{page.uid}.json": _format(page) for page in pages}


def _format(page: Dashboard) -> str:
    return json.dumps(page, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where stale")
    is_check = parser.parse_args().check
    texts = format_dashboards()
    stale = {name for name, text in texts.items() if _read(name) != text}
    stale |= {path.name for path in FOLDER.glob("*.json")} - texts.keys()
    if stale and not is_check:
        for name in sorted(stale):
            _write(name, texts.get(name))
    if stale:
        print(("stale, run make dashboards: " if is_check else "written: ") + ", ".join(stale))  # noqa: T201
    faults = find_faults({name: json.loads(text) for name, text in texts.items()})
    for fault in faults:
        print(fault)  # noqa: T201
    return 1 if faults or (stale and is_check) else 0


def _read(name: str) -> str:
    path = FOLDER / name
    return path.read_text() if path.exists() else ""


def _write(name: str, text: str | None) -> None:
    """A file that no dashboard stands behind any more goes."""
    if text is None:
        (FOLDER / name).unlink()
    else:
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    sys.exit(main())
