"""Kernel headers for bcc: those of the running kernel, or of any other, since the program reads no
kernel structure.
"""

from __future__ import annotations

import os
import platform
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.probes.failure import ProbeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED = (
    "include/linux/kconfig.h",
    "include/generated/autoconf.h",
    "include/uapi/linux/bpf.h",
)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class HeaderPlaces:
    """Folders that tests replace."""

    modules: Path = Path("/lib/modules")
    sources: tuple[Path, ...] = (Path("/usr/src"), Path("/usr/src/kernels"))
    archive: Path = Path("/sys/kernel/kheaders.tar.xz")
    release: str = platform.release()


def find_headers(places: HeaderPlaces, environment: Mapping[str, str]) -> Path | None:
    """The folder for BCC_KERNEL_SOURCE; None where bcc finds the running kernel's by itself.

    In this order: BCC_KERNEL_SOURCE; /lib/modules/RELEASE/build; the kernel's own archive
    (CONFIG_IKHEADERS); the tree in /usr/src whose version is nearest. Debian splits a tree in two,
    which are merged as symlinks in the cache folder.

    Raises:
        ProbeUnavailableError: there are none.
    """
    if own := environment.get("BCC_KERNEL_SOURCE"):
        if _is_complete(Path(own)):
            return Path(own)
        raise ProbeUnavailableError(f"BCC_KERNEL_SOURCE={own} holds no kernel headers")
    build = places.modules / places.release / "build"
    if _is_complete(build):
        return build
    split = [build, build.parent / "source"]
    if _are_complete(split) or places.archive.is_file():
        return None
    for tree in sorted(_installed(places), key=lambda tree: _distance(tree, places.release)):
        if _is_complete(tree):
            return tree
        common = _common_of(tree)
        if common is not None and _are_complete([tree, common]):
            return _merged(tree, common, _cache_folder(environment))
    raise ProbeUnavailableError(
        f"no kernel headers (of {places.release}, or of any other version) on this machine; install"
        " linux-headers-amd64 (Debian), linux-headers-generic (Ubuntu) or kernel-devel (Fedora), or"
        " set BCC_KERNEL_SOURCE to a folder that holds some"
    )


def _is_complete(tree: Path) -> bool:
    return _are_complete([tree])


def _are_complete(trees: list[Path]) -> bool:
    return all(any((tree / name).is_file() for tree in trees) for name in _NEEDED)


def _installed(places: HeaderPlaces) -> list[Path]:
    trees = [tree for source in places.sources for tree in source.glob("*") if tree.is_dir()]
    return [tree for tree in trees if not tree.name.endswith("-common")]


def _distance(tree: Path, release: str) -> tuple[int, ...]:
    """The running kernel's own first, then the nearest version."""
    mine, theirs = ([int(n) for n in _NUMBER.findall(text)][:3] for text in (release, tree.name))
    gaps = [abs(a - b) for a, b in zip(mine, theirs, strict=False)]
    return tuple(gaps + [2**31] * (3 - len(gaps)))


def _common_of(tree: Path) -> Path | None:
    """Debian: linux-headers-6.1.0-13-amd64 stands on linux-headers-6.1.0-13-common."""
    common = tree.with_name(tree.name.rpartition("-")[0] + "-common")
    return common if common.is_dir() else None


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """A folder that only this user can have written to: the compiler trusts what is in it."""
    named = environment.get("XDG_CACHE_HOME")
    home = environment.get("HOME")
    for base in ([Path(named)] if named else []) + ([Path(home) / ".cache"] if home else []):
        folder = base / "joulefit" / "kernel-headers"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # a read-only root: a temporary folder serves
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="joulefit-kernel-headers-"))


def _merged(tree: Path, common: Path, cache: Path) -> Path:
    """One folder of symlinks; whole or not at all, for a start beside this one."""
    target = cache / tree.name
    if _is_complete(target):
        return target
    with tempfile.TemporaryDirectory(dir=cache) as work:
        merged = Path(work) / "tree"
        _merge(tree, common, merged)
        try:
            merged.rename(target)
        except OSError as error:
            if not _is_complete(target):  # else another start was faster
                raise ProbeUnavailableError(
                    f"cannot write merged kernel headers to {target}: {error.strerror}; remove it"
                ) from error
    return target


def _merge(first: Path, second: Path, target: Path) -> None:
    """Only folders that are in both are made anew: some hundred links, not 15,000."""
    target.mkdir()
    ours = {entry.name: entry for entry in first.iterdir()}
    theirs = {entry.name: entry for entry in second.iterdir()}
    for name in ours.keys() | theirs.keys():
        one, other = ours.get(name), theirs.get(name)
        if one is not None and other is not None and one.is_dir() and other.is_dir():
            _merge(one, other, target / name)
        else:
            (target / name).symlink_to(one or other or first)
