"""Range queries to a store: one method, so that a fake can stand in (`history.fake`)."""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Protocol, cast

import msgspec
from prometheus_api_client import PrometheusConnect

from recommender.errors import StoreError
from recommender.history.endpoint import parse_endpoint
from recommender.history.matrix import parse_reply
from recommender.history.reply import refuse_samples
from recommender.history.retry import BoundedRetry
from recommender.history.session import StoreSession

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from concurrent.futures import Future

    from recommender.history.matrix import Matrix
    from recommender.history.reply import Reply
    from recommender.settings import StoreSettings

_LOGGER = logging.getLogger(__name__)

# urllib3 warns of each retry; what came of it is said once, by the error or by success.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class RangeQuery(msgspec.Struct, frozen=True):
    """A query at start, start + step, ... up to end (unix seconds).

    `first_at` numbers the first of these points, for a query that is a part of a longer one.
    """

    query: str
    start: int
    end: int
    step: int
    first_at: int = 0

    def __str__(self) -> str:
        return f"query={self.query} start={self.start} end={self.end} step={self.step}"


class QueryClient(Protocol):
    """Anything that answers range queries. Raises StoreError and its kinds."""

    def query_range(self, query: RangeQuery) -> Reply: ...


class StoreClient(QueryClient, Protocol):
    """A QueryClient that can also be asked about itself: what it is, what time it has."""

    def fetch(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """The body of the answer to a GET of a path of the API. Raises StoreError."""
        ...


class PrometheusClient:
    """A Prometheus or what speaks its API, through prometheus-api-client.

    Safe to use from several threads. Raises UsageError for settings that make no sense.
    """

    def __init__(self, settings: StoreSettings) -> None:
        endpoint = parse_endpoint(settings.store)
        self._session = StoreSession(settings, endpoint)
        self._connection = PrometheusConnect(
            url=endpoint.url,
            session=self._session,
            retry=BoundedRetry.of(settings.store_retries),
            method="POST",
        )

    def query_range(self, query: RangeQuery) -> Reply:
        begun = time.monotonic()
        try:
            reply = self._connection.custom_query_range(
                query.query,
                start_time=datetime.fromtimestamp(query.start, UTC),
                end_time=datetime.fromtimestamp(query.end, UTC),
                step=str(query.step),
            )
        except StoreError as error:
            error.detail = f"{query}{'; ' * bool(error.detail)}{error.detail}"
            raise
        found = cast("Reply", reply)
        _LOGGER.debug(
            "%s series=%d bytes=%d seconds=%.3f",
            query,
            len(found.lengths),
            found.size,
            time.monotonic() - begun,
        )
        return found

    def fetch(self, path: str, parameters: Mapping[str, str]) -> bytes:
        return self._session.fetch(path, parameters)


def query_in_order(
    client: QueryClient, queries: Iterable[RangeQuery], *, parallel: int
) -> Generator[Matrix]:
    """The replies in the order of the queries, at most `parallel` of them under way.

    While one reply is worked on, the next ones download and are parsed, and at most one more
    waits. So no more than `parallel` bodies are in memory. A query is taken only when its turn has
    come: all replies have been worked on by then but the last `parallel`. The first error ends it.
    """

    def fetch(query: RangeQuery) -> Matrix:
        reply = client.query_range(query)
        try:
            return parse_reply(reply, query)
        except (ValueError, LookupError, OverflowError) as error:
            # The bulk reader does not look twice at what a sound store never sends.
            raise refuse_samples(error, asked=query) from error

    pending: deque[Future[Matrix]] = deque()
    coming = iter(queries)
    pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="store")
    try:
        while True:
            for query in islice(coming, parallel + 1 - len(pending)):
                pending.append(pool.submit(fetch, query))
            if not pending:
                break
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
