"""What a store has of a target that it scraped for some time, made from two of its scrapes.

Names and labels are those of the families themselves, so that they are what the programs export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.testbed.openmetrics import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from prometheus_client import Metric

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read_samples(families: Iterable[Metric]) -> Samples:
    """One scrape: the value of each series."""
    return {
        (sample.name, frozenset(sample.labels.items())): float(sample.value)
        for family in families
        for sample in family.samples
    }


def scrape_series(
    first: Samples, last: Samples, *, times: np.ndarray, target: Mapping[str, str]
) -> Iterator[Series]:
    """Each series of both scrapes at `times`, with values that move evenly from first to last.

    `target` are the labels of the scrape; those that a series has itself win (honorLabels), and
    an empty one is as good as none. Series of one name follow each other, as OpenMetrics wants.
    """
    share = (times - times[0]) / (times[-1] - times[0])
    for key in sorted(first.keys() & last.keys(), key=lambda each: (each[0], sorted(each[1]))):
        name, labels = key
        values = first[key] + (last[key] - first[key]) * share
        own = {label: value for label, value in labels if value}
        kind = "counter" if name.endswith("_total") else "gauge"
        yield Series(name, {**target, **own}, times, values, kind)
