"""Histograms of demand, moved by a factor for each bin: for what was held back or ran slowly.

The histogram of a day does not tell which sample is of which bin, the means of the bins do not
tell single pods. Both in order of size are taken as the same order: exact for one pod, and for
several as far as pods of one workload are busy at the same times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.sizing.histogram import DEMAND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.sizing.histogram import Floats, Numbers

_STEP = float(np.log(DEMAND.edges[3] / DEMAND.edges[2]))  # of a bucket, beyond the first


class BinUsage(msgspec.Struct, frozen=True):
    """Use of one container by bin: mean cores, pods and the day of each, [T]."""

    cores: NDArray[np.float32]
    pods: NDArray[np.uint16]
    day: NDArray[np.int64]


class Corrected(msgspec.Struct, frozen=True):
    """Samples by day and demand bucket [D, K], and the sum of cores over those of each day [D]."""

    cpu_days: Floats
    day_cores: Floats


def correct_days(cpu_days: Numbers, bins: BinUsage, factor: Floats) -> Corrected:
    """The samples [D, K] of each bin times its factor [T]; those of bins with factor 0 are left
    out.

    Inside a bucket samples are taken as evenly spread in logarithm.
    """
    count, cores = np.zeros(cpu_days.shape), np.zeros(len(cpu_days))
    used = np.flatnonzero((bins.pods > 0) & np.isfinite(bins.cores))
    used = used[np.lexsort((bins.cores[used], bins.day[used]))]
    pods, day = bins.pods[used].astype(np.float64), bins.day[used]
    np.add.at(cores, day, bins.cores[used] * pods * factor[used])
    of_day, bucket = np.nonzero(cpu_days)
    samples = cpu_days[of_day, bucket].astype(np.float64)
    size = np.bincount(of_day, samples, len(cpu_days))
    bin_end, bucket_end = _ends(day, pods), _ends(of_day, samples)
    edges = np.union1d(bin_end, bucket_end)
    middle = (edges + np.append(0.0, edges[:-1])) / 2.0
    at = np.minimum(np.searchsorted(bin_end, middle), max(len(bin_end) - 1, 0))
    of = np.minimum(np.searchsorted(bucket_end, middle), max(len(bucket_end) - 1, 0))
    if not (len(used) and len(of_day)):
        return Corrected(count, cores)
    weight = np.diff(edges, prepend=0.0) * size[of_day[of]]
    times = factor[used[at]]
    kept = (day[at] == of_day[of]) & (times > 0.0)
    _add_moved(count, of_day[of][kept], bucket[of][kept], weight[kept], times[kept])
    return Corrected(count, cores)


def _ends(day: NDArray[np.int64], weight: Floats) -> Floats:
    """Where each weight ends if those of day d, in order, fill the space from d to d + 1."""
    total = np.bincount(day, weight)
    before = np.cumsum(total) - total
    share = (np.cumsum(weight) - before[day]) / total[day]
    return np.asarray(day + np.minimum(share, 1.0))


def _add_moved(
    count: Floats,
    day: NDArray[np.int64],
    bucket: NDArray[np.int64],
    weight: Floats,
    times: Floats,
) -> None:
    """Add samples of these buckets [P] to `count` [D, K] at so many times their cores."""
    moved = np.log(times) / _STEP
    whole = np.floor(moved)
    above = moved - whole
    # Of what is below the first edge nothing is known but that it is next to nothing.
    is_small = bucket == 0
    whole, above = np.where(is_small, 0.0, whole), np.where(is_small, 0.0, above)
    last = count.shape[1] - 1
    for share, offset in ((1.0 - above, 0), (above, 1)):
        to = np.clip(bucket + whole.astype(np.int64) + offset, 0, last)
        np.add.at(count, (day, to), weight * share)
