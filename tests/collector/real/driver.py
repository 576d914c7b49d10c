"""The law as a process that a test starts and ends."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.collector.real import law
from tests.testbed.process import RunningService


class LawDriver(RunningService):
    """Lets the registers of a tree go on by the law."""

    def __init__(self, tree: Path) -> None:
        super().__init__()
        self._tree = tree

    def _start(self) -> None:
        self.launch(sys.executable, "-S", str(Path(law.__file__)), str(self._tree))
