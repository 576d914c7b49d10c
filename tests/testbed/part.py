"""Where the testbed's programs are: KUBEBUILDER_ASSETS, then PATH, then the cache of install.sh."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

INSTALL_COMMAND = "tests/testbed/install.sh"


class MissingPartError(Exception):
    """A program of the testbed is not on this machine; the message says how to get it."""


def cache_folder() -> Path:
    """The folder that install.sh fills."""
    if own := os.environ.get("JOULEFIT_TESTBED_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "joulefit" / "testbed"


def find_program(name: str) -> Path | None:
    """The program's path, or None; the same order of places as in install.sh."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(Path(assets) / name, os.X_OK):
        return Path(assets) / name
    if on_path := shutil.which(name):
        return Path(on_path)
    return find_own(name)


def find_own(name: str) -> Path | None:
    """The newest file of this name, below a folder of the cache."""
    cached = sorted(cache_folder().glob(f"*/{name}"), key=_by_version)
    return cached[-1] if cached else None


def _by_version(path: Path) -> list[tuple[int, str]]:
    """Numbers by their value, as `sort -V` has them."""
    return [(int(n or 0), text) for n, text in re.findall(r"(\d+)|(\D+)", str(path))]


def require_program(name: str) -> Path:
    """The program's path.

    Raises:
        MissingPartError: it is in none of the places.
    """
    found = find_program(name)
    if found is None:
        message = f"{name} is not on this machine; install with: {INSTALL_COMMAND}"
        raise MissingPartError(message)
    return found


def require_own(name: str) -> Path:
    """The path of a file of the cache, whatever PATH has.

    Raises:
        MissingPartError: it is not there.
    """
    found = find_own(name)
    if found is None:
        message = f"{name} is not in {cache_folder()}; install with: {INSTALL_COMMAND}"
        raise MissingPartError(message)
    return found


def kernel_headers() -> Path:
    """A folder with kernel headers of some version in one tree: for BCC_KERNEL_SOURCE.

    Raises:
        MissingPartError: install.sh has not put them there.
    """
    own = os.environ.get("BCC_KERNEL_SOURCE")
    return Path(own) if own else require_own("include/linux/kconfig.h").parents[2]


def require_bcc() -> Path:
    """The Python of the distribution, which finds its own bcc.

    Raises:
        MissingPartError: there is none, or it has no bcc.
    """
    python = Path("/usr/bin/python3")
    if not any(Path("/usr/lib").glob("python3*/*-packages/bcc/libbcc.py")) or not python.exists():
        message = f"bcc is not on this machine; install python3-bpfcc, or with: {INSTALL_COMMAND}"
        raise MissingPartError(message)
    return python
