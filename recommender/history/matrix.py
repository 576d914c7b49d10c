"""A reply as arrays: what readers work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.history.reply import decode_labels
from recommender.history.sample import Points, parse_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from recommender.history.client import RangeQuery
    from recommender.history.reply import Reply


class Matrix(msgspec.Struct, frozen=True):
    """Labels (JSON) and samples of S series.

    `points.at` counts grid points as the query does, whose first one is `first_at`. `size` is
    what was received; `warnings` are the store's.
    """

    metrics: list[bytes]
    points: Points
    first_at: int = 0
    size: int = 0
    warnings: tuple[str, ...] = ()

    def series(
        self,
    ) -> Iterator[tuple[dict[str, str], NDArray[np.int32], NDArray[np.float64]]]:
        """Labels, grid points and values of each series that has some; for small replies."""
        end = 0
        for metric, count in zip(self.metrics, self.points.counts.tolist(), strict=True):
            begin, end = end, end + count
            if count:
                yield (
                    decode_labels(metric),
                    self.points.at[begin:end],
                    self.points.values[begin:end],
                )


def parse_reply(reply: Reply, query: RangeQuery) -> Matrix:
    """The samples of a reply at the grid points of its query."""
    origin = query.start - query.first_at * query.step
    points = parse_points(reply, start=origin, step=query.step)
    return Matrix(reply.metrics, points, query.first_at, reply.size, reply.warnings)
