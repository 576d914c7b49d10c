"""Pictures of the terminal are what the program prints."""

from __future__ import annotations

import re
import subprocess
from html import unescape
from xml.etree import ElementTree as ET

import pytest

from docs.screenshots import FOLDER, RECORDING, SCREENSHOTS, capture, draw_all
from recommender.recording import write_recording
from recommender.simulator import simulate
from recommender.simulator.generator import END


@pytest.fixture(scope="module")
def drawn():
    return draw_all()


@pytest.mark.parametrize("name", [each.name for each in SCREENSHOTS])
def test_a_kept_picture_is_what_is_printed_now(name, drawn):
    """Where this fails after a change of output: make screenshots, and look at them."""
    assert (FOLDER / name).read_text() == drawn[name]


@pytest.mark.parametrize("name", [each.name for each in SCREENSHOTS])
def test_a_picture_says_that_it_is_simulated(name, drawn):
    texts = "".join(ET.fromstring(drawn[name]).itertext())
    assert "SIMULATED" in unescape(texts).replace("\xa0", " ")


@pytest.mark.parametrize("name", [each.name for each in SCREENSHOTS])
def test_a_picture_asks_no_other_host(name, drawn):
    addresses = set(re.findall(r"url\(['\"]?(?!#)[^)]*\)|@import|@font-face", drawn[name]))
    assert addresses == set()


def test_a_terminal_gets_colours_and_no_more_columns_than_it_has(tmp_path):
    write_recording(tmp_path / RECORDING, simulate(end=END, days=2, nodes=3))
    text = capture("joulefit report -n shop", columns=100, folder=tmp_path)
    assert "\x1b[" in text
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= 100


def test_a_command_that_fails_is_no_picture(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        capture("joulefit report -n shop", columns=100, folder=tmp_path)
