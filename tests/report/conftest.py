from __future__ import annotations

import pytest


@pytest.fixture
def terminal(monkeypatch):
    """An environment in which a terminal has eight colours and 80 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return monkeypatch
