"""Work that a workload did, by a metric of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WorkRate(msgspec.Struct, frozen=True):
    """Work per second of one workload over the T bins of a grid.

    per_second  float64 [T]  the sum over its pods; NaN where none of them reported
    series      series of the metric in the workload's namespace, the most of a day
    own         those among them that are of pods of the workload
    flaw        why there are no numbers though there are series, "" for no such reason
    nodes       names of the nodes that its own series are of, where they tell
    """

    per_second: NDArray[np.float64]
    series: int
    own: int
    flaw: str = ""
    nodes: tuple[str, ...] = ()


class WorkEvidence(msgspec.Struct, frozen=True):
    """What was read of the work of one workload.

    metric        by the metric of its EnergyProfile; None: it names none, or it was not read
    failure       why it was not read, "" where it was or none is named
    instructions  by instructions retired; None: not asked for, or not read
    """

    metric: WorkRate | None = None
    failure: str = ""
    instructions: WorkRate | None = None
