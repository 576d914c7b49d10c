"""Requests that recommenders had published, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid
    from recommender.model.identity import ContainerRef

Policy: TypeAlias = Literal["now", "rival", "stock", "ours"]
"""Whose request: what the pods have, another recommender's, the stock rule's, ours."""


class TargetKey(msgspec.Struct, frozen=True, order=True):
    """Whose request of which resource (cpu or memory) of which container.

    `vpa` names the VPA of a rival, of which there may be several; "" for all others.
    """

    container: ContainerRef
    resource: str
    policy: Policy
    vpa: str = ""


class Course(msgspec.Struct, frozen=True):
    """One request over time.

    values  float32 [P]  cores or bytes at the beginning of each stride; NaN where not known
    metric  the series it was read from
    """

    values: NDArray[np.float32]
    metric: str


class TargetHistory(msgspec.Struct, frozen=True):
    """Requests over the window of `grid`, one value for each `stride` bins of it (the last stride
    may be cut): P = ceil(bins / stride). What is in force at the beginning of a bin counts for all
    of it.
    """

    grid: TimeGrid
    stride: int = 1
    courses: dict[TargetKey, Course] = msgspec.field(default_factory=dict)

    @property
    def points(self) -> int:
        return -(-self.grid.bins // self.stride)
