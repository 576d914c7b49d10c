"""A process of its own that compiles and loads a BPF program with bcc and hands over descriptors.

    python -I compiler.py SOCKET SOURCE FUNCTION MAPS [FLAG...]

Answers one JSON object over the socket: `{"names": [...]}` with the descriptors of the program
and of the maps beside it, or `{"stage": "import" | "compile" | "load", "error": "..."}`. bcc maps
70 MB of compiler and prints warnings on stderr; both end with this process. Nothing of this
project is imported here: it starts fast, and from any folder.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import Any

# Where distributions put it. On PyPI `bcc` is another program, so its name alone is no proof.
PLACES = (
    "/usr/lib/python3/dist-packages",
    "/usr/lib/python3.*/site-packages",
    "/usr/local/lib/python3*/dist-packages",
    "/usr/local/lib/python3*/site-packages",
)


def find_bcc(places: tuple[str, ...] = PLACES) -> Path:
    """The folder of the package, newest Python first; it is pure Python over libbcc.

    Raises:
        ImportError: it is in none of the places.
    """
    for place in places:
        for folder in sorted(Path("/").glob(place.lstrip("/") + "/bcc"), reverse=True):
            if (folder / "libbcc.py").is_file():
                return folder
    raise ImportError("no folder of it in " + ", ".join(places))


def import_bcc(folder: Path) -> Any:
    """That one package, and nothing else of the folder that it is in."""
    spec = importlib.util.spec_from_file_location(
        "bcc", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no Python package")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    spec.loader.exec_module(module)
    return module


def _serve(
    channel: socket.socket, source: str, function: str, maps: list[str], flags: list[str]
) -> None:
    stage = "import"
    try:
        bcc = import_bcc(find_bcc())
        stage = "compile"
        module = bcc.BPF(src_file=source, cflags=flags)
        stage = "load"
        program = module.load_func(function, bcc.BPF.RAW_TRACEPOINT)
        descriptors = [program.fd, *(module[name].map_fd for name in maps)]
        answer = json.dumps({"names": ["program", *maps]}).encode()
    except Exception as error:  # noqa: BLE001 - bcc raises plain Exception; whatever it is, we say it
        answer = json.dumps({"stage": stage, "error": str(error)}).encode()
        descriptors = []
    socket.send_fds(channel, [answer], descriptors)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _channel:
        _serve(_channel, sys.argv[2], sys.argv[3], sys.argv[4].split(","), sys.argv[5:])
