"""Work that a workload did, by a metric of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class WorkRate:
    """Work per second of one workload over the T bins of a grid.

    per_second  float64 [T]  the sum over its pods; NaN where none of them reported
    series      series of the metric in the workload's namespace, the most of a day
    own         those among them that are of pods of the workload
    flaw        why there are no numbers though there are series, "" for no such reason
    """

    per_second: NDArray[np.float64]
    series: int
    own: int
    flaw: str = ""
