"""Queries with what is done with their replies, run in order while the next ones download."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from recommender.history.client import query_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recommender.history.client import QueryClient, RangeQuery
    from recommender.history.matrix import Matrix

    Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Job:
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

    def run(self, step: str, jobs: Sequence[Job]) -> None:
        """Each reply is taken in the order of the jobs. Raises StoreError."""
        self._say(step, 0, len(jobs))
        queries = [job.query for job in jobs]
        with closing(query_in_order(self.client, queries, parallel=self.parallel)) as replies:
            for number, (job, matrix) in enumerate(zip(jobs, replies, strict=True)):
                self.queries += 1
                self.received_bytes += matrix.size
                self.warnings |= dict.fromkeys(matrix.warnings)
                job.take(matrix)
                self._say(step, number + 1, len(jobs))

    def _say(self, step: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(step, done, total)
