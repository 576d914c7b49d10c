"""The text is exact: each float and each millisecond reads back as it was."""

import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testbed.openmetrics import (
    Series,
    Writer,
    format_labels,
    read_in_milliseconds,
    write_openmetrics,
)


def written(*series):
    sink = io.StringIO()
    writer = Writer(sink)
    for one in series:
        writer.write(one)
    return sink.getvalue()


def series(name, values, *, start=100, step=60, kind="counter", labels=None):
    times = start + step * np.arange(len(values))
    return Series(name, labels or {"pod": "a"}, times, np.array(values, dtype=float), kind)


def test_a_series_is_a_line_per_sample_below_its_type():
    assert written(series("cpu_seconds_total", [0.0, 1.5])) == (
        '# TYPE cpu_seconds counter\ncpu_seconds_total{pod="a"} 0.0 100\n'
        'cpu_seconds_total{pod="a"} 1.5 160\n'
    )


def test_the_type_is_written_once_for_all_series_of_a_name():
    text = written(*(series("x", [1.0], kind="gauge", labels={"n": str(i)}) for i in range(3)))
    assert text.count("# TYPE x gauge") == 1
    assert text.count("\n") == 4


def test_fractions_of_a_second_are_written_as_milliseconds():
    assert written(series("x", [1.0], start=100.25, kind="gauge")).endswith("1.0 100.250\n")


def test_series_that_share_their_times_are_written_alike():
    times = np.arange(3)
    pair = [Series("x", {"n": n}, times, np.arange(3.0), "gauge") for n in "ab"]
    _, *lines = written(*pair).splitlines()
    assert [line.replace('"b"', '"a"') for line in lines[3:]] == lines[:3]


@pytest.mark.parametrize(
    ("value", "text"),
    [(float("nan"), "NaN"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (0.1, "0.1")],
    ids=["nan", "inf", "minus inf", "beside them"],
)
def test_values_that_are_no_numbers_are_spelt_as_the_format_wants(value, text):
    lines = written(series("x", [value, float("nan")], kind="gauge")).splitlines()
    assert lines[1] == f'x{{pod="a"}} {text} 100'


@pytest.mark.parametrize(
    ("value", "text"),
    [("\\", r'{n="\\"}'), ('"', r'{n="\""}'), ("\n", r'{n="\n"}')],
    ids=["backslash", "quote", "newline"],
)
def test_three_characters_of_label_values_are_escaped(value, text):
    assert format_labels({"n": value}) == text


def test_no_labels_are_no_braces():
    assert format_labels({}) == ""


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_each_float_reads_back_as_it_was(value):
    line = written(series("x", [value], kind="gauge")).splitlines()[1]
    assert float(line.split()[1]) == value


@given(st.integers(0, 2**42))
def test_each_millisecond_reads_back_as_it_was(milliseconds):
    line = written(series("x", [1.0], start=milliseconds / 1000, kind="gauge")).splitlines()[1]
    assert Fraction(line.split()[2]) * 1000 == milliseconds


@pytest.mark.parametrize(
    "pieces",
    [["a 1 2\n"], ["a 1 2\n", "# EOF\n"], ["a 1 2"], ["a 1 ", "2\n# EOF\n"]],
    ids=["without an end", "with it", "without a last newline", "in pieces"],
)
def test_a_file_ends_with_the_end_mark_once(tmp_path, pieces):
    path = tmp_path / "x.om"
    write_openmetrics(path, pieces)
    assert path.read_text() == "a 1 2\n# EOF\n"


def test_a_file_of_series_ends_with_the_end_mark(tmp_path):
    path = tmp_path / "x.om"
    write_openmetrics(path, [series("x", [1.0], kind="gauge")])
    assert path.read_text() == '# TYPE x gauge\nx{pod="a"} 1.0 100\n# EOF\n'


def test_the_prometheus_text_has_integer_milliseconds(tmp_path):
    path = tmp_path / "x.om"
    path.write_text('# TYPE x gauge\nx{n="1 2"} 3 100\nx 3 100.5\nx 3 100.25\nx 3 100.125\n# EOF\n')
    assert b"".join(read_in_milliseconds(path)).decode() == (
        '# TYPE x gauge\nx{n="1 2"} 3 100000\nx 3 100500\nx 3 100250\nx 3 100125\n# EOF\n'
    )


def test_a_counter_must_be_called_total():
    with pytest.raises(ValueError, match="_total"):
        series("cpu_seconds", [1.0])


def test_times_and_values_must_be_as_many():
    with pytest.raises(ValueError, match="times"):
        Series("x", {}, np.arange(2), np.arange(3.0), "gauge")
