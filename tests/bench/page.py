"""The report's page of 2,000 workloads: how large it is, and how long a browser takes to open it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.figure import megabytes
from tests.bench.process import JOULEFIT, run
from tests.testbed.browser import Browser
from tests.testbed.part import MissingPartError

if TYPE_CHECKING:
    from tests.bench.figure import Sheet

WORKLOADS = 2000
RUNS = 5


def bench(sheet: Sheet) -> None:
    sheet.begin(
        f"page: a report of {WORKLOADS:,} workloads over 14 days in headless Chromium,"
        f" median of {RUNS} openings"
    )
    with tempfile.TemporaryDirectory() as folder:
        fleet, page = f"{folder}/fleet.joulefit", Path(folder) / "page.html"
        run(JOULEFIT, "simulate", "--containers", str(WORKLOADS), fleet)
        table = run(JOULEFIT, "report", "--recording", fleet, "--output", "json")
        spent = run(JOULEFIT, "report", "--recording", fleet, "--output", "html")
        page.write_text(spent.output, encoding="utf-8")
        size = page.stat().st_size
        sheet.show(
            "size",
            f"{size / 1e6:.1f} MB",
            limit="<= 10 MB",
            is_reached=size <= 10e6,
            beside=f"the same report as JSON: {megabytes(len(table.output.encode()))}",
        )
        sheet.show(
            "whole process, wall time",
            f"{spent.seconds:.1f} s",
            beside=f"as JSON: {table.seconds:.1f} s",
        )
        try:
            with Browser() as browser:
                _bench_browser(sheet, browser, page)
        except MissingPartError as error:
            sheet.show("opening", "-", beside=str(error))


def _bench_browser(sheet: Sheet, browser: Browser, page: Path) -> None:
    loads, opened, found = [], [], []
    for _ in range(RUNS):
        begun = time.monotonic()
        browser.open(page)
        opened.append(time.monotonic() - begun)
        loads.append(browser.load())
        begun = time.monotonic()
        browser.find("#search").send_keys("0042")
        browser.settle()
        found.append(time.monotonic() - begun)
    loaded = median(each.loaded for each in loads)
    sheet.show("opening: all rows there", f"{loaded:.2f} s", limit="<= 2 s", is_reached=loaded <= 2)
    sheet.show("  first painted", f"{median(each.painted for each in loads):.2f} s")
    sheet.show("  and painted whole, with the driver", f"{median(opened):.2f} s")
    sheet.show("four letters searched", f"{median(found):.2f} s", beside="with the driver")
