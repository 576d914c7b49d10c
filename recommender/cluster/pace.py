"""A limit on our own requests, as clients of Kubernetes keep one: so many a second, and a burst."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Lets `per_second` pass in the long run, and up to `burst` at once after a rest.

    Safe to use from several threads. The clock and the pause are parameters for tests.
    """

    def __init__(
        self,
        per_second: float,
        *,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._spacing = 1.0 / per_second
        self._slack = (burst - 1) * self._spacing
        self._clock = clock
        self._pause = pause
        self._next = clock() - self._slack  # when the next one would be due without a burst
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = self._clock()
            due = max(self._next, now - self._slack)
            self._next = due + self._spacing
        if due > now:
            self._pause(due - now)
