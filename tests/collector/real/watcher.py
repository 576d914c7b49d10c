"""Looking at every scrape of a collector while something happens to its node."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.collector.real.process import ZONES

if TYPE_CHECKING:
    from tests.collector.real.process import CollectorProcess, Scrape

PERIOD = 0.4
# These begin at zero with each process, as those of every program do.
OF_THE_PROCESS = "joulefit_collector_"


class Watcher:
    """Scrapes from entering the context to leaving it; `scrapes` are in order."""

    def __init__(self, collector: CollectorProcess) -> None:
        self._collector = collector
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._failure: Exception | None = None
        self.scrapes: list[Scrape] = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _watch(self):
        try:
            while not self._end.is_set():
                self.scrapes.append(self._collector.scrape())
                self._end.wait(PERIOD)
        except Exception as failure:  # noqa: BLE001 - told where the context ends
            self._failure = failure


def find_falls(scrapes):
    """Series that are below what they were, or gone, as sentences."""
    highest, falls = {}, []
    for number, scrape in enumerate(scrapes):
        counters = {
            key: value
            for key, value in scrape.counters().items()
            if not key[0].startswith(OF_THE_PROCESS)
        }
        for key, value in highest.items():
            if (now := counters.get(key)) is None:
                falls.append(f"scrape {number}: {key} is gone from {value}")
            elif now < value:
                falls.append(f"scrape {number}: {key} fell from {value} to {now}")
        highest |= counters
    return falls


def find_imbalances(scrapes):
    """Scrapes in which what was charged is not what the meter told."""
    return {
        (number, zone): difference
        for number, scrape in enumerate(scrapes)
        for zone in ZONES
        if (difference := scrape.imbalance(zone))
    }
