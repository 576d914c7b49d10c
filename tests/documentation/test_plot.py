"""Charts: where things are drawn, that they are XML, and that names stay text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docs.plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Band,
    Bar,
    Chart,
    Dots,
    Label,
    Line,
    draw_chart,
    even_ticks,
    zip_points,
)

SVG = "{http://www.w3.org/2000/svg}"
X = Axis("use", 0.0, 1.0, even_ticks((0.0, 1.0)))
Y = Axis("watts", 0.0, 500.0, even_ticks((0, 250, 500)))


def draw(*marks, title="A chart"):
    return ET.fromstring(draw_chart(Chart(title, X, Y, marks)))


def test_the_corners_of_the_axes_are_the_corners_of_the_field():
    drawn = draw(Line(((0.0, 0.0), (1.0, 500.0))))
    (path,) = drawn.iter(f"{SVG}path")
    first, last = path.attrib["d"].removeprefix("M").split("L")
    assert first == f"{LEFT:g} {HEIGHT - BOTTOM:g}"
    assert last == f"{WIDTH - RIGHT:g} {TOP:g}"


def test_a_bar_stands_on_zero_and_reaches_its_height():
    drawn = draw(Bar(middle=0.5, height=250.0, width=0.2))
    bar = next(each for each in drawn.iter(f"{SVG}rect") if "fill" in each.attrib)
    field = HEIGHT - TOP - BOTTOM
    assert float(bar.attrib["height"]) == field / 2
    assert float(bar.attrib["y"]) == TOP + field / 2
    assert float(bar.attrib["width"]) == pytest.approx(0.2 * (WIDTH - LEFT - RIGHT), abs=0.1)


def test_a_band_goes_there_below_and_back_above():
    drawn = draw(Band(low=((0.0, 0.0), (1.0, 0.0)), high=((0.0, 500.0), (1.0, 500.0))))
    (path,) = drawn.iter(f"{SVG}path")
    corners = re.findall(r"[\d.]+ [\d.]+", path.attrib["d"])
    left, right, low, top = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, TOP
    wanted = [(left, low), (right, low), (right, top), (left, top)]
    assert corners == [f"{x:g} {y:g}" for x, y in wanted]
    assert path.attrib["d"].endswith("Z")


def test_hollow_dots_show_the_page_through():
    drawn = draw(Dots(((0.0, 0.0),), is_hollow=True), Dots(((1.0, 0.0),)))
    fills = [circle.attrib["fill"] for circle in drawn.iter(f"{SVG}circle")]
    assert fills == ["var(--page)", "var(--ours)"]


def test_titles_ticks_and_labels_are_told():
    drawn = draw(Label((0.5, 250.0), "intercept"), title="Power of a server")
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert {"use", "watts", "0", "1", "250", "500", "intercept"} <= set(texts)
    assert drawn.find(f"{SVG}title").text == "Power of a server"


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["C"]), max_size=20))
def test_any_text_stays_text(text):
    drawn = draw(Label((0.0, 0.0), text), title=text)
    assert (drawn.find(f"{SVG}title").text or "") == text


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        zip_points([1.0, 2.0], [1.0])


def test_ticks_are_written_in_the_format_that_is_asked_for():
    assert even_ticks((0.1, 0.25), form=".0%") == ((0.1, "10%"), (0.25, "25%"))


def test_nothing_refers_to_another_host():
    text = draw_chart(Chart("A chart", X, Y)).replace("http://www.w3.org/2000/svg", "")
    assert "http" not in text
    assert "url(" not in text
