"""Memory and throttling, each container in its turn."""

import pytest

from collector.identity.facts import RENEWAL_SECONDS, Usage, UsageBook
from collector.identity.file import find_number
from collector.identity.hierarchy import find_hierarchy
from collector.identity.tree import CgroupTree
from tests.collector.identity.build import CgroupFolders

MIB = 1 << 20


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "root").mkdir()
    return CgroupFolders(tmp_path / "root")


def groups_of(root):
    tree = CgroupTree(root)
    tree.refresh()
    return {group.id: group for group in tree if group.parent is not None}


def test_version_2_working_set_leaves_out_cache_that_can_be_dropped(folders):
    group = folders.add("/a", memory=300 * MIB, cache=100 * MIB, throttled=2_500_000)
    book = UsageBook(folders.hierarchy)
    book.refresh(groups_of(folders.root), 0.0)

    assert book[group] == Usage(200 * MIB, 2.5)


def test_more_cache_than_memory_is_no_negative_working_set(folders):
    group = folders.add("/a", memory=MIB, cache=2 * MIB)
    book = UsageBook(folders.hierarchy)
    book.refresh(groups_of(folders.root), 0.0)

    assert book[group].working_set_bytes == 0


def test_what_a_cgroup_does_not_tell_is_none(folders):
    bare = folders.add("/bare")
    book = UsageBook(folders.hierarchy)
    book.refresh(groups_of(folders.root), 0.0)

    assert book[bare] == Usage(None, None)


def test_version_1_reads_the_controllers_own_trees(tmp_path):
    for folder in ("cpuacct/pod", "cpu/pod", "memory/pod"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cpuacct/cpuacct.usage").write_text("1")
    (tmp_path / "memory/pod/memory.usage_in_bytes").write_text("5000\n")
    stat = "inactive_file 7\ntotal_cache 9\ntotal_inactive_file 1000\n"
    (tmp_path / "memory/pod/memory.stat").write_text(stat)
    (tmp_path / "cpu/pod/cpu.stat").write_text("nr_throttled 3\nthrottled_time 1500000000\n")
    book = UsageBook(find_hierarchy(tmp_path))
    book.refresh(groups_of(tmp_path / "cpuacct"), 0.0)

    assert book[(tmp_path / "cpuacct/pod").stat().st_ino] == Usage(4000, 1.5)


def test_each_is_read_in_its_turn_and_a_new_one_at_once(folders):
    for number in range(8):
        folders.add(f"/c{number}", memory=number)
    groups = groups_of(folders.root)
    book = UsageBook(folders.hierarchy)
    assert set(book.refresh(groups, 0.0)) == set(groups)

    quarter = RENEWAL_SECONDS / 4
    rounds = [book.refresh(groups, quarter * (turn + 1)) for turn in range(4)]
    assert [len(each) for each in rounds] == [2, 2, 2, 2]
    assert {group for each in rounds for group in each} == set(groups)

    new = folders.add("/new", memory=1)
    assert new in book.refresh(groups_of(folders.root), RENEWAL_SECONDS)


def test_after_a_long_pause_each_is_read_once(folders):
    for number in range(3):
        folders.add(f"/c{number}", memory=number)
    groups = groups_of(folders.root)
    book = UsageBook(folders.hierarchy)
    book.refresh(groups, 0.0)

    assert sorted(book.refresh(groups, 10 * RENEWAL_SECONDS)) == sorted(groups)


def test_ended_cgroup_leaves_the_book(folders):
    group = folders.add("/a", memory=1)
    book = UsageBook(folders.hierarchy)
    book.refresh(groups_of(folders.root), 0.0)
    book.refresh({}, 1.0)

    with pytest.raises(KeyError):
        book[group]


def test_cgroup_that_vanishes_before_it_is_read_tells_nothing(folders):
    group = folders.add("/a", memory=1)
    groups = groups_of(folders.root)
    folders.end("/a")
    book = UsageBook(folders.hierarchy)
    book.refresh(groups, 0.0)

    assert book[group] == Usage(None, None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param(b"key 1\nother 2\n", 1, id="first"),
        pytest.param(b"other 2\nkey 31\n", 31, id="last"),
        pytest.param(b"total_key 1\nkey_b 2\n", None, id="only alike"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_number_in_a_line(text, number):
    assert find_number(text, b"key") == number
