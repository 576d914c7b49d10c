"""Objective carbon: the same service over the day, with less of it paid for in dirty hours.

A request covers the quantile p = 1 - price / shortfall (docs/energy.md, 4). Where carbon counts in
place of joules the price of a reserved core in a block of the day is weighted by what a kWh
emits then, so that 1 - p is: the time above the request moves into dirty blocks, and its mean
over the day stays what the class allows. Only requests by block of the day (T3) can do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.replay.trace import BLOCK_HOURS, BLOCKS

if TYPE_CHECKING:
    from collections.abc import Container

    from recommender.energy.array import Floats
    from recommender.model.cluster import Vpa
    from recommender.model.identity import WorkloadRef
    from recommender.model.intensity import Intensity
    from recommender.replay.trace import PoolTrace

CARBON = "carbon"

LEAST_WEIGHT = 0.2
"""The least that asks of no class more than its greatest quantile: (1 - greatest) / (1 - least) is
0.01 / 0.05 for critical, 0.05 / 0.25 for standard and 0.10 / 0.50 for batch work, 0.2 for all."""

MOST_WEIGHT = 1.5
"""How much more of its time than on average work may wait in the dirtiest hours."""

_DIGITS = 4  # what is printed is what is used


def asks_for_carbon(vpa: Vpa | None) -> bool:
    """Whether the EnergyProfile of a VPA wants grams saved, not joules."""
    return vpa is not None and vpa.profile is not None and vpa.profile.objective == CARBON


def weigh_blocks(carbon: Intensity | None) -> tuple[float, ...]:
    """What a joule counts in each block of the day (UTC) of what it counts on average, [6].

    The mean of the block's hours over the mean of the blocks, from LEAST_WEIGHT to MOST_WEIGHT,
    and not above 1 on average: what clean blocks are raised by is taken off the others, the same
    share of what each is above the least. () where nothing tells the hours apart: a constant, or
    hours that are not known.
    """
    if carbon is None or carbon.mean is None or not carbon.hourly:
        return ()
    hours = [hour for hour in carbon.hourly if hour is not None]
    if len(hours) < len(carbon.hourly):
        return ()
    blocks = np.array(hours).reshape(BLOCKS, BLOCK_HOURS).mean(axis=1)
    if blocks.mean() <= 0.0:
        return ()
    above = np.clip(blocks / blocks.mean(), LEAST_WEIGHT, MOST_WEIGHT) - LEAST_WEIGHT
    above *= min(1.0, (1.0 - LEAST_WEIGHT) / float(above.mean()))
    return tuple(round(float(weight), _DIGITS) for weight in LEAST_WEIGHT + above)


def weigh_quantile(p: Floats | float, weight: Floats | float) -> Floats:
    """The quantile where the price counts `weight` times."""
    return np.asarray(1.0 - (1.0 - np.asarray(p)) * weight)


def spread_weights(
    trace: PoolTrace, weights: tuple[float, ...], chosen: Container[WorkloadRef]
) -> Floats | None:
    """Weights by block and container [6, K], 1 for all but the `chosen` workloads'; None: all 1."""
    is_chosen = np.array([ref.workload in chosen for ref in trace.containers], dtype=np.bool_)
    if not weights or not is_chosen.any():
        return None
    return np.where(is_chosen, np.array(weights)[:, None], 1.0)


def explain_objective(vpa: Vpa | None, carbon: Intensity | None) -> str:
    """What became of `objective: carbon`, in a sentence; "" where nobody asks for it."""
    return describe_objective(carbon) if asks_for_carbon(vpa) else ""


def describe_objective(carbon: Intensity | None) -> str:
    """What becomes of `objective: carbon` where this is known of what a kWh emits."""
    if carbon is None:
        return "objective carbon needs --carbon-intensity: energy is what is saved"
    if carbon.mean is None:
        return f"objective carbon: {carbon.flaw}; energy is what is saved"
    weights = weigh_blocks(carbon)
    if not weights:
        return (
            f"objective carbon: {carbon.source} tells no hours of the day apart, so what saves "
            "energy saves carbon"
        )
    return (
        f"objective carbon: by block of the day a reserved core counts {min(weights):.2f} to "
        f"{max(weights):.2f} times ({carbon.source}); it acts on requests at tier T3"
    )
