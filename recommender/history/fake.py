"""A store without a network: answers from a function, for tests and demonstrations."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from recommender.errors import StoreReplyError
from recommender.history.reply import decode_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from recommender.history.client import RangeQuery
    from recommender.history.reply import Reply

    Labels: TypeAlias = Mapping[str, str]
    Samples: TypeAlias = Iterable[tuple[int, float]]
    Answer: TypeAlias = Iterable[tuple[Labels, Samples]]


class FakeQueryClient:
    """A QueryClient that hands each query to `answer` and encodes what it returns.

    `answer` gives pairs of labels and samples (unix seconds, value), or raises; samples
    outside of the query's range are left out. `asked` lists the queries in order of arrival.
    `build` is what the store tells of itself; `clock` gives its unix seconds.
    """

    def __init__(
        self,
        answer: Callable[[RangeQuery], Answer],
        *,
        build: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._answer = answer
        self._build = dict(build or {})
        self._clock = clock
        self._lock = threading.Lock()
        self.asked: list[RangeQuery] = []

    def query_range(self, query: RangeQuery) -> Reply:
        with self._lock:
            self.asked.append(query)
        return decode_reply(encode_matrix(self._answer(query), query), store="fake")

    def fetch(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """Knows the build and the one query vector(time()). Raises StoreReplyError for all else."""
        if path == "/api/v1/status/buildinfo" and self._build:
            return msgspec.json.encode({"status": "success", "data": self._build})
        if path == "/api/v1/query" and parameters.get("query") == "vector(time())":
            now = self._clock()
            sample = {"metric": {}, "value": [now, f"{now:.3f}"]}
            data = {"resultType": "vector", "result": [sample]}
            return msgspec.json.encode({"status": "success", "data": data})
        raise StoreReplyError(f"the fake store knows no {path}")


def encode_matrix(answer: Answer, query: RangeQuery) -> bytes:
    """The body that a Prometheus would send."""
    result = []
    for labels, samples in answer:
        values = [
            [at, format(value, "f") if value == value else "NaN"]  # noqa: PLR0124 - NaN
            for at, value in samples
            if query.start <= at <= query.end
        ]
        if values:
            result.append({"metric": dict(labels), "values": values})
    data = {"resultType": "matrix", "result": result}
    return msgspec.json.encode({"status": "success", "data": data})
