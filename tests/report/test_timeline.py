"""Requests over time as a drawing: time to the right, cores upwards from zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.report.timeline import Track, draw_timeline

LEFT = 9  # columns of labels and of the vertical axis
DAY = 86400


def drawn(*tracks, columns=10, start=0, end=10):
    """The rows of the drawing without the axis, by their labels, and what is beneath them."""
    lines = draw_timeline(tracks, start=start, end=end, columns=columns)
    rows = [(line[: LEFT - 1].strip(), line[LEFT:].ljust(columns)) for line in lines[:-2]]
    return rows, lines[-2:]


def test_a_step_stands_where_its_time_is_and_at_the_height_of_its_cores():
    rows, _ = drawn(Track("o", [(0, 1.0), (4, 0.5)]))
    assert rows == [
        ("1", "oooo      "),
        ("", "          "),
        ("800m", "          "),
        ("", "          "),
        ("600m", "          "),
        ("", "    oooooo"),
        ("400m", "          "),
        ("", "          "),
        ("200m", "          "),
        ("", "          "),
        ("0", "          "),
    ]


def test_what_is_not_known_is_left_free():
    rows, _ = drawn(Track("o", [(2, 1.0), (5, None), (8, 1.0)]))
    assert rows[0] == ("1", "  ooo   oo")


def test_where_two_meet_the_first_is_seen():
    rows, _ = drawn(Track("o", [(0, 1.0)]), Track("n", [(0, 2.0), (5, 1.0)]))
    assert dict(rows)["2"] == "nnnnn     "
    assert dict(rows)["1"] == "o" * 10


def test_the_ends_of_the_window_are_told_beneath():
    _, (axis, label) = drawn(Track("o", [(0, 1.0)]), columns=30, start=DAY, end=3 * DAY)
    assert axis == " " * 8 + "+" + "-" * 30
    assert label == " " * 9 + "01-02 00:00" + " " * 8 + "01-04 00:00"


def test_where_nothing_is_known_nothing_is_drawn():
    assert draw_timeline([], start=0, end=1, columns=10) == []
    assert draw_timeline([Track("o", [(0, None)])], start=0, end=1, columns=10) == []
    assert draw_timeline([Track("o", [(0, 1.0)])], start=1, end=1, columns=10) == []


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0.001, "1m"), (0.0037, "4m"), (0.41, "500m"), (1.5, "1500m"), (7.0, "8"), (40.0, "40")],
)
def test_labels_are_round_amounts_of_whole_millicores(highest, top):
    rows, _ = drawn(Track("o", [(0, highest)]))
    assert next(label for label, _ in rows) == top


@given(st.lists(st.floats(0.0005, 2000.0), min_size=1, max_size=10), st.integers(24, 72))
def test_every_column_has_its_mark_and_there_are_few_rows(values, columns):
    points = [(float(time), value) for time, value in enumerate(values)]
    rows, _ = drawn(Track("o", points), columns=columns, end=len(values))
    assert 3 <= len(rows) <= 11
    assert all(len(row) == columns for _, row in rows)
    assert sum(row.count("o") for _, row in rows) == columns
