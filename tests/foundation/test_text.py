"""Text of others cannot steer a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.text import escape_controls, escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("a\x1b[31mred", r"a\x1b[31mred", id="colour"),
        pytest.param("a\nb\tc\r", r"a\nb\tc\r", id="line breaks"),
        pytest.param("a\x9b2Jb", r"a\x9b2Jb", id="8-bit control sequence"),
        pytest.param("a\u202eb", r"a\u202eb", id="writing direction"),
        pytest.param("a\u200bb", r"a\u200bb", id="invisible"),
        pytest.param("Prüfung", "Prüfung", id="letters stay"),
    ],
)
def test_controls_are_escaped_and_letters_are_not(text, escaped):
    assert escape_controls(text) == escaped


@given(st.text())
def test_escaped_text_is_always_printable(text):
    assert escape_controls(text).isprintable()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("a*b_c", r"a\*b\_c", id="emphasis"),
        pytest.param("a|b", r"a\|b", id="cells"),
        pytest.param("<script>", r"\<script\>", id="elements"),
        pytest.param("![x](y)", r"!\[x\](y)", id="links and pictures"),
        pytest.param("`x`", r"\`x\`", id="code"),
        pytest.param("a\\b", r"a\\b", id="a backslash"),
        pytest.param("a\nb", r"a\\nb", id="line breaks become visible"),
        pytest.param("411m, x1.9", "411m, x1.9", id="numbers stay"),
    ],
)
def test_marks_of_markdown_are_escaped(text, escaped):
    assert escape_markdown(text) == escaped
