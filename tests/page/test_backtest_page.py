"""The back-test's page in a real browser: no script, drawings to scale."""

from __future__ import annotations

import pytest

from recommender.report.document import format_backtest
from tests.report.backtest_sample import sample_backtest


@pytest.fixture
def page(open_page):
    document = sample_backtest()
    return open_page(format_backtest(document, output="html", width=None, is_terminal=False))


def test_each_pool_has_its_table_and_its_verdict(page):
    assert [text.split(":")[0] for text in page.texts("h2")] == [
        pool.name for pool in sample_backtest().pools
    ]
    first = page.find("table")
    rows = [row.text for row in first.find_elements("css selector", "tbody th")]
    assert rows == ["as requested", "stock", "T2", "limit"]
    assert "T2 passes: 0.4 % of container-time on hot nodes" in page.texts("li")


def test_policies_stand_where_their_energy_and_hot_time_are(page):
    places = {
        group.find_element("css selector", "text").text: group.find_element(
            "css selector", "circle"
        )
        for group in page.find_all("svg g:has(circle)")
    }
    assert places.keys() == {"as requested", "stock", "T2"}
    x = {name: float(each.get_attribute("cx")) for name, each in places.items()}
    y = {name: float(each.get_attribute("cy")) for name, each in places.items()}
    # Hot shares 0, 0.4 % and 18 % on a root axis: sqrt(0.004 / 0.18) = 0.1491 of the width.
    share = (x["T2"] - x["as requested"]) / (x["stock"] - x["as requested"])
    assert share == pytest.approx(0.1491, abs=0.001)
    # 8, 4 and 3.2 J: of the way from 8 down to 3.2 stock has gone 4 / 4.8.
    share = (y["stock"] - y["as requested"]) / (y["T2"] - y["as requested"])
    assert share == pytest.approx(4 / 4.8, abs=0.002)


def test_it_needs_no_script_and_fits_a_phone(page):
    assert page.find_all("script") == []
    page.emulate(width=390)
    assert page.run("return document.documentElement.scrollWidth") <= 390
