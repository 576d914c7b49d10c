"""The rules as promtool sees them: sound, and firing when and only when they should."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.testbed.part import require_program

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "manifests" / "rules"


def promtool(*arguments):
    """What it says, and whether it is content."""
    command = [str(require_program("promtool")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode == 0


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.name)
def test_promtool_has_no_complaint(path):
    text, is_content = promtool("check", "rules", path)
    assert is_content, text


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.yaml")), ids=lambda path: path.name)
def test_rules_say_what_is_expected_of_them(path):
    text, is_content = promtool("test", "rules", path)
    assert is_content, text


def test_promtool_would_have_complained(tmp_path):
    broken = (HERE / "recording.test.yaml").read_text().replace("value: 210", "value: 211")
    path = tmp_path / "broken.test.yaml"
    path.write_text(broken.replace("../../manifests/rules", str(RULES)))
    text, is_content = promtool("test", "rules", path)
    assert not is_content
    assert "2.11E+02" in text
