"""Whether the collector lives and whether what it says can be used, with the reason, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.snapshot import Snapshot, Source

_LATE_INTERVALS = 3
_LATE_SECONDS = 30.0  # a busy node may hold up one interval for long


@dataclass(frozen=True)
class Status:
    """All that health is judged by.

    `began` and the snapshot's time are unix seconds; `sources` were looked for at the start.
    """

    began: float
    interval: float
    sources: tuple[Source, ...]
    snapshot: Snapshot | None
    allows_modelled: bool = False


@dataclass(frozen=True)
class Verdict:
    """Yes or no, and why."""

    is_good: bool
    reason: str


def judge_life(status: Status, *, now: float) -> Verdict:
    """Whether intervals still end: /healthz."""
    last = status.snapshot.at if status.snapshot else status.began
    limit = max(_LATE_INTERVALS * status.interval, _LATE_SECONDS)
    age = now - last
    if age > limit:
        return Verdict(is_good=False, reason=f"no interval ended for {age:.0f} s")
    return Verdict(is_good=True, reason="intervals end as they should")


def judge_readiness(status: Status) -> Verdict:
    """Whether a real meter delivers: /readyz."""
    if status.snapshot is None:
        return Verdict(is_good=False, reason="the first interval has not ended")
    zones = status.snapshot.zones
    if not zones:
        refusals = "; ".join(
            f"{each.name}: {each.reason}"
            for each in status.sources
            if each.purpose == "power" and not each.is_used
        )
        return Verdict(is_good=False, reason=f"no source of power works ({refusals})")
    qualities = {zone.quality for zone in zones}
    if qualities <= {"modelled"} and not status.allows_modelled:
        return Verdict(
            is_good=False,
            reason="power is modelled, not measured; give --allow-modelled if that is meant",
        )
    return Verdict(is_good=True, reason=f"power is {', '.join(sorted(qualities))}")


def describe(status: Status, *, now: float) -> str:
    """One page: what was found, what was not and why, and what it means."""
    life, readiness = judge_life(status, now=now), judge_readiness(status)
    lines = [
        "joulefit-collector",
        f"  alive       {_yes(life)}",
        f"  ready       {_yes(readiness)}",
        "",
        *_describe_sources(status.sources),
    ]
    if status.snapshot is not None:
        lines += ["", *_describe_snapshot(status.snapshot)]
    return "\n".join(lines) + "\n"


def _yes(verdict: Verdict) -> str:
    return f"{'yes' if verdict.is_good else 'NO'}: {verdict.reason}"


def _describe_sources(sources: Sequence[Source]) -> list[str]:
    return [
        f"  {source.purpose:<11} {'used' if source.is_used else 'not used'}: "
        f"{source.name}: {source.reason}"
        for source in sources
    ]


def _describe_snapshot(snapshot: Snapshot) -> list[str]:
    lines = [
        f"  zone        {f'{total.zone.name} {total.zone.socket}'.strip()}: {total.joules:,.0f} J "
        f"by {total.source}, {total.quality}"
        for total in snapshot.zones
    ]
    lines += [
        f"  idle        {f'{zone.name} {zone.socket}'.strip()}: {watts:.1f} W without load"
        for zone, watts in snapshot.idle_watts.items()
    ]
    containers = sum(total.owner.part == "container" for total in snapshot.owners)
    unknown = sum(total.owner.part == "unknown" for total in snapshot.owners)
    lines.append(f"  containers  {containers} named, {unknown} not (yet)")
    lines += [f"  problem     {problem}" for problem in snapshot.problems]
    return lines
