"""Whether the service lives and whether it can do its work, with the reason, in words. Pure.

Times are seconds of one monotonic clock: that a wall clock is set must not end a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from recommender.text import escape_controls
from recommender.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.model.report import Report

_LATE_INTERVALS = 5


class Verdict(msgspec.Struct, frozen=True):
    """Yes or no, and why."""

    is_good: bool
    reason: str


class Contact(msgspec.Struct, frozen=True):
    """A part that the service needs: whether it ever answered, and its newest failure, or ""."""

    name: str
    is_reached: bool = False
    error: str = ""

    def reached(self) -> Contact:
        """The same after an answer."""
        return replace(self, is_reached=True, error="")

    def failed(self, error: str) -> Contact:
        """The same after a failure, which does not undo that it was reached."""
        return replace(self, error=error)


class Vitals(msgspec.Struct, frozen=True):
    """All that health is judged by, replaced as a whole by the loop of the service.

    `last_turn` is when a cycle last ended, whatever came of it, or, on a replica that waits for
    the Lease, when its loop last turned; None: not yet. `last_answer` is when the store last
    answered, also in the middle of a cycle. `report` is of the newest cycle.
    """

    started: float
    interval: float
    last_turn: float | None = None
    last_answer: float | None = None
    is_standby: bool = False
    store: Contact = msgspec.field(default=Contact("store"))
    cluster: Contact = msgspec.field(default=Contact("API server"))
    report: Report | None = None


def judge_life(
    *,
    now: float,
    last_cycle_end: float | None,
    started: float,
    interval: float,
    last_answer: float | None = None,
) -> Verdict:
    """Whether cycles still end, or one goes on: /healthz. A cycle that failed has ended too.

    A first read of a slow store takes longer than any number of intervals that would tell a loop
    that hangs; to end it would only let it begin anew. As long as queries are answered it goes on.
    """
    age = now - (started if last_cycle_end is None else last_cycle_end)
    late = _LATE_INTERVALS * interval
    if age <= late:
        return Verdict(is_good=True, reason="cycles end as they should")
    said = f"no cycle ended for {format_duration(age)}"
    if last_answer is not None and now - last_answer <= late:
        return Verdict(is_good=True, reason=f"{said}, but the store goes on answering its queries")
    return Verdict(is_good=False, reason=f"{said}, one is due each {format_duration(interval)}")


def judge_readiness(*, store: Contact, cluster: Contact, is_standby: bool = False) -> Verdict:
    """Whether this process has reached what it needs: /readyz.

    A replica that waits for the Lease asks no store, and is ready to take over.
    """
    missing = [each for each in (cluster, store) if not each.is_reached]
    if is_standby and cluster.is_reached:
        return Verdict(is_good=True, reason="another replica holds the Lease; ready to take over")
    if missing:
        return Verdict(is_good=False, reason="; ".join(_describe_missing(each) for each in missing))
    return Verdict(is_good=True, reason="store and API server have been reached")


def judge_vitals(vitals: Vitals, *, now: float) -> tuple[Verdict, Verdict]:
    """Life and readiness."""
    life = judge_life(
        now=now,
        last_cycle_end=vitals.last_turn,
        started=vitals.started,
        interval=vitals.interval,
        last_answer=vitals.last_answer,
    )
    return life, judge_readiness(
        store=vitals.store, cluster=vitals.cluster, is_standby=vitals.is_standby
    )


def describe(vitals: Vitals, *, now: float) -> str:
    """One page: whether it lives and is ready, whom it reaches, and what the last cycle found."""
    life, readiness = judge_vitals(vitals, now=now)
    lines = [
        "joulefit recommender",
        _line("alive", _yes(life)),
        _line("ready", _yes(readiness)),
        _line("role", "waits for the Lease" if vitals.is_standby else "writes recommendations"),
        _line("last cycle", _describe_turn(vitals, now)),
        *(_line(each.name, _describe_contact(each)) for each in (vitals.cluster, vitals.store)),
        *(_describe_report(vitals.report) if vitals.report else ()),
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, text: str) -> str:
    return f"  {name:<12} {escape_controls(text)}"


def _yes(verdict: Verdict) -> str:
    return f"{'yes' if verdict.is_good else 'NO'}: {verdict.reason}"


def _describe_missing(contact: Contact) -> str:
    return f"{contact.name} has not been reached" + (f": {contact.error}" if contact.error else "")


def _describe_contact(contact: Contact) -> str:
    if contact.error:
        since = "answered before, now" if contact.is_reached else "never answered"
        return f"{since}: {contact.error}"
    return "answers" if contact.is_reached else "not asked yet"


def _describe_turn(vitals: Vitals, now: float) -> str:
    if vitals.last_turn is None:
        return f"none yet, started {format_duration(now - vitals.started)} ago"
    return f"ended {format_duration(now - vitals.last_turn)} ago"


def _describe_report(report: Report) -> Iterator[str]:
    sized = [row for row in report.workloads if row.vpa]
    yield _line("report", f"of {report.generated_at}, history to {report.source.window_end}")
    yield _line("workloads", f"{len(report.workloads)} sized, {len(sized)} of them for a VPA")
    for pool in report.pools:
        price = pool.price_watts_per_core
        yield _line(
            "pool",
            f"{pool.name}: {pool.nodes} nodes, {price.value:.2f} W per reserved core "
            f"({price.low:.2f}-{price.high:.2f}), power {pool.quality or 'unknown'}",
        )
    for sentence in report.footprint.sentences if report.footprint else ():
        yield _line("footprint", sentence)
    for row in report.skipped:
        where = f"{row.namespace}/{row.kind}/{row.name}"
        container = f", container {row.container}" if row.container else ""
        yield _line("skipped", f"{where}{container}: {row.reason}")
    for warning in report.source.warnings:
        yield _line("warning", warning)
