"""The hook of mkdocs: an entry of the navigation whose page is not there is left out.

So one list serves however many parts of the documentation are there; an entry that ends in / stands
for the pages of that folder. Links in pages stay strict.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import MutableMapping

Entry: TypeAlias = Any
"""A path, or {title: path} or {title: [entries]}, as mkdocs.yml has them."""

_FIRST = {"index.md", "README.md"}


def on_config(config: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Called by mkdocs before anything is built."""
    config["nav"] = choose_entries(config["nav"], Path(config["docs_dir"]))
    return config


def choose_entries(entries: list[Entry], folder: Path) -> list[Entry]:
    """The entries whose pages are in `folder`; sections that hold none are left out."""
    return [kept for kept in (_choose(entry, folder) for entry in entries) if kept]


def _choose(entry: Entry, folder: Path) -> Entry | None:
    if isinstance(entry, str):
        return entry if (folder / entry).is_file() else None
    ((title, target),) = entry.items()
    if isinstance(target, str) and target.endswith("/"):
        target = _list_pages(folder, target)
    if isinstance(target, list):
        kept = choose_entries(target, folder)
        return {title: kept} if kept else None
    return entry if (folder / target).is_file() else None


def _list_pages(folder: Path, below: str) -> list[str]:
    """Pages of a folder by name, its index first."""
    pages = sorted(path.name for path in (folder / below).glob("*.md"))
    return [below + name for name in sorted(pages, key=lambda name: name not in _FIRST)]
