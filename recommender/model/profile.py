"""An EnergyProfile: what a team says of its workload, and what was learnt of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

OWNED_LABELS = frozenset({"namespace", "pod"})
"""Labels that we set ourselves: the namespace is the tenant, the pod says whose a series is."""

MOST_LABELS = 16
MOST_CHARACTERS = 256

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


class MetricSelector(msgspec.Struct, frozen=True):
    """Series of one metric, by name and labels that must be equal; never free PromQL."""

    name: str
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class WorkMetric(msgspec.Struct, frozen=True):
    """A counter of the work that is done; `unit` is the word for one of it, "" for none."""

    series: MetricSelector
    unit: str = ""


class LatencyGuard(msgspec.Struct, frozen=True):
    """A latency not to be exceeded; `quantile` of a histogram, None for a gauge or summary."""

    series: MetricSelector
    max_seconds: float
    quantile: float | None = None


class Profile(msgspec.Struct, frozen=True):
    """The EnergyProfile of a VPA, which has its namespace and name.

    `problem` says what is wrong with the spec, "" where it is sound; the other fields then may
    be at their defaults. `status` is the object's status as it was read; `resource_version`
    says which state of the object that was.
    """

    generation: int
    problem: str = ""
    work_class: str = ""
    work_metric: WorkMetric | None = None
    latency: LatencyGuard | None = None
    objective: str = ""
    status: dict[str, Any] = msgspec.field(default_factory=dict)
    resource_version: str = ""


def find_flaw(series: MetricSelector, *, owned: frozenset[str] = OWNED_LABELS) -> str:
    """What is wrong with a selector of series, and what to do; "" for nothing.

    `owned` are labels that are not the user's to choose.
    """
    if len(series.name) > MOST_CHARACTERS or not _METRIC_NAME.fullmatch(series.name):
        return f"name {series.name[:80]!r} is no metric name; give one, such as requests_total"
    if len(series.labels) > MOST_LABELS:
        return f"labels has {len(series.labels)} of them; at most {MOST_LABELS} are allowed"
    return next(
        (flaw for pair in series.labels.items() if (flaw := _find_label_flaw(*pair, owned))), ""
    )


def _find_label_flaw(label: str, value: str, owned: frozenset[str]) -> str:
    if label in owned:
        return f"labels holds {label!r}, which joulefit sets itself; remove it"
    if len(label) > MOST_CHARACTERS or not _LABEL_NAME.fullmatch(label) or label.startswith("__"):
        return f"labels holds {label[:80]!r}, which is no label name; correct it"
    if len(value) > MOST_CHARACTERS:
        return f"the value of label {label!r} is longer than {MOST_CHARACTERS} characters"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return f"the value of label {label!r} is no Unicode text"
    return ""
