"""A minute that a real Prometheus scraped, as the days of history that sizing wants.

Each stretch of the minute becomes five minutes in which all rates are what they were; the stretches
follow each other, again and again. Nothing else is changed: names, labels and levels are those that
were scraped.
"""

from __future__ import annotations

import numpy as np
import requests

from tests.testbed.openmetrics import Series

BIN = 300
STRETCH = 3.0  # seconds at least: the kernel counts busy time in ticks
CLOCK = "joulefit_collector_last_collection_timestamp_seconds"


def read_samples(url, end, seconds):
    """All of joulefit's series of the last seconds, as {labels: {time: value}}."""
    query = f'{{__name__=~"joulefit_.+"}}[{seconds}s]'
    with requests.Session() as session:
        session.trust_env = False
        reply = session.get(f"{url}/api/v1/query", params={"query": query, "time": end}, timeout=30)
    reply.raise_for_status()
    return {
        frozenset(row["metric"].items()): {time: float(value) for time, value in row["values"]}
        for row in reply.json()["data"]["result"]
    }


def choose_scrapes(samples):
    """Times of scrapes that are a stretch apart by the collector's own clock."""
    (clock,) = (values for labels, values in samples.items() if ("__name__", CLOCK) in labels)
    chosen = []
    for scrape, collected in sorted(clock.items()):
        if not chosen or collected >= clock[chosen[-1]] + STRETCH:
            chosen.append(scrape)
    return chosen, np.diff([clock[scrape] for scrape in chosen])


def utilisation_range(samples, cpus):
    """The busiest stretch less the idlest, as parts of the machine."""
    scrapes, seconds = choose_scrapes(samples)
    name = ("__name__", "joulefit_node_cpu_seconds_total")
    (busy,) = (values for labels, values in samples.items() if name in labels)
    if len(scrapes) < 3:
        return 0.0
    shares = np.diff([busy[scrape] for scrape in scrapes]) / seconds / cpus
    return float(shares.max() - shares.min())


def retime(samples, *, end, bins):
    """Series of so many bins until `end`, of those that were there all the time."""
    scrapes, seconds = choose_scrapes(samples)
    times = end - BIN * np.arange(bins, -1, -1, dtype=np.int64)
    for labels, values in sorted(samples.items(), key=lambda item: sorted(item[0])):
        if not values.keys() >= set(scrapes):
            continue
        names = dict(labels)
        name = names.pop("__name__")
        row = np.array([values[scrape] for scrape in scrapes])
        if name.endswith("_total"):
            rates = np.resize(np.diff(row) / seconds, bins)
            history = row[0] + np.concatenate(([0.0], np.cumsum(rates * BIN)))
            yield Series(name, names, times, history)
        else:
            yield Series(name, names, times, np.resize(row, bins + 1), "gauge")
