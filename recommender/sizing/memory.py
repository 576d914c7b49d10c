"""Memory: what was needed at the worst, with a margin. Never optimised for energy below that.

A lower memory request saves no power of the memory itself; it only lets nodes be filled. Too
little memory is no slowdown but a kill. So there is no price here, only peaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.resource import round_up
from recommender.sizing.stock import estimate_oom_need
from recommender.units import format_bytes, format_bytes_short

if TYPE_CHECKING:
    from recommender.sizing.demand import ContainerDemand

MARGIN = 1.15

UPPER_MARGIN = 1.075
"""The band of a target: from the bare peak (target / 1.15) to 1.075 x target.

Below: a request under the highest peak has been too little already. Above: a target is left
behind when a new peak x 1.15 exceeds the band, which is at 1.075 x the old peak, with half of
the margin still free; a band up to 1.15 x would wait until the margin is gone. Worked for a
peak of 1000 MiB: target 1150, band 1000 ... 1236.25 MiB; peaks of 870 to 1075 MiB change
nothing.
"""


class OomEvidence(msgspec.Struct, frozen=True):
    """What an out-of-memory kill tells.

    need    least target after it, bytes
    peak    bytes that the stock rule counts as a peak of today
    why     a sentence
    """

    need: float
    peak: float
    why: str


def estimate_oom(
    demand: ContainerDemand,
    *,
    was_killed: bool,
    request: int | None,
    published: Band | None,
) -> OomEvidence | None:
    """What the last kill shows to be needed; None without a kill.

    `was_killed`: some pod of today was; `request`: the memory request; `published`: the band
    that was published in answer to a kill (`find_published_answer`).

    The need is 1.2 x and + 100 MiB on the highest of peak, bytes in use at the kill and
    request: sampled peaks miss the moment of the kill. A request that is itself the answer to
    the kill is held and not raised again; otherwise one kill would raise its own answer by a
    fifth in each loop for as long as it is seen. The price: a further kill at the answer, with
    nothing of it in the samples, is not told from the first.
    """
    if demand.oom_bytes is None and not was_killed:
        return None
    seen = max(demand.memory_peak or 0.0, demand.oom_bytes or 0.0)
    raised = estimate_oom_need(seen)
    answer = _find_answer(raised, was_killed=was_killed, request=request, published=published)
    if answer is not None:
        text = f"killed for lack of memory; {format_bytes_short(answer)} answers it and is kept"
        return OomEvidence(answer, raised, text)
    base = max(seen, float(request or 0))
    need = estimate_oom_need(base)
    what = "request" if base > seen else "use"
    text = f"killed for lack of memory at a {what} of {format_bytes_short(base)}: "
    return OomEvidence(need, need, text + "at least x1.2 and +100 MiB")


def _find_answer(
    raised: float, *, was_killed: bool, request: int | None, published: Band | None
) -> int | None:
    """The bytes that already answer a kill which `raised` bytes would answer; None: none do.

    What was published and has reached the pods; or, where no pod of today was killed, what
    these run with.
    """
    if request is None or request < raised:
        return None
    if published is not None and raised <= published.target <= request:
        return published.uncapped
    return None if was_killed else request


def choose_memory(
    demand: ContainerDemand, oom: OomEvidence | None
) -> tuple[Band | None, tuple[Reason, ...]]:
    """The band in bytes from the highest daily peak of the window and the last kill.

    None, with the reason, where no memory was measured.
    """
    peak = demand.memory_peak
    if peak is None:
        return None, (_no_memory(demand),)
    target = peak * MARGIN
    steps = [
        Reason(
            "memory",
            format_bytes_short(target),
            f"{MARGIN:g} x the highest of {len(demand.memory_days)} daily peaks, "
            f"{format_bytes(round(peak))}",
        )
    ]
    upper = round_up(target * UPPER_MARGIN)
    band = Band.around(round_up(target), lower=round_up(peak), upper=upper)
    if oom is not None:
        steps.append(explain_oom(oom))
        band = hold_oom(band, oom)
    return band, tuple(steps)


def choose_least(demand: ContainerDemand, oom: OomEvidence | None) -> int:
    """Bytes below which no earlier target is kept, however wide its bounds.

    The highest peak with half of its margin, as above; the stock rule's bounds of the first
    days would hold a target that the use has long passed. And what a kill shows to be needed.
    """
    least = (demand.memory_peak or 0.0) * MARGIN / UPPER_MARGIN
    return round_up(max(least, oom.need if oom else 0.0))


def hold_oom(band: Band, oom: OomEvidence) -> Band:
    """The band with a target of at least what the kill shows to be needed, and no less allowed.

    A lower bound at the target has pods with less restarted, and marks it as the answer to a
    kill for the next loop.
    """
    target = max(band.target, round_up(oom.need))
    return Band.around(
        target, lower=target, upper=max(band.upper, round_up(oom.need * UPPER_MARGIN))
    )


def find_published_answer(previous: Band | None, floor: int) -> Band | None:
    """The published band if it was the answer to a kill (`hold_oom`) and not but a floor."""
    if previous is None or previous.lower < previous.target or previous.target <= floor:
        return None
    return previous


def explain_oom(oom: OomEvidence) -> Reason:
    return Reason("oom", format_bytes_short(oom.need), oom.why)


def _no_memory(demand: ContainerDemand) -> Reason:
    return Reason("memory", "none", f"no memory usage in {demand.window_days:.3g} d")
