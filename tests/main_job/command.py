"""The command line as a user calls it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JOULEFIT = Path(sys.executable).with_name("joulefit")


@dataclass(frozen=True)
class Outcome:
    """How one call ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one line of an error; more than one, or a traceback, is a fault in itself."""
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("error: "), self.stderr
        assert self.stdout == ""
        return lines[0]


def joulefit(*arguments: object, **environment: str) -> Outcome:
    """Run `joulefit` with these arguments; nothing of the caller's settings reaches it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JOULEFIT_") and name != "KUBECONFIG"
    }
    done = subprocess.run(
        [str(JOULEFIT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**kept, **environment},
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
