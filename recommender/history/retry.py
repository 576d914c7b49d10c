"""Which requests are sent again, and how long that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from urllib3.exceptions import InvalidHeader, MaxRetryError, ReadTimeoutError, ResponseError
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    from types import TracebackType

    from urllib3 import BaseHTTPResponse

RETRIED_STATUSES = (429, 500, 502, 503, 504)
BACKOFF_SECONDS = 0.25  # 0, 0.5, 1, 2 s before the first to fourth retry
LONGEST_WAIT_SECONDS = 30  # a store that asks for more is reported instead


class BoundedRetry(Retry):
    """Retries 429, 5xx and lost connections, honouring Retry-After; nothing else.

    Not an answer that is too slow: it would be as slow again. Not when the store asks for a
    wait beyond LONGEST_WAIT_SECONDS. The last answer is handed back, not raised, so that its
    text can be shown.
    """

    RETRY_AFTER_STATUS_CODES = frozenset({429, 503})

    @classmethod
    def of(cls, retries: int) -> Self:
        return cls(
            total=retries,
            redirect=False,
            status_forcelist=RETRIED_STATUSES,
            allowed_methods=None,  # any: queries change nothing, though they are POSTs
            backoff_factor=BACKOFF_SECONDS,
            raise_on_status=False,
        )

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds that the store asks to wait; None for a header that makes no sense."""
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error
        if response and (self.get_retry_after(response) or 0) > LONGEST_WAIT_SECONDS:
            raise MaxRetryError(_pool, url or "", ResponseError("asked to wait too long"))
        return super().increment(method, url, response, error, _pool, _stacktrace)
