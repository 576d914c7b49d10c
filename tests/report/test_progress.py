from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from recommender.report.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def screen(written):
    """The lines that a terminal would show after all that was written to it."""
    lines, row = [""], 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token.endswith("A"):
            row = max(0, row - int(token[2:-1] or 1))
        elif token.endswith("K"):
            lines[row] = ""
        elif token[0] not in "\x1b\r":
            lines[row] += token
    return [line.strip() for line in lines if line.strip()]


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_step_count_rate_and_time_left():
    stream, clock = Terminal(), Clock()
    with Progress(stream=stream, clock=clock) as progress:
        for done in range(5):
            clock.now = done * 2.0
            progress("read usage", done, 20)
        (line,) = screen(stream.getvalue())
        # 4 of 20 in 8 s: 0.5 a second, and 32 s for the other 16.
        assert re.sub(r" +", " ", line) == "read usage 4/20 0.5/s 00:32 left"


@pytest.mark.usefixtures("terminal")
def test_the_line_is_gone_when_done():
    stream = Terminal()
    with Progress(stream=stream) as progress:
        progress("read usage", 1, 2)
        assert screen(stream.getvalue()) != []
    assert screen(stream.getvalue()) == []


@pytest.mark.usefixtures("terminal")
def test_the_line_is_gone_after_an_error_too():
    stream = Terminal()

    def fail():
        with Progress(stream=stream) as progress:
            progress("read usage", 1, 2)
            raise ValueError("store")

    with pytest.raises(ValueError, match="store"):
        fail()
    assert stream.getvalue()
    assert screen(stream.getvalue()) == []


@pytest.mark.usefixtures("terminal")
def test_a_new_step_takes_the_line_over():
    stream = Terminal()
    with Progress(stream=stream) as progress:
        progress("read usage", 3, 3)
        progress("read power", 0, 2)
        (line,) = screen(stream.getvalue())
        assert line.startswith("read power")
        assert "0/2" in line


@pytest.mark.usefixtures("terminal")
def test_a_step_of_unknown_length_is_shown_without_a_total():
    stream = Terminal()
    with Progress(stream=stream) as progress:
        progress("list pods", 500, 0)
        assert "500/?" in screen(stream.getvalue())[0]


def test_a_pipe_gets_nothing():
    stream = io.StringIO()
    with Progress(stream=stream) as progress:
        progress("read usage", 1, 2)
        progress("read power", 1, 2)
    assert stream.getvalue() == ""


def test_verbose_leaves_a_line_for_each_step_in_a_pipe():
    stream, clock = io.StringIO(), Clock()
    with Progress(is_verbose=True, stream=stream, clock=clock) as progress:
        progress("read usage", 1, 14)
        clock.now = 0.75
        progress("read usage", 14, 14)
        progress("read power", 0, 2)
        clock.now = 90.75
    assert stream.getvalue() == "read usage: 14 of 14 in 0.8 s\nread power: 0 of 2 in 1.5 min\n"


@pytest.mark.usefixtures("terminal")
def test_verbose_leaves_its_lines_on_a_terminal_and_the_bar_goes():
    stream, clock = Terminal(), Clock()
    with Progress(is_verbose=True, stream=stream, clock=clock) as progress:
        progress("read usage", 14, 14)
        progress("read power", 2, 2)
    assert screen(stream.getvalue()) == [
        "read usage: 14 of 14 in 0.0 s",
        "read power: 2 of 2 in 0.0 s",
    ]


def test_a_step_that_never_began_leaves_nothing():
    stream = io.StringIO()
    with Progress(is_verbose=True, stream=stream):
        pass
    assert stream.getvalue() == ""


@pytest.mark.usefixtures("terminal")
def test_step_names_cannot_steer_the_terminal():
    stream = Terminal()
    with Progress(is_verbose=True, stream=stream) as progress:
        progress("[red]a\x1b]0;b\x07", 1, 2)
    assert "\x1b]" not in stream.getvalue()
    assert r"[red]a\x1b]0;b\x07: 1 of 2" in stream.getvalue()


def test_rich_is_not_imported_for_a_pipe():
    code = (
        "import sys, io\n"
        "from recommender.report.progress import Progress\n"
        "from recommender.report.document import format_report\n"
        "with Progress(is_verbose=True, stream=io.StringIO()) as progress: progress('a', 1, 2)\n"
        "print([name for name in ('rich', 'numpy', 'kubernetes', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
