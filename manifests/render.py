"""The plain manifests: the chart as helm renders it for each overlay of manifests/values."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
CHART = HERE / "chart"
PLAIN = HERE / "plain"
VALUES = HERE / "values"
OVERLAYS = tuple(sorted(path.stem for path in VALUES.glob("*.yaml")))
KUBE_VERSION = "1.34.0"
MONITORING = "monitoring.coreos.com/v1"
MANAGED = "app.kubernetes.io/managed-by: Helm"
EMPTY = {"apiVersion": "", "kind": ""}  # a document of comments alone
HEADER = "# Rendered from manifests/chart by make docs; do not edit.\n"


def find_helm() -> Path | None:
    """Helm of PATH, or the one that the testbed has built; None: there is neither."""
    if on_path := shutil.which("helm"):
        return Path(on_path)
    cache = os.environ.get("JOULEFIT_TESTBED_CACHE") or (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "joulefit" / "testbed"
    )
    built = sorted(Path(cache).glob("helm-*/helm"))
    return built[-1] if built else None


def render(helm: Path, *options: str, namespace: str = "joulefit") -> str:
    """What `helm template` prints.

    Raises:
        subprocess.CalledProcessError: helm refuses; `stderr` says why.
    """
    command = [str(helm), "template", "joulefit", str(CHART), "--namespace", namespace]
    command += ["--kube-version", KUBE_VERSION, *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        error.stderr = without_remarks(error.stderr)
        raise
    return done.stdout


def without_remarks(text: str) -> str:
    """What helm says, without its line for each symbolic link of the chart."""
    return "\n".join(line for line in text.splitlines() if "found symbolic link" not in line)


def list_plain(helm: Path) -> dict[str, str]:
    """Texts of the plain manifests by file name.

    One file for each overlay has all that any cluster takes. What asks for the Prometheus operator
    is in monitoring.yaml and, of the collector and its namespace, in monitoring-collector.yaml,
    Grafana's ConfigMaps in dashboards.yaml: `kubectl apply` of a file stops at a kind that the
    cluster does not have.
    """
    files = {}
    for overlay in OVERLAYS:
        values = ("--values", str(VALUES / f"{overlay}.yaml"), "--set", "namespace.create=true")
        rendered = render(helm, *values, "--include-crds", "--set", "dashboards.enabled=false")
        files[f"{overlay}.yaml"] = HEADER + _tidy(rendered)
    shown = render(helm, "--api-versions", MONITORING)
    files["monitoring.yaml"] = HEADER + _pick(
        shown, lambda each: each["apiVersion"] == MONITORING and each["kind"] != "PodMonitor"
    )
    files["monitoring-collector.yaml"] = HEADER + _pick(
        shown, lambda each: each["kind"] == "PodMonitor"
    )
    files["dashboards.yaml"] = HEADER + _pick(shown, lambda each: each["kind"] == "ConfigMap")
    return files


def _tidy(text: str) -> str:
    """Without helm's lines about sources, and without who manages what nobody manages."""
    return "".join(
        f"{line}\n"
        for line in text.splitlines()
        if not line.startswith("# Source:") and line.strip() != MANAGED
    )


def _pick(text: str, is_wanted: Callable[[dict[str, Any]], bool]) -> str:
    documents = [f"---\n{each.strip()}\n" for each in _split(text)]
    return _tidy("".join(each for each in documents if is_wanted(yaml.safe_load(each) or EMPTY)))


def _split(text: str) -> Sequence[str]:
    return [each for each in f"\n{text}".split("\n---\n") if each.strip()]
