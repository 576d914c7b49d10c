"""The cgroups' folders, kept without listing them anew.

kernfs does not keep a folder's mtime, but it counts subfolders in the link number: a folder whose
links and known children are as before has the same children. So a refresh costs one stat(2) for
each cgroup, 5 microseconds, and a listing (20) only where something changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(eq=False, slots=True)
class Group:
    """A cgroup: `path` is relative to the root and begins with "/"; `id` is its inode."""

    id: int
    path: str
    root: str
    parent: Group | None
    children: dict[str, Group] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Made when it is asked for: two trees of a thousand cgroups would keep 0.4 MB of them."""
        return self.root + self.path if self.parent else self.root


class CgroupTree:
    """All cgroups below a root by id; parents come before their children."""

    def __init__(self, root: Path) -> None:
        self._root_folder = str(root)
        self._groups: dict[int, Group] = {}
        self._root: Group | None = None

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def __contains__(self, group_id: object) -> bool:
        return group_id in self._groups

    def get(self, group_id: int) -> Group | None:
        return self._groups.get(group_id)

    @property
    def root(self) -> Group | None:
        return self._root

    def refresh(self) -> bool:
        """Finds what came and went; whether anything did."""
        before = set(self._groups)
        if self._root is None:
            self._root = self._add("", None)
        waiting = [] if self._root is None else [self._root]
        while waiting:
            group = waiting.pop()
            if self._is_listed(group):
                waiting.extend(group.children.values())
            elif group.id not in self._groups and group.parent is not None:
                waiting.append(group.parent)  # it lost a child: look again
        return before != set(self._groups)

    def exists(self, group_id: int) -> bool:
        """Whether this cgroup's folder is still there, and still the same."""
        group = self._groups.get(group_id)
        try:
            return group is not None and os.stat(group.folder).st_ino == group_id  # noqa: PTH116 - hot
        except OSError:
            return False

    def _is_listed(self, group: Group) -> bool:
        """Whether it is still there; then its children are known."""
        try:
            status = os.stat(group.folder)  # noqa: PTH116 - hot
            if status.st_ino != group.id:
                raise FileNotFoundError(group.folder)  # another of the same name
            links = status.st_nlink
            if links < 2 or links - 2 != len(group.children):  # below 2: not counted (overlayfs)
                self._list(group)
        except OSError:
            self._remove(group)
            return False
        return True

    def _list(self, group: Group) -> None:
        with os.scandir(group.folder) as entries:
            found = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        for name in group.children.keys() - found:
            self._remove(group.children[name])
        for name in sorted(found - group.children.keys()):
            self._add(name, group)

    def _add(self, name: str, parent: Group | None) -> Group | None:
        path = "/" if parent is None else f"{parent.path.rstrip('/')}/{name}"
        group = Group(0, path, self._root_folder, parent)
        try:
            group.id = os.stat(group.folder).st_ino  # noqa: PTH116 - hot
        except OSError:  # gone already
            return None
        self._groups[group.id] = group
        if parent is not None:
            parent.children[name] = group
        return group

    def _remove(self, group: Group) -> None:
        for child in list(group.children.values()):
            self._remove(child)
        self._groups.pop(group.id, None)
        if group.parent is not None:
            group.parent.children.pop(group.path.rpartition("/")[2], None)
        elif group is self._root:
            self._root = None
