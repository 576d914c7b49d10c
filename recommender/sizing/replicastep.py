"""The steps from the curve of a replica to its request, in words and printed arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.report import Reason
from recommender.sizing.resource import millicores_of
from recommender.sizing.workcurve import six

if TYPE_CHECKING:
    from recommender.model.cluster import Workload
    from recommender.sizing.plan import Found, Plan
    from recommender.sizing.replica import Part, Replica
    from recommender.sizing.workcurve import WorkCurve


def explain_request(workload: Workload, plan: Plan, part: Part, found: Found) -> list[Reason]:
    """The steps from the curves to the request of one container, each with its arithmetic."""
    replica, unit, windows = plan.replica, name_rate(found.unit), found.windows
    best, request = replica.best_rate(), replica.request(part, plan.rate)
    if best is None or request is None or windows is None:
        return []
    low, high = windows.seen
    seen = f"{len(windows):,} windows between {low:.3g} and {high:.3g}{unit}"
    several = len(replica.parts) > 1
    per_core, fixed = replica.watts_per_core(), replica.fixed_watts()
    steps = [
        Reason(
            "hpa",
            name_share(replica),
            f"HPA {workload.hpa_on_cpu} holds CPU there, so a replica that uses x cores needs "
            f"x / {replica.tau:g} requested",
        ),
        *(
            Reason(
                f"work curve {each.name}" if several else "work curve",
                f"{describe_formula(each.curve)} cores",
                f"of a replica that does w{unit}, fitted to {seen}",
            )
            for each in replica.parts
        ),
        Reason(
            "watts per core",
            f"{per_core.value:g} W",
            f"{per_core.text}: of a core that is used, and of what the HPA has reserved with it",
        ),
        Reason("fixed watts", f"{fixed.value:g} W", f"{fixed.text}: {_name_fixed(replica)}"),
        Reason("best rate", f"{best.value:g}{unit}", f"{best.text}: {_BALANCE}"),
        Reason(
            "replica",
            f"{six(part.curve.cores(plan.rate)):g} cores",
            f"{_insert(part.curve, plan.rate)} = {six(part.curve.cores(plan.rate)):g}",
        ),
    ]
    if replica.foreign_cores > 0.0:
        steps.append(_explain_whole(replica, plan.rate))
    return [*steps, Reason("request", f"{millicores_of(request.value)}m", request.text)]


_BALANCE = "with less a replica costs too much for being there, with more for being crowded"


def _name_fixed(replica: Replica) -> str:
    if not replica.fixed_watts().value:
        return "nothing is reserved whatever a replica does that would free a node"
    return "what a replica reserves whatever it does: GiB of memory, cores that do not count"


def _explain_whole(replica: Replica, rate: float) -> Reason:
    """What all that count use, where a part of their requests is not ours."""
    whole = six(replica.scaled_curve.cores(rate))
    return Reason(
        "pod",
        f"{whole:g} cores",
        f"{_insert(replica.scaled_curve, rate)} = {whole:g}: of all containers; "
        f"{replica.foreign_cores:g} cores are requested by those that are not ours",
    )


def describe_formula(curve: WorkCurve) -> str:
    parts = [
        f"{curve.idle:g}" if curve.idle else "",
        f"{curve.linear:g} w" if curve.linear else "",
        f"{curve.quadratic:g} w^2" if curve.quadratic else "",
    ]
    return " + ".join(filter(None, parts)) or "0"


def _insert(curve: WorkCurve, rate: float) -> str:
    return f"{curve.idle:g} + {curve.linear:g} x {rate:g} + {curve.quadratic:g} x {rate:g}^2"


def name_share(replica: Replica) -> str:
    return f"{replica.tau * 100:g} %"


def name_rate(unit: str) -> str:
    return f" {unit}/s" if unit else "/s"
