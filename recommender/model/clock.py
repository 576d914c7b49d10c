"""How far another machine's clock is from ours."""

from __future__ import annotations

import msgspec

from recommender.model.check import Check
from recommender.units import format_duration

WARN_SECONDS = 10.0  # beyond it no clock is that is set by NTP
FAIL_SECONDS = 300.0  # a whole bin of history: the newest ones are empty, or of the future


class ClockReading(msgspec.Struct, frozen=True):
    """What another clock said between two looks at ours; all unix seconds.

    `rounding` is by how much what it said may be rounded.
    """

    theirs: float
    begun: float
    ended: float
    rounding: float = 0.0

    @property
    def ahead(self) -> float:
        """Seconds that it is ahead of ours, negative where it is behind."""
        return self.theirs - (self.begun + self.ended) / 2

    @property
    def margin(self) -> float:
        """Seconds by which `ahead` may be wrong: it was said at some time between the looks."""
        return (self.ended - self.begun) / 2 + self.rounding


def judge_clock(subject: str, reading: ClockReading) -> Check:
    """Whether the two clocks agree, as far as the time of the answer lets it be known."""
    distance = max(0.0, abs(reading.ahead) - reading.margin)
    if distance <= WARN_SECONDS:
        most = format_duration(max(1.0, abs(reading.ahead) + reading.margin))
        return Check("ok", subject, f"within {most} of this machine's")
    side = "ahead of" if reading.ahead > 0 else "behind"
    return Check(
        "fail" if distance > FAIL_SECONDS else "warn",
        subject,
        f"{format_duration(abs(reading.ahead))} {side} this machine's",
        "let both set their clocks by NTP; the newest history is missed, or asked for too early",
    )
