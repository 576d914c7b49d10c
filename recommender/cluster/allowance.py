"""How often something may be said: token buckets. Pure; the caller tells the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable


class Rate(msgspec.Struct, frozen=True):
    """At most `burst` at once, and one more each `seconds`."""

    burst: int
    seconds: float


@dataclass
class Bucket:
    """Tokens left of one `rate`, full at first; `at` is when they were counted."""

    rate: Rate
    at: float
    tokens: float

    @classmethod
    def full(cls, rate: Rate, *, now: float) -> Bucket:
        return cls(rate, now, float(rate.burst))

    def fill(self, now: float) -> None:
        """Add what has dripped in meanwhile."""
        gained = max(0.0, now - self.at) / self.rate.seconds
        self.tokens = min(float(self.rate.burst), self.tokens + gained)
        self.at = now

    @property
    def is_full(self) -> bool:
        return self.tokens >= self.rate.burst


@dataclass
class Allowance:
    """A bucket for each key and one for all together; a token of both is one permission.

    Times are seconds of a clock that never goes back.
    """

    each: Rate
    overall: Bucket
    _buckets: dict[Hashable, Bucket] = field(default_factory=dict)

    def take(self, key: Hashable, *, now: float) -> bool:
        """Whether it may be said at `now`."""
        bucket = self._buckets.setdefault(key, Bucket.full(self.each, now=now))
        bucket.fill(now)
        self.overall.fill(now)
        if min(bucket.tokens, self.overall.tokens) < 1.0:
            return False
        bucket.tokens -= 1.0
        self.overall.tokens -= 1.0
        return True

    def forget(self, *, now: float) -> None:
        """Let go of the keys whose buckets are full again: they are as good as new."""
        for bucket in self._buckets.values():
            bucket.fill(now)
        self._buckets = {key: each for key, each in self._buckets.items() if not each.is_full}

    def __len__(self) -> int:
        """Keys that are remembered."""
        return len(self._buckets)
