"""Queries with what is done with their replies, run in order while the next ones download."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from recommender.history.client import query_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recommender.history.client import QueryClient, RangeQuery
    from recommender.history.matrix import Matrix

    Progress: TypeAlias = Callable[[str, int, int], None]


class Job(msgspec.Struct, frozen=True):
    """A query, and what takes its reply."""

    query: RangeQuery
    take: Callable[[Matrix], None]


@dataclass
class Pipeline:
    """Runs jobs and counts what they cost.

    `warnings` are what the store itself says of its answers.
    """

    client: QueryClient
    parallel: int
    progress: Progress | None = None
    queries: int = 0
    received_bytes: int = 0
    warnings: dict[str, None] = field(default_factory=dict)

    def run(self, step: str, jobs: Iterable[Job], *, total: int | None = None) -> None:
        """Each reply is taken in the order of the jobs. Raises StoreError.

        With `total`, how many jobs there may be, they are made as they are needed: one may depend
        on what was read before it, but for the last `parallel` replies. Of no jobs nothing is said.
        """
        if total is None:
            jobs = list(jobs)
            total = len(jobs)
        if not total:
            return
        asked: deque[Job] = deque()

        def ask() -> Iterator[RangeQuery]:
            for job in jobs:
                asked.append(job)
                yield job.query

        self._say(step, 0, total)
        with closing(query_in_order(self.client, ask(), parallel=self.parallel)) as replies:
            for number, matrix in enumerate(replies):
                self.queries += 1
                self.received_bytes += matrix.size
                self.warnings |= dict.fromkeys(matrix.warnings)
                asked.popleft().take(matrix)
                self._say(step, number + 1, total)

    def _say(self, step: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(step, done, total)
