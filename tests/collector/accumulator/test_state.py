import json

import pytest

from collector.accumulator.state import NodeIdentity, StateFile, read_node_identity

NODE = NodeIdentity("machine-1", "boot-1")
PAYLOAD = {"counters": [1, 2**62], "names": ["ä", ""]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state"


def test_a_state_comes_back_as_it_was(path):
    StateFile(path, node=NODE).write(PAYLOAD)
    loaded = StateFile(path, node=NODE).load()
    assert (loaded.payload, loaded.remark) == (PAYLOAD, "")


def test_a_newer_state_replaces_the_older_and_leaves_nothing_beside(path):
    file = StateFile(path, node=NODE)
    file.write({"n": 1})
    file.write({"n": 2})
    assert file.load().payload == {"n": 2}
    assert [each.name for each in path.parent.iterdir()] == ["state"]


def test_a_missing_state_is_a_beginning(path):
    loaded = StateFile(path, node=NODE).load()
    assert (loaded.payload, loaded.remark) == (None, f"no state at {path}: counters begin at zero")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: "", "no state of a collector"),
        (lambda _: "hello\nworld\n", "no state of a collector"),
        (lambda _: "[]\n[]\n", "no state of a collector"),
        (lambda text: text[:-20], "is damaged"),
        (lambda text: text.replace("4611686018427387904", "4611686018427387905"), "is damaged"),
        (lambda text: text.replace('"version": 1', '"version": 9'), "has version 9"),
    ],
    ids=["empty", "text", "other JSON", "truncated", "a changed counter", "another version"],
)
def test_a_broken_state_is_set_aside_and_said_once(path, change, reason):
    StateFile(path, node=NODE).write(PAYLOAD)
    broken = change(path.read_text())
    path.write_text(broken)
    loaded = StateFile(path, node=NODE).load()
    assert loaded.payload is None
    assert reason in loaded.remark
    assert path.with_name("state.aside").read_text() == broken
    assert "no state at" in StateFile(path, node=NODE).load().remark


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (NodeIdentity("machine-2", "boot-1"), "another node"),
        (NodeIdentity("machine-1", "boot-2"), "an earlier start of this node"),
    ],
    ids=["another machine", "after a reboot"],
)
def test_a_foreign_state_is_set_aside(path, node, reason):
    StateFile(path, node=NODE).write(PAYLOAD)
    loaded = StateFile(path, node=node).load()
    assert loaded.payload is None
    assert reason in loaded.remark
    assert not path.exists()


def test_a_write_that_fails_keeps_the_older_state(path):
    file = StateFile(path, node=NODE)
    file.write({"n": 1})
    with pytest.raises(TypeError):
        file.write({"n": object()})
    assert file.load().payload == {"n": 1}


def test_a_write_that_fails_leaves_nothing_beside(path):
    path.mkdir()
    (path / "full").touch()
    with pytest.raises(OSError, match=r".+"):
        StateFile(path, node=NODE).write({})
    assert [each.name for each in path.parent.iterdir()] == ["state"]


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        StateFile(tmp_path / "nowhere" / "state", node=NODE).write({})


def test_a_state_that_is_a_folder_is_said(path):
    path.mkdir()
    assert "cannot be read" in StateFile(path, node=NODE).load().remark


def test_only_the_owner_may_read_a_state(path):
    StateFile(path, node=NODE).write(PAYLOAD)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_node_is_known_by_its_machine_id_and_its_start(tmp_path):
    boot = tmp_path / "sys" / "kernel" / "random" / "boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text("b-1\n")
    (tmp_path / "machine-id").write_text("m-1\n")
    found = read_node_identity(tmp_path, machine_id_file=tmp_path / "machine-id")
    assert found == NodeIdentity("m-1", "b-1")
    assert read_node_identity(tmp_path, machine_id_file=tmp_path / "no") == NodeIdentity("", "b-1")


def test_the_header_tells_a_reader_what_it_is(path):
    StateFile(path, node=NODE).write(PAYLOAD)
    header = json.loads(path.read_text().splitlines()[0])
    assert (header["format"], header["version"]) == ("joulefit-collector-state", 1)
