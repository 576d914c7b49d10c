"""Memory: what was needed at the worst, with a margin. Never optimised for energy below that.

A lower memory request saves no power of the memory itself; it only lets nodes be filled. Too
little memory is no slowdown but a kill. So there is no price here, only peaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.resource import round_up
from recommender.sizing.stock import estimate_oom_need
from recommender.units import format_bytes_short

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


@dataclass(frozen=True)
class OomEvidence:
    """What an out-of-memory kill tells.

    `need`: bytes needed after it. `why`: a sentence.
    """

    need: float
    why: str


def estimate_oom(
    demand: ContainerDemand,
    *,
    was_killed: bool,
    request: int | None,
    published: int | None,
) -> OomEvidence | None:
    """What the last kill shows to be needed; None without a kill.

    `was_killed`: the newest pods were; `request`: their memory request; `published`: the target
    of the previous recommendation.

    The need is 1.2 x and + 100 MiB on the highest of peak, bytes in use at the kill and request:
    sampled peaks miss the moment of the kill. The request counts only until it holds the raise
    itself. Otherwise the same kill would raise its own answer by a fifth in each loop for as
    long as it is in the window.
    """
    if demand.oom_bytes is None and not was_killed:
        return None
    seen = max(demand.memory_peak or 0.0, demand.oom_bytes or 0.0)
    answer = estimate_oom_need(seen)
    if request is None:
        return _evidence(answer, seen, "use")
    if demand.oom_bytes is not None:
        is_answered = request >= answer
    else:
        is_answered = published is not None and answer <= published <= request
        answer = max(answer, float(published or 0)) if is_answered else answer
    if is_answered:
        return OomEvidence(
            answer,
            f"killed for lack of memory; the request of {format_bytes_short(request)} "
            "already answers it",
        )
    base = max(seen, float(request))
    return _evidence(estimate_oom_need(base), base, "request" if base > seen else "use")


def _evidence(need: float, base: float, what: str) -> OomEvidence:
    return OomEvidence(
        need,
        f"killed for lack of memory at a {what} of {format_bytes_short(base)}: "
        "at least x1.2 and +100 MiB",
    )


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
            f"{format_bytes_short(peak)}",
        )
    ]
    lower = peak
    if oom is not None:
        steps.append(explain_oom(oom))
        if oom.need > target:
            target, lower = oom.need, oom.need / MARGIN
    band = Band.around(
        round_up(target), lower=round_up(lower), upper=round_up(target * UPPER_MARGIN)
    )
    return band, tuple(steps)


def explain_oom(oom: OomEvidence) -> Reason:
    return Reason("oom", format_bytes_short(oom.need), oom.why)


def _no_memory(demand: ContainerDemand) -> Reason:
    return Reason("memory", "none", f"no memory usage in {demand.window_days:.3g} d")
