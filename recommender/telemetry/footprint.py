"""Carbon and cost of a report as Prometheus metrics. Pure.

A source that stopped has no number here, and goes on saying when its newest value was of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.report import Footprint
from recommender.telemetry.family import gauge
from recommender.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from recommender.model.report import Flow

_NOTHING = Footprint()


def collect_footprint(footprint: Footprint | None) -> Iterator[Metric]:
    """What a kWh carries, by which source and of when, and what that makes of the nodes."""
    found = footprint or _NOTHING
    yield from _collect_carbon(found.carbon)
    yield from _collect_cost(found.cost)
    yield gauge(
        "embodied_grams_per_hour",
        "Grams of CO2e of making all nodes of a class, spread over the time that they serve.",
        ("pool",),
        (((each.node_class,), each.grams_per_hour) for each in found.embodied),
    )


def _collect_carbon(flow: Flow | None) -> Iterator[Metric]:
    yield gauge(
        "carbon_intensity_grams_per_kwh",
        "Grams of CO2e that a kWh carries, mean over the window; none where not known.",
        ("source",),
        [((flow.per_kwh.source,), flow.per_kwh.mean)] if flow else [],
    )
    yield gauge(
        "carbon_intensity_timestamp_seconds",
        "When the newest value of the carbon intensity is of; none for a constant.",
        ("source",),
        [((flow.per_kwh.source,), _newest(flow))] if flow else [],
    )
    yield gauge(
        "carbon_intensity_known",
        "1 where the source of the carbon intensity has a number, 0 where it stopped or has none.",
        ("source",),
        [((flow.per_kwh.source,), _is_known(flow))] if flow else [],
    )
    yield gauge(
        "carbon_grams_per_hour",
        "Grams of CO2e of the nodes' energy in an hour: now, and saved with its 90 % interval.",
        ("estimate",),
        (((estimate,), amount) for estimate, amount in _list_amounts(flow)),
    )


def _collect_cost(flow: Flow | None) -> Iterator[Metric]:
    currency = flow.per_kwh.unit.removesuffix("/kWh") if flow else ""
    yield gauge(
        "energy_price_per_kwh",
        "Price of a kWh, mean over the window; none where not known.",
        ("source", "currency"),
        [((flow.per_kwh.source, currency), flow.per_kwh.mean)] if flow else [],
    )
    yield gauge(
        "energy_price_timestamp_seconds",
        "When the newest value of the price of energy is of; none for a constant.",
        ("source",),
        [((flow.per_kwh.source,), _newest(flow))] if flow else [],
    )
    yield gauge(
        "energy_price_known",
        "1 where the source of the price of energy has a number, 0 where it stopped or has none.",
        ("source",),
        [((flow.per_kwh.source,), _is_known(flow))] if flow else [],
    )
    yield gauge(
        "energy_cost_per_hour",
        "Cost of the nodes' energy in an hour: now, and saved with its 90 % interval.",
        ("currency", "estimate"),
        (((currency, estimate), amount) for estimate, amount in _list_amounts(flow)),
    )


def _newest(flow: Flow) -> float | None:
    newest = flow.per_kwh.newest
    return None if newest is None else parse_time(newest)


def _is_known(flow: Flow) -> float:
    return float(flow.per_kwh.mean is not None)


def _list_amounts(flow: Flow | None) -> Iterator[tuple[str, float | None]]:
    if flow is None:
        return
    yield "now", flow.now
    if flow.saved is not None:
        yield "saved", flow.saved.value
        yield "saved_low", flow.saved.low
        yield "saved_high", flow.saved.high
