"""From the price of a reserved core to the share of time that a request must cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.report import Reason
from recommender.sizing.burst import choose_burst, explain_burst
from recommender.sizing.carbon import weigh_quantile
from recommender.sizing.resource import millicores_of
from recommender.sizing.workcurve import six
from recommender.units import format_millicores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.energy.price import WorkClass
    from recommender.sizing.demand import ContainerDemand
    from recommender.sizing.pooltier import BlockFactor, Pooled
    from recommender.sizing.terms import Terms

CLASS_RANGE: dict[WorkClass, tuple[float, float]] = {
    "critical": (0.95, 0.99),
    "standard": (0.75, 0.95),
    "batch": (0.50, 0.90),
}
"""Least and greatest quantile of each class: what its work can bear to wait."""

LEAST_UNPOOLED = 0.90
"""Least quantile while containers are sized one by one: their peaks coincide more often than
independent ones would, and nothing has shown yet that the pool bears less. So standard work
gets p90 to p95 and batch work p90."""


def quantile_range(work_class: WorkClass) -> tuple[float, float]:
    """Least and greatest quantile of a request for one container."""
    least, greatest = CLASS_RANGE[work_class]
    return max(least, LEAST_UNPOOLED), greatest


def choose_quantile(reserved: float, shortfall: float, work_class: WorkClass) -> float:
    """The quantile at which reserving a little more costs what it saves, within the class's range.

    J(r) = reserved r + shortfall E(u - r)+ is least where P(u > r) = reserved / shortfall (both
    watts per core): the newsvendor's critical ratio. A reserved core that costs nothing gets
    the greatest quantile. The stock p90 is the special case reserved / shortfall = 0.1:

    ========  =========  =====  ====================
    reserved  shortfall  1 - .  standard, 0.90-0.95
    ========  =========  =====  ====================
    1.42 W    19.9 W     0.929  0.929
    2.0 W     20 W       0.9    0.90
    0.4 W     20 W       0.98   0.95
    8 W       20 W       0.6    0.90
    ========  =========  =====  ====================
    """
    least, greatest = quantile_range(work_class)
    if reserved <= 0.0:
        return greatest
    return min(max(1.0 - reserved / shortfall, least), greatest)


def explain_quantile(
    terms: Terms, pooled: Pooled | None = None
) -> tuple[float, tuple[Reason, ...]]:
    """The quantile of these terms, with the steps that lead to it.

    From T2 on it is the least of the class: what is needed above it, the pool check has found.
    What is printed is rounded before it is used, here and in `choose_request`, so that what is
    printed can be followed to its last digit.
    """
    if pooled is not None and pooled.name in ("T2", "T3"):
        p = CLASS_RANGE[terms.work_class][0]
        if pooled.block is not None and pooled.block.weight != 1.0:
            return _explain_weight(terms.work_class, p, pooled.block)
        why = f"the least of {terms.work_class} work: the pool check finds what it needs beyond it"
        return p, (Reason("quantile", f"{p:.2f}", why),)
    dynamic = six(terms.shortfall / terms.multiple)
    reserved, shortfall = six(terms.reserved), six(dynamic * terms.multiple)
    p = six(choose_quantile(reserved, shortfall, terms.work_class))
    least, greatest = quantile_range(terms.work_class)
    worth = Reason(
        "work class",
        terms.work_class,
        f"a core that is wanted and not there counts {terms.multiple:g} x {dynamic:g} W",
    )
    if reserved > 0.0:
        wanted = six(1.0 - reserved / shortfall)
        why = f"1 - {reserved:g}/{shortfall:g} = {wanted:g}, within {least:.2f}-{greatest:.2f}"
    elif terms.frees_nodes:
        why = f"a reserved core costs nothing here: the greatest of {least:.2f}-{greatest:.2f}"
    else:
        why = f"CPU cuts free no node: the greatest of {least:.2f}-{greatest:.2f}"
    return p, (worth, Reason("quantile", f"{p:.2f}", why))


def _explain_weight(
    work_class: WorkClass, p: float, block: BlockFactor
) -> tuple[float, tuple[Reason, ...]]:
    """The quantile in a block whose price counts more or less than the day's."""
    weighted = six(float(weigh_quantile(p, block.weight)))
    why = (
        f"objective carbon: 1 - {1.0 - p:g} x {block.weight:g} = {weighted:g} in {block.name}; "
        f"over the day it is {p:g}, the least of {work_class} work"
    )
    return weighted, (Reason("quantile", f"{weighted:.2f}", why),)


def choose_request(
    demand: ContainerDemand, p: float, crowding: float, pooled: Pooled | None = None
) -> tuple[float, tuple[Reason, ...]]:
    """Cores to request: the p-quantile of demand with its bursts, at least its mean, more on a
    crowded pool.

    The mean matters for work that is mostly off: its p90 can lie below what it uses in all,
    and a pool filled by such requests could not do the work. At T3 both are bent to the hours
    (`hours.Shape`), corrections and all. `pooled` says by how much of the
    mean its pool keeps cool; without it nobody has looked.
    """
    block = None if pooled is None else pooled.block
    covered, mean = six(float(demand.distribution.quantile(p)[0])), six(demand.least_mean)
    hours = ""
    if block:
        shape = demand.hours.shape(block.block, p)
        hours = _explain_hours(block, covered, mean)
        most = float(demand.distribution.quantile(1.0)[0])
        covered, mean = six(shape.bend_floor(covered, most=most)), six(mean * shape.of_mean)
    factor = six(1.0 if pooled is None else pooled.factor)
    burst = six(choose_burst(demand.burst, p))
    factors = [six(each) for each in (crowding, demand.compensation)]
    request = six(max(covered * burst, factor * mean) * factors[0] * factors[1])
    bursts = explain_burst(demand.burst, p)
    compared = _compare_mean(demand, covered * burst, mean, factor)
    steps = (
        *demand.steps,
        Reason(name_quantile(p), _cores(covered), hours + compared),
        *((bursts,) if bursts else ()),
        demand.rhythm.explain(demand.days),
        _ONE_BY_ONE if pooled is None else pooled.explain(),
        Reason(
            "request",
            _cores(request),
            _write_request(_times(covered, burst), _times(mean, factor), factors, request),
        ),
    )
    return request, steps


_ONE_BY_ONE = Reason(
    "pool",
    "one by one",
    "each container is sized by its own demand: peaks that coincide in the pool are not replayed",
)


def _explain_hours(block: BlockFactor, covered: float, mean: float) -> str:
    """What is bent to the hours."""
    return f"in {block.name}, {_cores(covered)} all day beside a mean of {_cores(mean)}; "


def _times(value: float, factor: float) -> str:
    return f"{value:g}" + (f" x {factor:g}" if factor != 1.0 else "")


def _write_request(peak: str, mean: str, factors: Sequence[float], request: float) -> str:
    """Its arithmetic in cores, without the factors that are one."""
    others = "".join(f" x {factor:g}" for factor in factors if factor != 1.0)
    return f"max({peak}, {mean}){others} = {request:g}: quantile, mean and what follows them"


def _compare_mean(demand: ContainerDemand, peak: float, most: float, factor: float) -> str:
    """Whether the quantile, with its bursts, or the mean decides; `most` is what counts of it."""
    mean = six(demand.mean)
    what = f"the mean of {_cores(most)}"
    if most == six(demand.least_mean) and most > mean:
        what = f"{_cores(most)}, the most that its mean of {_cores(mean)} may be"
    if factor > 1.0:
        what = f"{factor:g} x {what}"
    decides = peak >= factor * most
    return f"above {what}, so it decides" if decides else f"below {what}, which decides"


def explain_ceiling(terms: Terms, *, is_replayed: bool = False) -> Reason:
    """What a pool that is fuller than its best does to its requests."""
    where = f"pool at {terms.utilisation:.0%}, planned up to {terms.planned:.0%}"
    if is_replayed:
        return Reason("ceiling", "x1", f"{where}: the pool check keeps its nodes below that")
    if terms.crowding <= 1.0:
        return Reason("ceiling", "x1", f"{where}: no change")
    return Reason(
        "ceiling",
        f"x{terms.crowding:.2f}",
        f"{where}: requests grow, so that nodes are not filled beyond their best",
    )


def name_quantile(p: float) -> str:
    """p93 for 0.929, p99 for 0.99."""
    return f"p{round(p * 100):d}"


def _cores(cores: float) -> str:
    return format_millicores(millicores_of(cores))
