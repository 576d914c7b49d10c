"""Pages as files: whole in themselves, with nothing of others as markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from recommender.model.report import Skipped
from recommender.report.document import format_backtest, format_explained, format_report
from recommender.report.page.compact import COLUMNS, compact_report
from tests.report.backtest_sample import sample_backtest
from tests.report.sample import container, sample_report, source, workload

NASTY = "</script><script>alert(1)</script><!--\u2028&amp;"


class _Elements(HTMLParser):
    """Start tags with their attributes, and texts by the tag that they stand in."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.comments = []
        self.texts = []
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open = tag

    def handle_comment(self, text):
        self.comments.append(text)

    def handle_data(self, text):
        self.texts.append((self._open, text))

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]

    def text_of(self, name):
        return ["".join(text) for tag, text in self.texts if tag == name]


def _page(report=None):
    report = report or sample_report()
    return format_report(report, output="html", width=None, is_terminal=False)


def _explained(report, row):
    return format_explained(report, row, output="html", width=None, is_terminal=False)


def _backtest(document):
    return format_backtest(document, output="html", width=None, is_terminal=False)


PAGES = {
    "report": _page,
    "explain": lambda: _explained(sample_report(), sample_report().workloads[2]),
    "backtest": lambda: _backtest(sample_backtest()),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_refers_to_nothing_outside_of_itself(name):
    elements = _Elements(PAGES[name]())
    for _, attributes in elements.tags:
        assert not attributes.keys() & {"src", "srcset", "action", "data", "style", "onclick"}
        assert attributes.get("href", "#").startswith(("#", "data:,"))
    assert "@import" not in PAGES[name]()
    assert "url(" not in PAGES[name]()


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_lets_run_and_paint_what_stands_in_the_page_and_nothing_else(name):
    text = PAGES[name]()
    metas = _Elements(text).all("meta")
    (policy,) = [each["content"] for each in metas if "http-equiv" in each]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    for rule, tag in (("style-src", "style"), ("script-src", "script")):
        inline = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()) for each in inline]
        assert rules.get(rule, "") == " ".join(f"'sha256-{each.decode()}'" for each in digests)


def _nasty_report():
    return sample_report(
        workloads=(
            workload(
                container(name=NASTY, why=NASTY, basis=NASTY),
                namespace=NASTY,
                name=NASTY,
                kind=NASTY,
                hpa=NASTY,
            ),
        ),
        pools=tuple(
            msgspec.structs.replace(pool, name=NASTY, cpu_model=NASTY, reasons=(NASTY,))
            for pool in sample_report().pools
        ),
        skipped=(Skipped(NASTY, NASTY, NASTY, NASTY, NASTY),),
        source=msgspec.structs.replace(source(), warnings=(NASTY,), cluster=NASTY),
    )


def _nasty_backtest():
    plain = sample_backtest()
    pools = tuple(
        msgspec.structs.replace(pool, name=NASTY, sentences=(NASTY,)) for pool in plain.pools
    )
    return msgspec.structs.replace(plain, pools=pools)


@pytest.mark.parametrize(
    ("make", "scripts"),
    [
        pytest.param(lambda: _page(_nasty_report()), 2, id="report"),
        pytest.param(
            lambda: _explained(_nasty_report(), _nasty_report().workloads[0]), 2, id="explain"
        ),
        pytest.param(lambda: _backtest(_nasty_backtest()), 0, id="backtest"),
    ],
)
def test_names_of_others_open_and_end_no_element(make, scripts):
    text = make()
    elements = _Elements(text)
    assert len(elements.all("script")) == scripts
    assert text.count("</script>") == scripts
    assert elements.comments == []
    shown = NASTY.replace("\u2028", r"\u2028")
    assert any(shown in each for each in elements.text_of("li") + elements.text_of("h1"))


def test_the_embedded_data_read_back_as_they_were_meant():
    text = _page(_nasty_report())
    (data,) = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)
    first = json.loads(data)["workloads"][0]
    assert first["namespace"] == NASTY.replace("\u2028", r"\u2028")


def test_every_container_and_every_skip_is_in_the_data():
    report = sample_report()
    data = compact_report(report)
    containers = sum(len(each["containers"]) for each in data["workloads"])
    assert containers == sum(len(each.containers) for each in report.workloads) == 6
    skips = [skip for each in data["workloads"] for skip in each["skips"]]
    assert len(skips) == len(report.skipped) == 4
    ids = [each["id"] for each in data["workloads"]]
    assert len(ids) == len(set(ids))
    assert "shop/Deployment/checkout" in ids
    assert "shop/CronJob/report" in ids  # skipped whole


def test_a_row_has_a_cell_and_a_key_for_each_of_its_columns():
    for each in compact_report(sample_report())["workloads"]:
        for row in each["containers"]:
            assert len(row["cells"]) == len(COLUMNS) - 3  # but for workload, container and tier
            assert len(row["keys"]) == len(COLUMNS) - 4  # of these all but the reason


def test_keys_are_numbers_in_one_unit_and_absent_where_nothing_is_known():
    data = compact_report(sample_report())
    rows = {
        (each["name"], row["name"]): dict(zip(COLUMNS[3:11], row["keys"], strict=True))
        for each in data["workloads"]
        for row in each["containers"]
    }
    checkout = rows["shop/deploy/checkout", "app"]
    assert checkout["cpu now"] == 1.5
    assert checkout["cpu ours"] == 0.411
    assert checkout["memory now"] == 2147000000  # 2 x 2^30 to four digits
    assert checkout["watts"] == -9.28  # as the sign is shown
    assert rows["infra/ds/agent", "agent"] == {
        **dict.fromkeys(COLUMNS[3:11]),
        "cpu ours": 0.06,
        "exposure": 0.08,
    }


def test_the_curve_and_its_marks_are_those_of_the_report():
    data = compact_report(sample_report())
    (row,) = next(each for each in data["workloads"] if each["name"].endswith("checkout"))[
        "containers"
    ]
    assert row["curve"]["cores"] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert row["curve"]["work"] == [1.25, 1.15, 1, 0.8, 0.5]
    assert row["curve"]["feasible"] == [0, 0, 1, 1, 1]
    assert [mark[:2] for mark in row["marks"]] == [["now", 1.5], ["stock", 0.512], ["ours", 0.411]]


def test_a_point_that_is_no_number_is_not_drawn():
    points = container().curve
    broken = msgspec.structs.replace(points[1], high=float("inf"))
    row = container(curve=(points[0], broken, *points[2:]))
    data = compact_report(sample_report(workloads=(workload(row),)))
    assert data["workloads"][0]["containers"][0]["curve"]["cores"] == [0.1, 0.4, 0.8, 1.6]


def test_two_requests_are_needed_to_draw_a_curve():
    single = container(curve=container().curve[:1])
    data = compact_report(sample_report(workloads=(workload(single),)))
    assert data["workloads"][0]["containers"][0]["curve"] is None


def test_an_explanation_holds_its_workload_its_pool_and_its_skips_alone():
    report = sample_report()
    ledger = report.workloads[4]
    text = _explained(report, ledger)
    assert "xeon-8380" not in text
    assert "checkout" not in text
    assert '"opened":"shop/StatefulSet/ledger"' in text
    assert "init-log" in text


def test_a_page_without_workloads_and_pools_says_so():
    text = _page(sample_report(workloads=(), pools=(), skipped=()))
    assert "The report holds no workload." in text
    assert "No pool of nodes is known." in text
    assert 'id="rows"' not in text


def test_a_backtest_of_nothing_says_so():
    text = _backtest(sample_backtest(pools=(), policies=()))
    assert "nothing to test: no pool of nodes is known" in text


def test_simulated_numbers_are_called_so_on_every_page():
    simulated = sample_report(source=source(is_simulated=True))
    assert "SIMULATED" in _page(simulated)
    assert "SIMULATED" in _explained(simulated, simulated.workloads[0])
    assert "SIMULATED" in _backtest(sample_backtest(source=source(is_simulated=True)))


def test_a_pool_is_drawn_to_scale():
    elements = _Elements(_page(sample_report()))
    widths = {each["class"]: float(each["width"]) for each in elements.all("rect")[:3]}
    assert widths["used"] / widths["free"] == pytest.approx(0.31, abs=0.001)
    assert widths["reserved"] / widths["free"] == pytest.approx(0.91, abs=0.001)
