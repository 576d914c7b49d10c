"""Packs the kubectl plugin for krew, and writes its index manifest.

    python -m manifests.plugin.pack FOLDER

The archive is the same, byte for byte, wherever it is made, so that the manifest in the repository
names its digest.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

from recommender import __version__
from recommender.report.yaml_text import format_yaml_documents

HERE = Path(__file__).parent
SHIM = HERE / "kubectl-joulefit"
INDEX = HERE / "joulefit.yaml"
LICENSE = HERE.parents[1] / "LICENSE"
# Where releases are to be published; until then the manifest is for `kubectl krew install
# --manifest joulefit.yaml --archive FILE`.
HOME = "https://github.com/joulefit/joulefit"
ARCHIVE = f"kubectl-joulefit-{__version__}.zip"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of the format


def pack() -> bytes:
    """The archive: stored, not compressed, since compressors differ."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file, mode in ((LICENSE, 0o644), (SHIM, 0o755)):
            entry = zipfile.ZipInfo(file.name, _FIRST_DAY)
            entry.create_system = 3  # Unix: it has modes
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def format_index() -> str:
    """The manifest for the index of krew, the plugin manager of kubectl."""
    manifest = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "joulefit"},
        "spec": {
            "version": f"v{__version__}",
            "homepage": HOME,
            "shortDescription": "Resource requests for more work per joule",
            "description": (
                "Says which CPU and memory requests do the most work per joule, with every reason\n"
                "and the curve, from the history in Prometheus; checks an installation (doctor),\n"
                "replays history (backtest), compares with other recommenders. Changes nothing.\n"
            ),
            "caveats": (
                "The plugin calls the command joulefit, a Python package (3.11 or newer), which\n"
                "must be on PATH.\n"
            ),
            "platforms": [
                {
                    "selector": {
                        "matchExpressions": [
                            {"key": "os", "operator": "In", "values": ["linux", "darwin"]}
                        ]
                    },
                    "uri": f"{HOME}/releases/download/v{__version__}/{ARCHIVE}",
                    "sha256": hashlib.sha256(pack()).hexdigest(),
                    "bin": SHIM.name,
                    "files": [
                        {"from": SHIM.name, "to": "."},
                        {"from": LICENSE.name, "to": "."},
                    ],
                }
            ],
        },
    }
    return "# Made from manifests/plugin/pack.py by make docs; do not edit.\n" + (
        format_yaml_documents([manifest])
    )


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m manifests.plugin.pack FOLDER", file=sys.stderr)  # noqa: T201
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARCHIVE).write_bytes(pack())
    (folder / INDEX.name).write_text(format_index())
    return 0


if __name__ == "__main__":
    sys.exit(main())
