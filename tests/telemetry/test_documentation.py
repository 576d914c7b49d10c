"""docs/metrics.md tells every metric of the service, with its labels and their values."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from recommender.cluster.event import choose_events
from recommender.telemetry.curve import POINTS, PowerCurve
from recommender.telemetry.metric import CYCLE_OUTCOMES, EVENT_OUTCOMES, ServiceMetrics
from recommender.telemetry.vocabulary import ERROR_KINDS, SKIP_CLASSES, VPA_STATES
from tests.report.sample import sample_report
from tests.telemetry.sample import change, sample_footprint

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
WHO = {"namespace", "workload_kind", "workload", "container"}
LINE = np.linspace(0.0, 1.0, POINTS)
CURVES = (PowerCurve("epyc-7763", LINE, LINE, LINE, LINE),)
ROWS = [line.split("|") for line in TEXT.splitlines() if line.startswith("| `joulefit_")]


def everything():
    """Name of each family as documented -> its labels."""
    metrics = ServiceMetrics()
    report = sample_report(footprint=sample_footprint())
    metrics.record_cycle(report, [change()], seconds={"read": 1.0}, curves=CURVES)
    found = {}
    for family in metrics.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert family.documentation.endswith(".")
        labels = {label for sample in family.samples for label in sample.labels}
        found[name] = labels - {"le"}
    return found


METRICS = everything()


def documented():
    return {
        name: set(re.findall(r"[a-z_]+", re.sub(r"\(.*?\)|\*who\*", "", labels)))
        | (WHO if "*who*" in labels else set())
        for _, names, labels, *_ in ROWS
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_documented_metrics_are_those_that_are_exported():
    assert documented().keys() == METRICS.keys()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_has_the_documented_labels(name):
    assert documented()[name] == METRICS[name]


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_begins_with_the_programs_name(name):
    assert name.startswith("joulefit_recommender_")


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("vpas", VPA_STATES),
        ("skipped", SKIP_CLASSES),
        ("errors_total", ERROR_KINDS),
        ("cycles_total", CYCLE_OUTCOMES),
        ("events_total", EVENT_OUTCOMES),
    ],
)
def test_all_values_of_a_bounded_label_are_told(metric, values):
    (row,) = [row for row in ROWS if f"`joulefit_recommender_{metric}`" in row[1]]
    assert set(values) <= set(re.findall(r"\w+", "|".join(row)))


def test_the_number_of_series_is_the_documented_one():
    """Of the sample's only container with everything known, of its curve, and of a pool."""
    metrics = ServiceMetrics()
    metrics.record_cycle(sample_report(), [change()], seconds={}, curves=CURVES)
    families = list(metrics.registry.collect())
    samples = [(each.name, sample.labels) for each in families for sample in each.samples]

    def count(**labels):
        """Series with these labels: their families."""
        return [name for name, found in samples if labels.items() <= found.items()]

    checkout, search = (
        [name for name in count(workload=name, container="app") if "_curve_" not in name]
        for name in ("checkout", "search")
    )
    curve = {labels["point"]: 0 for name, labels in samples if "_recommender_curve_" in name}
    of_curve = [name for name, labels in samples if "_recommender_curve_" in name]
    of_pool = [name for name in count(pool="epyc-7763") if "workload_info" not in name]
    of_workload = [name for name in count(workload="search") if "_workload_" in name]
    told = re.search(
        r"has (\d+) series and an unpriced one (\d+), .*a workload (\d+),.*a pool (\d+).*"
        r"(\d+) for each of",
        TEXT,
        re.DOTALL,
    )
    assert told is not None
    numbers = [int(number) for number in told.groups()]
    each_point = len(of_curve) / len(curve)
    assert numbers == [len(checkout), len(search), len(of_workload), len(of_pool), each_point]


def test_the_documented_events_are_those_that_are_chosen():
    reasons = set(re.findall(r"^\| `([A-Z]\w+)` \|", TEXT, re.MULTILINE))
    code = Path(choose_events.__code__.co_filename).read_text()
    assert reasons == set(re.findall(r'\("([A-Z]\w+)", _describe', code))
