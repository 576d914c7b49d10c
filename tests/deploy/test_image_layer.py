"""The image that ships is the same, byte for byte, however often it is made."""

import tarfile

import pytest

from tests.testbed.shipped_image import EPOCH, cached_base, write_project_layer

pytestmark = pytest.mark.timeout(600)  # the first time debootstrap fetches Debian


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """The layer with joulefit, made twice."""
    base = cached_base()
    made = []
    for name in ("once", "again"):
        folder = tmp_path_factory.mktemp(name, numbered=False)
        made.append(folder / "layer.tar")
        write_project_layer(base / "root", made[-1], folder)
    return made


def test_the_same_sources_give_the_same_layer(layers):
    once, again = (layer.read_bytes() for layer in layers)
    assert once == again


def test_it_holds_the_commands_and_what_they_run_and_nothing_else(layers):
    with tarfile.open(layers[0]) as layer:
        entries = layer.getmembers()
    names = {entry.name for entry in entries}
    commands = {"joulefit", "joulefit-collector", "kubectl-joulefit"}
    assert {f"opt/joulefit/bin/{each}" for each in commands} <= names
    site = "opt/joulefit/lib/python3.11/site-packages"
    allowed = (f"{site}/recommender", f"{site}/collector", f"{site}/joulefit-", "opt/joulefit/bin/")
    assert [name for name in names if not name.startswith(allowed)] == []
    assert f"{site}/collector/probes/sched_switch.c" in names
    assert {entry.mtime for entry in entries} == {EPOCH}


def test_everybody_may_read_it_and_only_root_may_write(layers):
    with tarfile.open(layers[0]) as layer:
        modes = [entry.mode for entry in layer.getmembers()]
    assert all(mode & 0o004 and not mode & 0o022 for mode in modes)
