from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.report import CurvePoint
from recommender.report.curve import Mark, draw_curve, interpolate_curve

LEFT = 7  # columns of labels and of the vertical axis


def point(cores, value, *, low=None, high=None, is_feasible=True):
    low, high = value if low is None else low, value if high is None else high
    return CurvePoint(cores, value, low, high, 0.0, 0.0, is_feasible)


# One value a decade: on 31 columns a decade is 10 columns wide.
DECADES = (point(0.01, 1.0), point(0.1, 1.0), point(1.0, 1.0), point(10.0, 1.0))


def drawn(points, marks, *, columns=31):
    """The rows of the drawing without the vertical axis, and the axis beneath them."""
    lines = draw_curve(points, marks, columns=columns)
    return [line[LEFT:].ljust(columns) for line in lines[:-2]], lines[-2][LEFT:][:columns]


def places(rows, letter):
    return [(index, row.index(letter)) for index, row in enumerate(rows) if letter in row]


@pytest.mark.parametrize(
    ("cores", "column"),
    [
        pytest.param(0.01, 0, id="left end"),
        pytest.param(0.1, 10, id="one decade"),
        pytest.param(0.2, 13, id="log10(20) = 1.301 decades"),
        pytest.param(0.5, 17, id="log10(50) = 1.699 decades"),
        pytest.param(10.0, 30, id="right end"),
    ],
)
def test_a_mark_stands_at_the_logarithm_of_its_request(cores, column):
    rows, _ = drawn(DECADES, [Mark("o", cores)])
    assert [each for _, each in places(rows, "o")] == [column]


@pytest.mark.parametrize(
    ("value", "label"), [(1.0, "1.0"), (0.8, "0.8"), (0.6, "0.6"), (0.4, "0.4"), (0.2, "0.2")]
)
def test_a_mark_stands_in_the_row_of_the_curves_value(value, label):
    points = (point(0.1, 1.0), point(1.0, value), point(10.0, 0.0))
    lines = draw_curve(points, [Mark("o", 1.0)], columns=31)
    assert next(line for line in lines if "o" in line).split()[0] == label


def test_between_two_points_the_curve_is_linear_in_the_logarithm():
    points = (point(0.1, 1.0), point(10.0, 0.5))
    assert interpolate_curve(points, 1.0) == pytest.approx(0.75)
    assert interpolate_curve(points, 10**0.5) == pytest.approx(0.625)


def test_outside_of_its_points_the_curve_is_not_known():
    assert interpolate_curve(DECADES, 0.009) is None
    assert interpolate_curve(DECADES, 11.0) is None
    assert interpolate_curve((), 1.0) is None


def test_a_mark_outside_of_the_points_stands_on_the_axis():
    points = (point(0.01, 1.0), point(1.0, 1.0))
    rows, axis = drawn(points, [Mark("n", 10.0)])
    assert places(rows, "n") == []
    assert axis.index("n") == 30
    assert all(row[21:].strip() == "" for row in rows)  # and no curve is invented there


def test_where_marks_meet_the_first_is_seen():
    rows, _ = drawn(DECADES, [Mark("o", 1.0), Mark("s", 1.0), Mark("n", 10.0)])
    assert len(places(rows, "o")) == 1
    assert places(rows, "s") == []
    assert len(places(rows, "n")) == 1


def test_below_the_performance_floor_the_curve_is_drawn_with_x():
    points = (
        point(0.1, 1.0, is_feasible=False),
        point(1.0, 1.0, is_feasible=True),
        point(10.0, 1.0),
    )
    rows, _ = drawn(points, [], columns=21)
    (row,) = (row for row in rows if row.strip())
    assert row == "x" * 10 + "*" * 11


def test_the_band_lies_on_both_sides_of_the_curve():
    points = (point(0.1, 1.0, low=0.8, high=1.4), point(1.0, 1.0, low=0.8, high=1.4))
    lines = draw_curve(points, [], columns=11)
    columns = [line[LEFT:][:1] for line in lines[:-2]]
    assert columns == [*"........*...."]  # 1.4 to 0.8 in steps of 0.05
    labels = [line.split()[0] for line in lines[:-2:2]]
    assert labels == ["1.4", "1.3", "1.2", "1.1", "1.0", "0.9", "0.8"]


def test_the_axis_is_labelled_with_quantities_beneath_their_ticks():
    lines = draw_curve(DECADES, [], columns=61)
    axis, labels = lines[-2], lines[-1]
    assert labels.split() == ["10m", "20m", "50m", "100m", "200m", "500m", "1", "2", "5", "10"]
    assert axis[LEFT:].index("+") == 0
    assert axis[LEFT + 40] == "+"
    assert labels[LEFT + 40] == "1"
    assert axis.endswith("  request")


def test_a_narrow_axis_leaves_labels_out_and_runs_none_together():
    labels = draw_curve(DECADES, [], columns=24)[-1].split()
    known = ["10m", "20m", "50m", "100m", "200m", "500m", "1", "2", "5", "10"]
    assert set(labels) < set(known)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param((), id="no point"),
        pytest.param((point(0.1, 1.0),), id="one point"),
        pytest.param((point(0.1, 1.0), point(0.1, 0.9)), id="one request"),
    ],
)
def test_without_two_requests_nothing_is_drawn(points):
    assert draw_curve(points, [], columns=40) == []


curves = st.lists(
    st.tuples(st.floats(0.005, 64), st.floats(0, 5), st.floats(0, 1), st.floats(0, 3)),
    min_size=2,
    max_size=20,
    unique_by=lambda row: row[0],
)


@given(curves, st.lists(st.floats(0.001, 200), min_size=3, max_size=3), st.integers(24, 100))
def test_any_curve_is_drawn_within_its_columns_with_every_mark(rows, requests, columns):
    points = [
        point(cores, value, low=max(0.0, value - below), high=value + above)
        for cores, value, below, above in sorted(rows)
    ]
    marks = [Mark(letter, cores) for letter, cores in zip("ons", requests, strict=True)]
    lines = draw_curve(points, marks, columns=columns)
    body = lines[:-2]
    assert 5 <= len(body) <= 13
    assert all(len(line) <= LEFT + columns for line in body)
    assert len(lines[-2]) == LEFT + columns + len("  request")
    assert all(line.isascii() for line in lines)
    drawing = [*(line[LEFT:] for line in body), lines[-2][LEFT:].removesuffix("  request")]
    assert sum(line.count("o") for line in drawing) == 1


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_a_larger_request_never_stands_further_left(first, second):
    small, large = sorted((first, second))
    rows, _ = drawn(DECADES, [Mark("o", small)])
    others, _ = drawn(DECADES, [Mark("o", large)])
    assert places(rows, "o")[0][1] <= places(others, "o")[0][1]
    assert places(rows, "o")[0][1] == round(10 * math.log10(small / 0.01))
