"""What the requests of several recommenders would have meant for one container.

All of them are held against the same usage over the same time: joules by the two-part tariff
(docs/energy.md, "Price of a reserved core": reservation pays the price, usage the slope at the
pool's mean use), and the share of time with usage above the request. Usage is served either way
and costs the same, so two requests differ by the price of what they reserve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from recommender.model.report import Watts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.sizing.distribution import DayDistribution
    from recommender.sizing.histogram import Floats
    from recommender.sizing.terms import Terms

Flags: TypeAlias = NDArray[np.bool_]


class BinUsage(msgspec.Struct, frozen=True):
    """Usage of one container in T bins of `step` seconds.

    cores  [T]  mean over its pods; NaN in bins without one
    pods   [T]  pods that reported; 0 in bins without one
    """

    cores: Floats
    pods: Floats
    step: int

    def during(self, chosen: Flags) -> BinUsage:
        """The chosen bins [T] only."""
        return BinUsage(self.cores[chosen], self.pods[chosen], self.step)

    @property
    def seconds(self) -> float:
        """Time in which at least one pod ran."""
        return float(np.count_nonzero(self.pods > 0) * self.step)


class Contender(msgspec.Struct, frozen=True):
    """The CPU requests of one recommender: `cores` now, None where it has none; `course` [T] at
    the beginning of each bin, NaN where not known, None where nothing is known of the past.
    """

    cores: float | None
    course: Floats | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What a contender's requests mean; a part that is not known is None.

    reserved_core_seconds  of all pods
    joules                 of reservation and usage
    joules_above, watts_above   over those of the reference; watts are a mean over the time
                                compared, with the interval of the price
    exposure               share of time with usage above the request
    """

    reserved_core_seconds: float | None = None
    joules: float | None = None
    joules_above: float | None = None
    watts_above: Watts | None = None
    exposure: float | None = None


def fill_gaps(values: NDArray[np.float32], *, longest: int) -> NDArray[np.float32]:
    """The values [P] with the last known one in gaps of up to `longest` points.

    A status stays what it is while nobody scrapes. After a longer gap it may have been another.
    """
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    gap = _gap_lengths(known)
    is_filled = ~known & (last >= 0) & (gap <= longest)
    return np.where(is_filled, values[last], values)


def _gap_lengths(known: Flags) -> NDArray[np.int64]:
    """For each point the length of the run of points, known or not, that it is in."""
    starts = np.flatnonzero(np.diff(known, prepend=~known[:1]))
    lengths = np.diff(starts, append=len(known))
    return np.repeat(lengths, lengths)


def spread(values: NDArray[np.float32], *, stride: int, bins: int) -> Floats:
    """One value for each of `bins` bins from one for each stride of them."""
    return np.repeat(values.astype(np.float64), stride)[:bins]


def count_changes(values: NDArray[np.float32]) -> int:
    """How often the known values of [P] change, gaps left out."""
    known = values[np.isfinite(values)]
    return int(np.count_nonzero(np.diff(known)))


def find_common(usage: BinUsage, contenders: Sequence[Contender]) -> Flags | None:
    """The bins [T] with usage in which the request of each contender that has a past is known.

    None where no contender has one, or there is no such bin: then only the numbers of now can be
    compared.
    """
    courses = [each.course for each in contenders if each.course is not None]
    if not courses:
        return None
    common = (usage.pods > 0) & np.all([np.isfinite(course) for course in courses], axis=0)
    return common if common.any() else None


def sum_reserved(requests: Floats | float, usage: BinUsage) -> float:
    """Core-seconds that all pods reserve; `requests` [T] or one number, in cores of a pod."""
    return float(np.sum(requests * usage.pods) * usage.step)


def sum_used(usage: BinUsage) -> float:
    """Core-seconds that all pods used."""
    return float(np.sum(np.where(usage.pods > 0, usage.cores, 0.0) * usage.pods) * usage.step)


def estimate_joules(requests: Floats | float, usage: BinUsage, terms: Terms) -> float:
    """Joules of reservation and usage: sum of (pi r + P'(U)/C u) over pods and seconds."""
    return terms.reserved * sum_reserved(requests, usage) + terms.used * sum_used(usage)


def estimate_exposure(requests: Floats | float, usage: BinUsage) -> float | None:
    """Share of the pods' time with the mean of the pods above the request; None without pods."""
    running = usage.pods > 0
    total = float(usage.pods.sum())
    if not total:
        return None
    above = running & (np.where(running, usage.cores, 0.0) > requests)
    return float(usage.pods[above].sum()) / total


def contrast(
    contenders: Sequence[Contender],
    usage: BinUsage,
    *,
    reference: int,
    terms: Terms | None,
    distribution: DayDistribution,
) -> tuple[Verdict, ...]:
    """A verdict for each contender, in their order; `reference` is the index of ours.

    Where the past of some is known, all are held against the bins of `find_common`: those with a
    past by what was in force then, the others by what they say now. Else all by what they say
    now, over all bins, and exposure comes from the distribution of single pods. `terms` None: no
    joules.
    """
    common = find_common(usage, contenders)
    during = usage.during(usage.pods > 0 if common is None else common)
    reserved: list[float | None] = []
    exposures: list[float | None] = []
    for each in contenders:
        requests = _requests(each, common)
        reserved.append(None if requests is None else sum_reserved(requests, during))
        exposures.append(_exposure(requests, during, common, distribution))
    return tuple(
        _judge(mine, reserved[reference], exposure, during=during, terms=terms)
        for mine, exposure in zip(reserved, exposures, strict=True)
    )


def _requests(contender: Contender, common: Flags | None) -> Floats | float | None:
    if common is None or contender.course is None:
        return contender.cores
    return np.asarray(contender.course[common])


def _exposure(
    requests: Floats | float | None,
    during: BinUsage,
    common: Flags | None,
    distribution: DayDistribution,
) -> float | None:
    if requests is None:
        return None
    if common is None:
        return float(distribution.exposure(np.atleast_1d(requests))[0, 0])
    return estimate_exposure(requests, during)


def _judge(
    mine: float | None,
    ours: float | None,
    exposure: float | None,
    *,
    during: BinUsage,
    terms: Terms | None,
) -> Verdict:
    if mine is None:
        return Verdict()
    if terms is None:
        return Verdict(mine, exposure=exposure)
    joules = terms.reserved * mine + terms.used * sum_used(during)
    if ours is None or not during.seconds:
        return Verdict(mine, joules, exposure=exposure)
    more = mine - ours
    ends = sorted((more * terms.reserved_low, more * terms.reserved_high))
    watts = (each / during.seconds for each in (more * terms.reserved, *ends))
    return Verdict(mine, joules, more * terms.reserved, Watts(*watts), exposure)
