"""What goes on in the background: its result or its error, and nobody waits for it at the end."""

from __future__ import annotations

import threading

import pytest

from recommender.background import Begun

LIMIT = 30.0  # seconds until a hanging test gives up


def test_it_goes_on_while_we_are_busy_elsewhere_and_gives_its_result():
    has_begun, gate = threading.Event(), threading.Event()

    def work():
        has_begun.set()
        assert gate.wait(LIMIT)
        return 7

    reader = Begun(work)
    assert has_begun.wait(LIMIT)
    gate.set()
    assert reader.read() == 7


def test_its_error_is_that_of_whoever_wants_the_result():
    def work():
        raise LookupError("nothing there")

    reader = Begun(work)
    with pytest.raises(LookupError, match="nothing there"):
        reader.read()


def test_it_does_not_keep_the_program_alive():
    gate = threading.Event()
    threads = set(threading.enumerate())
    reader = Begun(lambda: gate.wait(LIMIT))
    (thread,) = set(threading.enumerate()) - threads
    assert thread.daemon
    gate.set()
    assert reader.read()
