"""One Chromium for the folder, in one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.testbed.browser import Browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared_browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(shared_browser: Browser) -> Iterator[Browser]:
    """The browser as a desktop has it; a page that says or asks for anything fails its test."""
    shared_browser.emulate()
    yield shared_browser
    assert shared_browser.said() == []
    assert {url.partition(":")[0] for url in shared_browser.requested()} <= {"file", "data"}


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Callable[..., Browser]:
    """`open_page(html, address)`: the browser with that page open, at that address of it."""

    def open_it(html: str, address: str = "") -> Browser:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        browser.open(path, address)
        asked = browser.requested()
        assert [url.partition("#")[0] for url in asked] == [path.as_uri()]
        return browser

    return open_it
