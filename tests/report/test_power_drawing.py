import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.model.curve import CurvePoint, PowerPoint
from recommender.model.report import Watts
from recommender.report.power import draw_power
from tests.report.curve_sample import class_curve, curve_point, modelled_class

LEFT = 8  # columns of labels and of the vertical axis


def drawn(shown, *, columns=51):
    """The rows above the axis, and the axis, each without its labels: 2 % of use a column."""
    lines = draw_power(shown, columns=columns)
    return [line[LEFT:].ljust(columns) for line in lines[:-2]], lines[-2][LEFT:][:columns]


def row_of(rows, column, letter):
    return [index for index, row in enumerate(rows) if row[column] == letter]


@pytest.mark.parametrize(
    ("use", "watts"), [(0.2, 140.0), (0.3, 160.0), (0.5, 200.0), (0.6, 250.0), (0.7, 300.0)]
)
def test_the_fit_stands_where_its_watts_are(use, watts):
    """At most 310 W with the band: steps of 50 W, two rows each, 350 W at the top."""
    rows, _ = drawn(class_curve())
    assert len(rows) == 15
    assert row_of(rows, round(use * 50), "*") == [14 - round(watts / 25)]


def test_the_fit_is_drawn_only_where_it_was_learnt():
    rows, _ = drawn(class_curve())
    columns = {row.index("*") for row in rows if "*" in row}
    assert min(columns) == 10
    assert max(row.rindex("*") for row in rows if "*" in row) == 35


def test_the_tangent_leads_from_the_intercept_to_the_curve_at_the_mean_use():
    """100 W at no use, on the way to 180 W at 40 %."""
    rows, axis = drawn(class_curve())
    assert row_of(rows, 0, "~") == [14 - 4]
    assert row_of(rows, 9, "~") == [14 - round(136 / 25)]
    assert row_of(rows, 21, "~") == []
    assert axis[20] == "u"


def test_the_planning_ceiling_stands_on_the_axis():
    _, axis = drawn(class_curve(planning_ceiling=0.9))
    assert axis[45] == "^"
    assert axis[10] == "+"


def test_a_mean_beside_the_fit_is_seen_and_the_band_around_it():
    """260 W at 40 %, where the fit has 180 W and its band ends at 220 W."""
    shown = class_curve(
        curve=tuple(curve_point(n / 100, band=40) for n in range(20, 71, 10)),
        points=(PowerPoint(0.4, 260.0, 99),),
    )
    rows, _ = drawn(shown)
    assert row_of(rows, 20, "o") == [14 - round(260 / 25)]
    assert row_of(rows, 20, ".") == [14 - round(220 / 25), 14 - 8, 14 - 6]


def test_a_modelled_curve_has_no_band_and_goes_from_idle_to_full():
    rows, _ = drawn(modelled_class())
    assert "." not in "".join(rows)
    assert rows[-1 - round(2 * 100 / 100)][0] in "*~"
    assert any(row[50] == "*" for row in rows)


def test_use_beyond_all_allocatable_cores_widens_the_drawing():
    wide = class_curve(points=(PowerPoint(1.2, 200.0, 9),))
    rows, axis = drawn(wide, columns=61)
    assert row_of(rows, 60, "o") != []
    assert [index for index, letter in enumerate(axis) if letter == "+"] == [0, 10, 30, 40, 50, 60]


@pytest.mark.parametrize(
    ("scale", "top"),
    [pytest.param(0.01, "3.0 W", id="a small board"), pytest.param(40.0, "12,000 W", id="a rack")],
)
def test_labels_suit_the_watts(scale, top):
    points = tuple(CurvePoint(n / 100, scale * (100 + 2 * n), None, None, 0.0) for n in (20, 100))
    lines = draw_power(
        class_curve(curve=points, points=(), intercept_watts=Watts(100 * scale, 0.0, 1.0))
    )
    assert lines[0].split("|")[0].strip() == top


def test_no_watts_give_no_drawing():
    nothing = tuple(CurvePoint(n / 10, 0.0, None, None, 0.0) for n in (0, 10))
    assert draw_power(class_curve(curve=nothing, points=())) == []


@settings(max_examples=40)
@given(
    st.floats(1e-3, 1e6),
    st.floats(0.0, 1.28),
    st.floats(-2.0, 2.0),
    st.integers(20, 120),
)
def test_every_line_keeps_within_its_columns(scale, use, intercept, columns):
    points = tuple(
        CurvePoint(n / 100, scale * (100 + 2 * n), 0.0, scale * 400, 0.0) for n in (15, 80)
    )
    lines = draw_power(
        class_curve(
            curve=points,
            points=(PowerPoint(use, scale * 150, 5),),
            utilisation=use,
            planning_ceiling=use,
            intercept_watts=Watts(intercept * scale, 0.0, 1.0),
        ),
        columns=columns,
    )
    label = max(len(line.split("|")[0]) for line in lines[:-2])
    assert all(len(line) <= label + 1 + columns for line in lines[:-2])
