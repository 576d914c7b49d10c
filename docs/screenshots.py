"""Writes docs/screenshots (make screenshots): what a terminal shows, as SVG; --check compares.

The commands run as a user runs them, in a pseudo-terminal, on the recording of the simulated
cluster at a fixed time, so that the pictures change only when the program does.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

import recommender
from recommender.recording import write_recording
from recommender.simulator import simulate
from recommender.simulator.generator import END

FOLDER = Path(__file__).parent / "screenshots"
RECORDING = "demo.joulefit"

_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What rich writes for fonts that each reader would fetch from another host."""


_LOOK_SECONDS = 0.1
"""How often it is looked whether a command has ended."""


@dataclass(frozen=True)
class Screenshot:
    """`shown` is the command as the picture's title has it; the recording is added to it."""

    name: str
    shown: str
    columns: int


SCREENSHOTS = (
    Screenshot("report.svg", "joulefit report -n shop", 148),
    Screenshot("explain.svg", "joulefit explain shop/deploy/checkout", 120),
    Screenshot("curve.svg", "joulefit curve", 120),
)


def draw_all() -> dict[str, str]:
    """File name -> SVG of every screenshot."""
    with tempfile.TemporaryDirectory(prefix="joulefit-screenshots-") as folder:
        write_recording(Path(folder) / RECORDING, simulate(end=END))
        return {each.name: _draw(each, Path(folder)) for each in SCREENSHOTS}


def _draw(screenshot: Screenshot, folder: Path) -> str:
    text = capture(screenshot.shown, columns=screenshot.columns, folder=folder)
    console = Console(record=True, width=screenshot.columns, file=io.StringIO())
    console.print(Text.from_ansi(text.rstrip("\n")))
    picture = console.export_svg(
        title=f"$ {screenshot.shown}",
        theme=MONOKAI,
        unique_id=screenshot.name.partition(".")[0],
    )
    return _FONT.sub("", picture)


def capture(command: str, *, columns: int, folder: Path) -> str:
    """What `command` prints on a terminal of that width, with its colours.

    Raises subprocess.CalledProcessError where it fails.
    """
    own, its = pty.openpty()
    arguments = [*command.split()[1:], "--recording", RECORDING]
    process = subprocess.Popen(  # noqa: S603 - our own program, on our own recording
        [sys.executable, "-m", "recommender", *arguments],
        stdout=its,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(recommender.__file__).parents[1]),  # this program, not another
            "COLUMNS": str(columns),
            "TERM": "xterm-256color",
        },
    )
    # The other end stays open here too: what is still on its way when it hangs up may be lost.
    text = _read_until_ended(own, process).decode().replace("\r\n", "\n")
    os.close(own)
    os.close(its)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return text


def _read_until_ended(terminal: int, process: subprocess.Popen[bytes]) -> bytes:
    parts = []
    has_ended = False
    while True:
        if select.select([terminal], [], [], _LOOK_SECONDS)[0]:
            parts.append(os.read(terminal, 65536))
        elif has_ended:
            return b"".join(parts)
        has_ended = process.poll() is not None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where stale")
    is_check = parser.parse_args().check
    FOLDER.mkdir(exist_ok=True)
    stale = []
    for name, picture in draw_all().items():
        path = FOLDER / name
        if path.exists() and path.read_text() == picture:
            continue
        stale.append(name)
        if not is_check:
            path.write_text(picture)
    if stale:
        print(("stale, run make screenshots: " if is_check else "written: ") + ", ".join(stale))  # noqa: T201
    return 1 if stale and is_check else 0


if __name__ == "__main__":
    sys.exit(main())
