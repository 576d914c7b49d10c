"""The work of workloads as a recording's document holds it: a bin without work is null."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.identity import WorkloadRef  # noqa: TC001 - msgspec reads it
from recommender.model.work import WorkEvidence, WorkRate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class RateDocument(msgspec.Struct, frozen=True):
    """A WorkRate."""

    per_second: tuple[float | None, ...]
    series: int
    own: int
    flaw: str = ""
    nodes: tuple[str, ...] = ()

    @classmethod
    def of(cls, rate: WorkRate) -> RateDocument:
        values = rate.per_second.tolist()
        written = (value if math.isfinite(value) else None for value in values)
        return cls(tuple(written), rate.series, rate.own, rate.flaw, rate.nodes)

    def rate(self) -> WorkRate:
        values = np.array([np.nan if each is None else each for each in self.per_second])
        return WorkRate(values, self.series, self.own, self.flaw, self.nodes)


class WorkDocument(msgspec.Struct, frozen=True):
    """The WorkEvidence of one workload."""

    ref: WorkloadRef
    metric: RateDocument | None = None
    failure: str = ""
    instructions: RateDocument | None = None

    @property
    def rates(self) -> tuple[RateDocument, ...]:
        return tuple(each for each in (self.metric, self.instructions) if each is not None)

    def evidence(self) -> WorkEvidence:
        return WorkEvidence(
            self.metric.rate() if self.metric else None,
            self.failure,
            self.instructions.rate() if self.instructions else None,
        )


def write_work(work: Mapping[WorkloadRef, WorkEvidence]) -> tuple[WorkDocument, ...]:
    """Sorted by workload."""
    return tuple(
        WorkDocument(
            ref,
            RateDocument.of(each.metric) if each.metric else None,
            each.failure,
            RateDocument.of(each.instructions) if each.instructions else None,
        )
        for ref, each in sorted(work.items())
    )


def read_work(documents: Iterable[WorkDocument]) -> dict[WorkloadRef, WorkEvidence]:
    return {each.ref: each.evidence() for each in documents}
