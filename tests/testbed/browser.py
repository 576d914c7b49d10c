"""A real headless Chromium that shows a page of ours, and tells what it asked for and said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.testbed.part import MissingPartError, require_program

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from selenium.webdriver.remote.webelement import WebElement

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root has none, and the pages are ours
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
)
_PAINTED = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));"


@dataclass(frozen=True)
class Load:
    """How long a page took, in seconds from its first byte: scripts done, and first painted."""

    loaded: float
    painted: float


class Browser:
    """A context in which pages are opened from files.

    Raises:
        MissingPartError: Chromium, its driver or selenium is not on this machine.
    """

    def __init__(self) -> None:
        chromium, driver = require_program("chromium"), require_program("chromedriver")
        try:
            from selenium import webdriver
        except ModuleNotFoundError as error:
            message = "selenium is not in this environment; install with: make setup"
            raise MissingPartError(message) from error
        options = webdriver.ChromeOptions()
        options.binary_location = str(chromium)
        for flag in _FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=str(driver))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.driver.quit()

    def open(self, page: Path, address: str = "") -> None:
        """The page anew, at #`address`; what was said and asked for before is forgotten."""
        self.driver.get("about:blank")
        self._drain("browser"), self._drain("performance")
        self.driver.get(page.as_uri() + (f"#{address}" if address else ""))
        self.settle()

    def go(self, address: str) -> None:
        """To another address of the same page."""
        self.run("location.hash = arguments[0]", f"#{address}")
        self.settle()

    def settle(self) -> None:
        """Until what the page has changed is painted."""
        self.driver.execute_async_script(_PAINTED)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def find_all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """Texts of what matches and is shown, in one call."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter((each) => each.checkVisibility()).map((each) => each.textContent)",
            selector,
        )

    def emulate(self, *, scheme: str = "light", media: str = "", width: int = 1280) -> None:
        """As someone sees it who prefers that colour scheme, on paper (print), or so narrow."""
        command = self.driver.execute_cdp_cmd
        feature = {"name": "prefers-color-scheme", "value": scheme}
        command("Emulation.setEmulatedMedia", {"media": media, "features": [feature]})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        command("Emulation.setDeviceMetricsOverride", metrics)
        self.settle()

    def said(self) -> list[str]:
        """What the page wrote to the console, refused requests among it."""
        return [entry["message"] for entry in self._drain("browser")]

    def requested(self) -> list[str]:
        """Every address that was asked for since the page was opened, the page's own among them."""
        events = [json.loads(entry["message"])["message"] for entry in self._drain("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def load(self) -> Load:
        """The times of the page that is open."""
        loaded, painted = self.run(
            "return [performance.getEntriesByType('navigation')[0].loadEventEnd,"
            " performance.getEntriesByName('first-contentful-paint')[0].startTime]"
        )
        return Load(loaded / 1000, painted / 1000)

    def _drain(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.get_log(kind))
