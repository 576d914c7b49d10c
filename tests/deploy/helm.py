"""helm, as the administrator of a cluster of the testbed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from manifests.render import CHART, find_helm, without_remarks
from tests.testbed.part import INSTALL_COMMAND, MissingPartError

if TYPE_CHECKING:
    from pathlib import Path


class HelmError(Exception):
    """helm refused; the message is what it said."""


def require_helm() -> Path:
    """helm's path.

    Raises:
        MissingPartError: neither PATH nor the testbed has it.
    """
    found = find_helm()
    if found is None:
        raise MissingPartError(f"helm is not on this machine; install with: {INSTALL_COMMAND}")
    return found


class Helm:
    """helm of one kubeconfig and namespace; its caches are in `folder`."""

    def __init__(self, kubeconfig: Path, folder: Path, *, namespace: str = "joulefit") -> None:
        self._program = require_helm()
        self._namespace = namespace
        self._environment = os.environ | {
            "KUBECONFIG": str(kubeconfig),
            "HELM_CACHE_HOME": str(folder / "helm-cache"),
            "HELM_CONFIG_HOME": str(folder / "helm-config"),
            "HELM_DATA_HOME": str(folder / "helm-data"),
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, *arguments: str) -> str:
        """What helm prints, its warnings included.

        Raises:
            HelmError: it failed.
        """
        command = [str(self._program), *arguments, "--namespace", self._namespace]
        done = subprocess.run(
            command,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        said = without_remarks(done.stdout)
        if done.returncode:
            raise HelmError(said)
        return said

    def install(self, *options: str) -> str:
        """The release `joulefit` of the chart that ships; its notes."""
        return self.run("install", "joulefit", str(CHART), *options)

    def upgrade(self, *options: str) -> str:
        return self.run("upgrade", "joulefit", str(CHART), *options)

    def uninstall(self) -> str:
        return self.run("uninstall", "joulefit", "--wait")
