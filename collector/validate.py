"""The controlled experiment: a load of known size, off and on, and who is charged for it.

The article's test as a command: a load in one place must raise the power of that place by what
the meter rises, and nobody else's.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.publication import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collector.agent import Agent
    from collector.load import CgroupLoad
    from collector.snapshot import Snapshot

LEAST_SHARE = 0.90
MOST_RISE_OF_OTHERS = 0.10
"""Of the bump. A busy node is never quite still: its own noise is in the uncertainty."""


@dataclass(frozen=True)
class Plan:
    """How often the load is switched on, for how long each time, and how often is measured."""

    periods: int = 3
    seconds: float = 10.0
    interval: float = 1.0


@dataclass(frozen=True)
class Rise:
    """Watts with the load less watts without, with the standard error over the periods."""

    name: str
    watts: float
    error: float


@dataclass(frozen=True)
class Result:
    """What rose by how much. `others` are sorted, the largest rise first; `second` is a meter
    beside the first, where one is there.
    """

    meter: Rise
    load: Rise
    rest: Rise
    others: tuple[Rise, ...]
    second: Rise | None = None

    @property
    def is_passed(self) -> bool:
        """The load got its part, and the rest together nothing that stands out of the noise."""
        bump = self.meter.watts
        if bump <= 3.0 * self.meter.error:
            return False
        share = (self.load.watts + 2.0 * self.load.error) / bump
        rise = (self.rest.watts - 2.0 * self.rest.error) / bump
        return share >= LEAST_SHARE and rise <= MOST_RISE_OF_OTHERS


@dataclass(frozen=True)
class _Span:
    """Mean watts of the meter and of each owner over one stretch."""

    meter: float
    owners: Mapping[str, float]


def run_experiment(
    agent: Agent,
    load: CgroupLoad,
    plan: Plan,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Switch the load off and on. The first pair teaches the agent the idle power and is not
    counted.
    """
    name = f"{load.folder.name}"
    agent.collect()
    pairs = []
    for _ in range(plan.periods + 1):
        load.rest()
        off = _measure(agent, plan, sleep)
        load.go()
        on = _measure(agent, plan, sleep)
        pairs.append((off, on))
    load.rest()
    return conclude(pairs[1:], name)


def conclude(pairs: Sequence[tuple[_Span, _Span]], load: str) -> Result:
    """The rises over all pairs of (off, on)."""
    names = {name for off, on in pairs for name in (*off.owners, *on.owners)}
    rises = {name: _rise(name, [_risen(name, *pair) for pair in pairs]) for name in names}
    others = sorted(
        (rise for name, rise in rises.items() if name != load), key=lambda rise: -rise.watts
    )
    rest = [sum(_risen(name, *pair) for name in names if name != load) for pair in pairs]
    return Result(
        meter=_rise("meter", [on.meter - off.meter for off, on in pairs]),
        load=rises.get(load, Rise(load, 0.0, 0.0)),
        rest=_rise("everything else", rest),
        others=tuple(others),
    )


def _risen(name: str, off: _Span, on: _Span) -> float:
    return on.owners.get(name, 0.0) - off.owners.get(name, 0.0)


def format_result(result: Result, plan: Plan, *, processes: int, quality: str) -> str:
    """The report, for people."""
    lines = [
        (
            f"load: {processes} busy processes in a cgroup of their own, {plan.periods} times "
            f"{plan.seconds:g} s off and {plan.seconds:g} s on; power is {quality}"
        ),
        "",
        f"  {'':34} watts with the load, less those without",
        _line("the meter", result.meter),
        f"  {'a second meter':34} {'-':>9}   none was named"
        if result.second is None
        else _line("a second meter", result.second),
        _line("charged to the load", result.load),
        _line("charged to everything else", result.rest),
        *(_line(f"  {rise.name}", rise) for rise in result.others[:10]),
        "",
    ]
    bump = result.meter.watts
    if bump > 0:
        lines.append(
            f"the load was charged {result.load.watts / bump:.0%} of the bump, everything else "
            f"together {result.rest.watts / bump:.0%}"
        )
    verdict = "passed" if result.is_passed else "FAILED"
    lines.append(f"verdict: {verdict}" + ("" if result.is_passed else f": {_explain(result)}"))
    return "\n".join(lines) + "\n"


def _explain(result: Result) -> str:
    if result.meter.watts <= 3.0 * result.meter.error:
        return (
            "the meter did not rise by more than its noise; give more processes or longer periods"
        )
    return "the load's energy went to others; `joulefit-collector doctor` tells the probe's level"


def _line(name: str, rise: Rise) -> str:
    return f"  {name:34} {rise.watts:>+9.2f} +-{rise.error:.2f}"


def _rise(name: str, watts: Sequence[float]) -> Rise:
    error = statistics.stdev(watts) / len(watts) ** 0.5 if len(watts) > 1 else 0.0
    return Rise(name, statistics.fmean(watts), error)


def _measure(agent: Agent, plan: Plan, sleep: Callable[[float], None]) -> _Span:
    first = agent.collect()
    until = time.monotonic() + plan.seconds
    while (left := until - time.monotonic()) > 0.0:
        sleep(min(plan.interval, left))
        last = agent.collect()
    seconds = last.at - first.at
    before, after = _joules(first), _joules(last)
    owners = {name: (amount - before[name]) / seconds for name, amount in after.items()}
    return _Span(sum(owners.values()), owners)


def _joules(snapshot: Snapshot) -> defaultdict[str, float]:
    """Joules by name; what nobody was charged with has a name too, so the sum is the meter."""
    joules: defaultdict[str, float] = defaultdict(float)
    for total in snapshot.owners:
        _, namespace, pod, container = names_of(total.owner)
        joules["/".join(filter(None, (namespace, pod, container)))] += sum(total.joules.values())
    joules["unattributed"] = sum(snapshot.unattributed.values())
    return joules
