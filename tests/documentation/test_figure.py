"""The figures show what the seven facts say: numbers from published values, by hand."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from docs.figures import (
    FIGURES,
    draw_corner,
    draw_own_curve,
    draw_percentiles,
    draw_release,
    draw_shared_joules,
    draw_tangent,
)
from docs.plot import HEIGHT
from tests.documentation.page import ROOT

SVG = "{http://www.w3.org/2000/svg}"


def paths(text):
    """Points (x, y) of each line; y upwards from the bottom of the picture, in pixels."""
    return [
        [
            (float(x), HEIGHT - float(y))
            for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path.attrib["d"])
        ]
        for path in ET.fromstring(text).iter(f"{SVG}path")
    ]


def words(text):
    return " ".join(each.text for each in ET.fromstring(text).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_kept_as_it_is_drawn(name):
    assert (ROOT / "docs" / name).read_text() == FIGURES[name]()


@pytest.mark.parametrize("name", FIGURES)
def test_the_page_of_concepts_shows_each_figure(name):
    assert f"]({name})" in (ROOT / "docs" / "concepts.md").read_text()


def test_three_times_of_day_have_three_best_points():
    best = [max(line, key=lambda point: point[1])[0] for line in paths(draw_own_curve())]
    assert len(best) == len(set(best)) == 3


def test_both_work_per_joule_and_exposure_fall_with_the_request():
    for line in paths(draw_corner()):
        heights = [y for _, y in line]
        assert heights == sorted(heights, reverse=True)


def test_the_true_work_per_joule_rises_and_the_shared_one_falls():
    """EPYC 7763 from 10 to 80 %: 8 x 172 / 332 = 4.14 of the node; 172 / 332 = 0.52 shared."""
    truth, shared = paths(draw_shared_joules())
    zero = 52.0  # the bottom margin
    assert (truth[7][1] - zero) / (truth[0][1] - zero) == pytest.approx(8 * 172 / 332, rel=0.01)
    assert (shared[7][1] - zero) / (shared[0][1] - zero) == pytest.approx(172 / 332, rel=0.01)


def test_the_intercept_is_that_of_the_published_points():
    """238 W at 40 %, 257 W at 50 %: slope 190 W, at 45 % 247.5 W, so 247.5 - 85.5 = 162 W."""
    text = words(draw_tangent())
    assert "intercept 162 W" in text
    assert "idle reading 102 W" in text


def test_with_the_pool_factor_all_percentiles_up_to_p85_take_the_same_power():
    _, pooled = paths(draw_percentiles())
    heights = [y for _, y in pooled[:6]]
    assert max(heights) - min(heights) < 2.0
    plain, _ = paths(draw_percentiles())
    assert plain[0][1] < heights[0]


def test_the_bars_are_those_of_the_science_page():
    science = (ROOT / "docs" / "science.md").read_text()
    mixed = next(line for line in science.splitlines() if line.startswith("| mixed |"))
    text = words(draw_release())
    found = re.findall(r"(-?[\d.]+) %", text)
    assert f"-{found[0]} / " in mixed
    assert all(float(off) > float(on) for off, on in zip(found[0::2], found[1::2], strict=True))
