"""Carbon and cost of the nodes: what their watts carry by what a kWh carries. Pure.

Energy and embodied carbon are never added up: the one ends when a node is switched off, the other
was emitted when it was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.report import (
    EmbodiedCarbon,
    Flow,
    Footprint,
    Hourly,
    PerKwh,
    Watts,
)
from recommender.report.notation import format_change, format_share, format_three
from recommender.units import YEAR, format_time, format_years, grams_per_hour, per_hour

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recommender.model.intensity import Embodied, Intensity, Rates
    from recommender.model.report import PoolReport


def describe_footprint(
    rates: Rates, pools: Sequence[PoolReport], *, saved: Watts | None
) -> Footprint | None:
    """Carbon and cost of the pools and of what is saved; None where nothing of it is asked for.

    saved: watts over all workloads, None where none is claimed.
    """
    if rates.carbon is None and rates.price is None and not rates.embodied:
        return None
    carbon, cost = (
        _describe_flow(rate, pools, saved) if rate else None for rate in (rates.carbon, rates.price)
    )
    embodied = tuple(_describe_embodied(rates.embodied, pools))
    sentences = [
        _say_flow(name, flow) for name, flow in (("carbon", carbon), ("cost", cost)) if flow
    ]
    sentences += map(_say_embodied, embodied)
    sentences += _say_unknown(rates.embodied, pools)
    return Footprint(carbon, cost, embodied, tuple(sentences))


def describe_carried(saved: Watts | None, footprint: Footprint | None) -> list[str]:
    """What the saved watts of one container carry, a sentence each for carbon and cost."""
    if saved is None or footprint is None:
        return []
    found = []
    for name, flow in (("carbon", footprint.carbon), ("cost", footprint.cost)):
        if flow is None:
            continue
        rate = flow.per_kwh
        if rate.mean is None:
            found.append(f"{name}: no number: {rate.reason}")
            continue
        carried = _carry(saved, rate.mean)
        found.append(
            f"{name}: {_change(carried)} {rate.unit.removesuffix('/kWh')}/h with that, at "
            f"{format_three(rate.mean)} {rate.unit} ({_say_source(rate)})"
        )
    return found


def _change(carried: Hourly) -> str:
    return format_change(Watts(carried.value, carried.low, carried.high))


def _describe_flow(rate: Intensity, pools: Sequence[PoolReport], saved: Watts | None) -> Flow:
    known = [pool.watts for pool in pools if pool.watts is not None]
    is_whole = bool(pools) and len(known) == len(pools)
    mean = rate.mean
    return Flow(
        per_kwh=PerKwh(
            unit=f"{rate.unit}/kWh",
            mean=mean,
            source=rate.source,
            newest=None if rate.newest is None else format_time(rate.newest),
            covered=rate.covered,
            hourly=rate.hourly,
            reason=rate.flaw,
        ),
        now=per_hour(sum(known), mean) if mean is not None and is_whole else None,
        saved=_carry(saved, mean) if saved is not None and mean is not None else None,
    )


def _carry(watts: Watts, per_kwh: float) -> Hourly:
    """What the watts carry; at a negative price the ends of the interval change places."""
    low, high = sorted((per_hour(watts.low, per_kwh), per_hour(watts.high, per_kwh)))
    return Hourly(value=per_hour(watts.value, per_kwh), low=low, high=high)


def _describe_embodied(
    embodied: Sequence[Embodied], pools: Sequence[PoolReport]
) -> Iterator[EmbodiedCarbon]:
    nodes = {pool.name: pool.nodes for pool in pools}
    for each in embodied:
        if each.node_class in nodes:
            grams = grams_per_hour(each.kilograms, each.lifetime)
            yield EmbodiedCarbon(
                node_class=each.node_class,
                nodes=nodes[each.node_class],
                kilograms=each.kilograms,
                lifetime_years=each.lifetime / YEAR,
                node_grams_per_hour=grams,
                grams_per_hour=grams * nodes[each.node_class],
            )


def _say_flow(name: str, flow: Flow) -> str:
    rate = flow.per_kwh
    word = rate.unit.removesuffix("/kWh")
    if rate.mean is None:
        return f"{name}: no number: {rate.reason}"
    parts = [f"{name}: {format_three(rate.mean)} {rate.unit} ({_say_source(rate)})"]
    if flow.now is None:
        parts.append("what all nodes draw is not known")
    else:
        parts.append(f"nodes {format_three(flow.now)} {word}/h")
    if flow.saved is not None:
        parts.append(f"{_change(flow.saved)} {word}/h under the condition of the watts saved")
    return ", ".join(parts)


def _say_source(rate: PerKwh) -> str:
    if rate.newest is None:
        return rate.source
    hours = [each for each in rate.hourly if each is not None]
    parts = [f"{rate.source}, newest value of {rate.newest}"]
    if rate.covered < 1.0:
        parts.append(f"mean of {format_share(rate.covered)} of the window's hours")
    if hours and max(hours) > min(hours):
        parts.append(f"{format_three(min(hours))} to {format_three(max(hours))} by hour of the day")
    return ", ".join(parts)


def _say_embodied(each: EmbodiedCarbon) -> str:
    return (
        f"embodied carbon, apart: {each.node_class} {format_three(each.node_grams_per_hour)} "
        f"gCO2e/h a node, {format_three(each.grams_per_hour)} gCO2e/h for {each.nodes}"
        f" ({each.kilograms:,.0f} kg each over {format_years(each.lifetime_years * YEAR)}); "
        "a node less saves that only where none is bought in its place"
    )


def _say_unknown(embodied: Sequence[Embodied], pools: Sequence[PoolReport]) -> list[str]:
    names = [pool.name for pool in pools]
    return [
        f"--embodied-carbon names {each.node_class!r}, which is no node class here: "
        f"{', '.join(names) or 'there is none'}"
        for each in embodied
        if each.node_class not in names
    ]
