"""The report's page as a reader uses it, in a real browser."""

from __future__ import annotations

import msgspec
import pytest

from recommender.model.report import Skipped, Watts
from recommender.report.document import format_explained, format_report
from tests.report.sample import container, sample_report, source, workload

NASTY = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>"


def _page(**changes):
    report = sample_report(**changes)
    return format_report(report, output="html", width=None, is_terminal=False)


@pytest.fixture
def page(open_page):
    return open_page(_page())


def _names(browser):
    """The workloads of the rows that are shown, from the top."""
    return [text.split(" ")[0] for text in browser.texts("#rows tbody th")]


def _sort(browser, title):
    buttons = browser.find_all("#rows thead button")
    next(each for each in buttons if each.text == title).click()


def _choose(browser, name, text):
    browser.run(
        "const select = document.getElementById(arguments[0]);"
        "select.value = [...select.options].find((each) => each.text === arguments[1]).value;"
        "select.dispatchEvent(new Event('change'))",
        name,
        text,
    )


def test_summary_pools_and_rows_are_there_and_what_saves_most_is_first(page):
    assert page.texts("h1") == ["joulefit report"]
    assert page.texts(".savings") == [sample_report().savings.sentence]
    assert page.texts(".pool h3") == ["epyc-7763", "xeon-8380"]
    assert len(page.find_all(".pool svg")) == 2
    names = _names(page)
    assert len(names) == 6 + 4  # containers, and what was skipped
    assert names[0] == "shop/deploy/checkout"  # 9.28 W, the most
    assert page.texts("#shown") == ["10 of 10 rows"]


def test_a_heading_sorts_by_number_not_by_text_and_again_the_other_way(page):
    _sort(page, "cpu now")
    cells = [text for text in page.texts("#rows td.cpu-now") if text not in {"", "-"}]
    assert cells == ["100m", "200m", "500m", "1500m", "2"]
    assert page.texts("[aria-sort=ascending]") == ["cpu now"]
    _sort(page, "cpu now")
    cells = [text for text in page.texts("#rows td.cpu-now") if text not in {"", "-"}]
    assert cells == ["2", "1500m", "500m", "200m", "100m"]
    assert page.texts("[aria-sort=descending]") == ["cpu now"]
    assert page.texts("[aria-sort=ascending]") == []
    assert page.texts("#rows td.cpu-now")[-1] == ""  # without a value: last either way


def test_names_are_sorted_as_people_count(open_page):
    rows = tuple(workload(name=f"web-{number}") for number in (10, 9, 100))
    browser = open_page(_page(workloads=rows, skipped=()))
    _sort(browser, "workload")
    assert _names(browser) == [f"shop/deploy/web-{number}" for number in (9, 10, 100)]


def test_words_filter_names_and_reasons_in_any_order_and_case(page):
    page.find("#search").send_keys("LEDGER shop")
    assert set(_names(page)) == {"shop/sts/ledger"}
    assert page.texts("#shown") == ["3 of 10 rows"]
    page.find("#search").clear()
    page.find("#search").send_keys("throttled")
    assert page.texts("#rows td.container") == ["db"]
    page.find("#search").send_keys(" nowhere")
    assert _names(page) == []
    assert page.texts("#shown") == ["0 of 10 rows"]


def test_choices_filter_by_namespace_pool_and_tier_together(page):
    _choose(page, "namespace", "shop")
    assert {name.split("/")[0] for name in _names(page)} == {"shop"}
    _choose(page, "tier", "skipped")
    assert len(_names(page)) == 3
    _choose(page, "tier", "T0")
    assert _names(page) == ["shop/deploy/search"]
    _choose(page, "pool", "xeon-8380")
    assert _names(page) == []
    _choose(page, "namespace", "all")
    _choose(page, "tier", "all")
    assert _names(page) == ["pay/deploy/gateway"]


@pytest.mark.parametrize(
    "address",
    ["shop/Deployment/checkout", "shop/deploy/checkout", "shop/checkout", "shop/DEPLOY/checkout"],
)
def test_a_link_from_elsewhere_opens_its_workload(open_page, address):
    browser = open_page(_page(), address)
    assert browser.texts("h2") == ["shop/deploy/checkout x6"]
    assert browser.texts("#rows") == []
    (figure,) = browser.find_all(".part svg.curve")
    assert "ours 411m x0.99" in figure.get_attribute("aria-label")


def test_the_part_of_a_workload_says_what_explain_says(open_page):
    browser = open_page(_page(), "shop/sts/ledger")
    assert browser.texts("h3") == ["container db", "container sidecar"]
    steps = browser.texts(".steps tbody th")
    assert steps == [
        *("usage", "price", "p95", "throttling", "memory"),
        *("usage", "p93", "floor", "memory"),
    ]
    assert "skipped: container init-log: no usage in 14 d" in browser.texts(".part .warning")
    assert any("updateMode InPlaceOrRecreate" in text for text in browser.texts(".part li"))


def test_the_curve_has_band_floor_marks_and_exposure(open_page):
    browser = open_page(_page(), "shop/deploy/checkout")
    for part in (".band", ".work.feasible", ".work.below", ".exposure"):
        assert len(browser.find_all(f".curve {part}")) == 1
    marks = browser.texts(".curve .mark text")
    assert marks == ["now 1500m x0.53", "stock 512m x0.93", "ours 411m x0.99"]
    # 411m of 100m to 1600m on a logarithmic axis: log(4.11) / log(16) = 0.5098 of its width.
    place = browser.run(
        "const d = document.querySelector('.curve .mark.ours path').getAttribute('d');"
        "const grid = document.querySelector('.curve .grid path').getAttribute('d');"
        "const [left, right] = [grid.match(/M([0-9.]+)/)[1], grid.match(/H([0-9.]+)/)[1]];"
        "return (d.match(/M([0-9.]+)/)[1] - left) / (right - left)"
    )
    assert place == pytest.approx(0.5098, abs=0.001)


def test_an_address_of_no_workload_says_so_and_the_way_back_works(open_page):
    browser = open_page(_page(), "shop/deploy/%zz")
    assert browser.texts("#part .warning") == ["no workload shop/deploy/%zz in this report"]
    browser.find("nav a").click()
    browser.settle()
    assert len(_names(browser)) == 10


def test_a_skipped_workload_has_a_part_with_the_reason(open_page):
    browser = open_page(_page(), "shop/CronJob/report")
    assert browser.texts("#part .warning") == ["skipped: no usage in 14 d"]


def test_next_and_previous_follow_the_table_as_it_is_sorted_and_filtered(page):
    _choose(page, "namespace", "shop")
    _sort(page, "workload")
    page.go("shop/deploy/checkout")
    assert page.texts("nav a") == ["all workloads", "previous", "next"]
    page.find_all("nav a")[2].click()
    page.settle()
    assert page.texts("h2") == ["shop/deploy/search x3"]
    page.run("history.back()")
    page.settle()
    assert page.texts("h2") == ["shop/deploy/checkout x6"]


def test_the_keyboard_alone_sorts_opens_and_comes_back(page):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(*keys):
        ActionChains(page.driver).send_keys(*keys).perform()
        page.settle()

    press(*[Keys.TAB] * 5)  # search, three choices, the button
    assert page.run("return document.activeElement.id") == "all"
    press(Keys.TAB, Keys.ENTER)  # the first heading
    assert page.texts("[aria-sort=ascending]") == ["workload"]
    press(*[Keys.TAB] * 12)
    assert page.run("return document.activeElement.textContent") == "infra/ds/agent x15"
    press(Keys.ENTER)
    assert page.run("return document.activeElement.textContent") == "infra/ds/agent x15"
    assert page.texts("h2") == ["infra/ds/agent x15"]
    press(Keys.ESCAPE)
    assert page.run("return document.activeElement.getAttribute('href')") == (
        "#infra/DaemonSet/agent"
    )
    assert len(_names(page)) == 10


def test_a_part_for_each_shown_workload_can_be_asked_for_to_be_printed(page):
    page.find("#search").send_keys("ledger")
    page.find("#all").click()
    page.settle()
    assert page.texts("#parts > article > h3") == ["shop/sts/ledger x3"]
    page.find("#search").clear()
    page.find("#search").send_keys("shop")
    assert page.texts("#parts > article") == []  # they were of other rows
    page.find("#all").click()
    page.settle()
    assert len(page.texts("#parts > article")) == 5


def test_names_of_others_stay_text(open_page):
    row = workload(container(name=NASTY, why=NASTY), namespace="x", name=NASTY, hpa=NASTY)
    skip = Skipped("x", "CronJob", NASTY, NASTY, NASTY)
    own = msgspec.structs.replace(source(), warnings=(NASTY,), store=NASTY)
    browser = open_page(_page(workloads=(row,), skipped=(skip,), source=own))
    assert browser.driver.title == "joulefit report"
    assert browser.find_all("img") == []
    assert f"x/deploy/{NASTY} x6" in browser.texts("#rows tbody th")
    browser.find("#rows tbody a").click()
    browser.settle()
    assert browser.texts("h2") == [f"x/deploy/{NASTY} x6"]
    assert f"container {NASTY}" in browser.texts("h3")
    assert len(browser.find_all("script")) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_in_light_and_dark(page, scheme):
    """WCAG 2.1, 1.4.3: contrast of at least 4.5 between text and what is behind it."""
    page.emulate(scheme=scheme)
    page.go("shop/deploy/checkout")
    script = (
        "const luminance = (color) => {"
        "  const parts = color.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255)"
        "    .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);"
        "  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; };"
        "const paper = luminance(getComputedStyle(document.body).backgroundColor);"
        "return arguments[0].map((selector) => {"
        "  const style = getComputedStyle(document.querySelector(selector));"
        "  const ink = luminance(selector.startsWith('.curve') ? style.fill : style.color);"
        "  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); })"
    )
    texts = ["h1", "nav a", ".warning", "footer", "figcaption", ".curve .ours text"]
    contrasts = page.run(script, [*texts, ".curve .now text", ".curve .stock text"])
    assert min(contrasts) >= 4.5
    is_dark = page.run("return getComputedStyle(document.body).backgroundColor") != (
        "rgb(255, 255, 255)"
    )
    assert is_dark == (scheme == "dark")


@pytest.mark.parametrize("address", ["", "shop/deploy/checkout", "shop/sts/ledger"])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser, open_page, address):
    browser.emulate(width=390)
    page = open_page(_page(), address)
    assert page.run("return document.documentElement.scrollWidth") <= 390
    if not address:
        assert page.texts("#rows thead th") == ["workload", "cpu now", "cpu ours", "watts"]
        box = "document.querySelector('.rows')"
        assert page.run(f"return {box}.scrollWidth - {box}.clientWidth") <= 0


def test_on_paper_controls_are_left_out_and_the_paper_is_white_even_in_the_dark(page):
    page.emulate(scheme="dark", media="print")
    assert page.texts(".controls") == []
    assert len(_names(page)) == 10
    color = page.run("return getComputedStyle(document.body).backgroundColor")
    assert color == "rgb(255, 255, 255)"


def test_a_report_of_no_workloads_is_a_page_too(open_page):
    browser = open_page(_page(workloads=(), pools=(), skipped=()), "shop/deploy/gone")
    assert browser.texts("#part .warning") == ["no workload shop/deploy/gone in this report"]
    browser.go("workloads")
    assert "The report holds no workload." in browser.texts("#overview p")


def test_an_explanation_shows_its_workload_at_once(open_page):
    report = sample_report()
    ledger = next(row for row in report.workloads if row.name == "ledger")
    html = format_explained(report, ledger, output="html", width=None, is_terminal=False)
    browser = open_page(html)
    assert browser.texts("h1") == ["joulefit explain shop/sts/ledger"]
    assert browser.texts("#part > article > h2") == ["shop/sts/ledger x3"]
    assert browser.texts(".pool h3") == ["epyc-7763"]
    assert browser.find_all("#rows") == []


def test_two_thousand_workloads_are_all_there_and_the_page_is_below_ten_megabytes(open_page):
    rows = tuple(
        workload(
            container(watts_saved=Watts(number / 10, number / 11, number / 9)),
            name=f"checkout-{number}",
            namespace=f"team-{number % 40}",
        )
        for number in range(2000)
    )
    html = _page(workloads=rows, skipped=())
    assert len(html.encode()) < 10e6
    browser = open_page(html)
    assert browser.texts("#shown") == ["2000 of 2000 rows"]
    assert _names(browser)[0] == "team-39/deploy/checkout-1999"
    browser.find("#search").send_keys("checkout-777")
    assert browser.texts("#shown") == ["1 of 2000 rows"]
    browser.go("team-17/deploy/checkout-777")
    assert browser.texts("h2") == ["team-17/deploy/checkout-777 x6"]
