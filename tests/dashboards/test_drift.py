"""`make check` sees dashboards that are not what the script writes."""

from __future__ import annotations

import sys

import pytest

from manifests.dashboards import __main__ as script


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with what the script writes, and the script writing there."""
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    for name, text in script.format_dashboards().items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["dashboards", *arguments])
    return script.main()


def test_the_committed_files_are_what_the_script_writes(monkeypatch, capsys):
    assert run(monkeypatch, "--check") == 0
    assert capsys.readouterr().out == ""


def test_the_script_writes_the_same_each_time():
    assert script.format_dashboards() == script.format_dashboards()


def test_a_changed_file_is_told_and_not_mended_by_the_check(folder, monkeypatch, capsys):
    path = folder / "joulefit-nodes.json"
    path.write_text("{}\n")
    assert run(monkeypatch, "--check") == 1
    assert capsys.readouterr().out == "stale, run make dashboards: joulefit-nodes.json\n"
    assert path.read_text() == "{}\n"
    assert run(monkeypatch) == 0
    assert path.read_text() == script.format_dashboards()[path.name]


def test_a_missing_file_is_written(folder, monkeypatch):
    path = folder / "joulefit-workload.json"
    path.unlink()
    assert run(monkeypatch, "--check") == 1
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "--check") == 0


def test_a_dashboard_that_nothing_stands_behind_goes(folder, monkeypatch, capsys):
    (folder / "joulefit-old.json").write_text("{}\n")
    assert run(monkeypatch, "--check") == 1
    assert "joulefit-old.json" in capsys.readouterr().out
    assert run(monkeypatch) == 0
    assert not (folder / "joulefit-old.json").exists()
