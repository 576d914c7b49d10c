"""The tree of cgroups follows what comes and goes, and looks only where something did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.identity.tree import CgroupTree
from tests.collector.identity.build import CgroupFolders
from tests.collector.probes.group import OwnCgroup


@pytest.fixture
def folders(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return CgroupFolders(root)


def paths(tree):
    return {group.path: group.id for group in tree}


def test_all_folders_are_found_with_their_paths_below_the_root(folders):
    pod, container = folders.add("/pod"), folders.add("/pod/container")
    tree = CgroupTree(folders.root)

    assert tree.refresh()
    assert paths(tree) == {
        "/": folders.root.stat().st_ino,
        "/pod": pod,
        "/pod/container": container,
    }
    assert tree.get(container).parent is tree.get(pod)
    assert not tree.refresh()


def test_parents_come_before_their_children(folders):
    for path in ("/b/c/d", "/a"):
        folders.add(path)
    tree = CgroupTree(folders.root)
    tree.refresh()
    seen = set()
    for group in tree:
        assert group.parent is None or group.parent.id in seen
        seen.add(group.id)


def test_what_came_and_went_is_found(folders):
    ended, kept = folders.add("/a/ended"), folders.add("/a/kept")
    tree = CgroupTree(folders.root)
    tree.refresh()
    folders.end("/a/ended")
    new = folders.add("/a/new")  # as many as before: the number alone would not tell

    assert tree.refresh()
    assert ended not in tree
    assert kept in tree
    assert new in tree


def test_folder_of_the_same_name_is_another_cgroup(folders):
    before = folders.add("/service")
    child = folders.add("/service/child")
    tree = CgroupTree(folders.root)
    tree.refresh()
    folders.end("/service")
    after = folders.add("/service")

    assert tree.refresh()
    assert paths(tree)["/service"] == after
    assert before not in tree
    assert child not in tree


def test_existence_is_asked_of_the_folder(folders):
    group = folders.add("/a")
    tree = CgroupTree(folders.root)
    tree.refresh()

    assert tree.exists(group)
    folders.end("/a")
    assert not tree.exists(group)
    assert not tree.exists(4711)


def test_root_that_is_absent_has_no_cgroups_until_it_comes(tmp_path):
    tree = CgroupTree(tmp_path / "late")

    assert not tree.refresh()
    (tmp_path / "late").mkdir()
    assert tree.refresh()
    assert list(paths(tree)) == ["/"]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a/x", "a/y", "b/x"]), st.booleans())))
def test_after_any_changes_it_is_what_a_walk_finds(tmp_path_factory, changes):
    folders = CgroupFolders(tmp_path_factory.mktemp("tree"))
    tree = CgroupTree(folders.root)
    for path, ends in changes:
        if not ends:
            folders.add(path)
        elif (folders.root / path).exists():
            folders.end(path)
        tree.refresh()

        walked = {
            "/" + str(folder.relative_to(folders.root)).lstrip("."): folder.stat().st_ino
            for folder in [folders.root, *folders.root.rglob("*")]
            if folder.is_dir()
        }
        assert paths(tree) == walked


def test_real_cgroups_are_found_by_the_number_of_links():
    """kernfs keeps no mtime; here the kernel itself must count subfolders."""
    with OwnCgroup() as cgroup:
        ended = cgroup.child("ended").stat().st_ino
        tree = CgroupTree(cgroup.folder)
        tree.refresh()
        (cgroup.folder / "ended").rmdir()
        new = cgroup.child("new").stat().st_ino
        nested = cgroup.child("new/nested").stat().st_ino

        assert tree.refresh()
        assert set(paths(tree).values()) == {cgroup.id, new, nested}
        assert ended not in tree
