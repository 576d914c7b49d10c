"""Days of node power as a meter would see it, and curves to draw from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from recommender.energy.curve import NodeCurve
from recommender.energy.window import NodeWindows

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.energy.array import Floats

DAY = 86_400


def correlated(rng: np.random.Generator, size: int, *, memory: float) -> Floats:
    """Unit-variance noise whose correlation falls by `memory` per step."""
    weights = memory ** np.arange(200)
    shocks = rng.normal(size=size + 199)
    return np.convolve(shocks, weights, mode="valid") * np.sqrt(1.0 - memory**2)


def daily_windows(
    power: Callable[[Floats], Floats],
    *,
    seed: int,
    nodes: int = 1,
    days: float = 1,
    step: int = 60,
    low: float = 0.15,
    high: float = 0.65,
    noise: float = 0.03,
    correlated_share: float = 0.5,
    node_spread: float = 0.0,
    node_shift: float = 0.0,
) -> NodeWindows:
    """Windows of nodes with a daily rhythm in about low ... high and noisy power.

    Power noise is relative; `correlated_share` of its variance lasts for some 20 steps. Nodes
    differ by `node_spread` in power and from -node_shift to +node_shift in mean utilisation.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(int(days * DAY / step)) * float(step)
    middle, swing = (low + high) / 2, 0.4 * (high - low)
    rhythm = middle + swing * np.sin(2 * np.pi * time / DAY - 1.5)
    columns = []
    for node, shift in enumerate(np.linspace(-node_shift, node_shift, nodes)):
        jitter = 0.04 * correlated(rng, len(time), memory=0.9)
        used = np.clip(rhythm + shift + jitter, 0.02, 0.99)
        error = np.sqrt(correlated_share) * correlated(rng, len(time), memory=0.95)
        error += np.sqrt(1.0 - correlated_share) * rng.normal(size=len(time))
        watts = power(used) * (1.0 + noise * error) * (1.0 + node_spread * rng.normal())
        columns.append((time, np.full(len(time), node), used, watts))
    parts = [np.concatenate(column) for column in zip(*columns, strict=True)]
    return NodeWindows(parts[0], parts[1].astype(np.int64), parts[2], parts[3])


def spread_windows(power: Callable[[Floats], Floats], used: Floats) -> NodeWindows:
    """One node's windows, a minute each, at given utilisations without any noise."""
    count = len(used)
    return NodeWindows(np.arange(count) * 60.0, np.zeros(count, dtype=np.int64), used, power(used))


@st.composite
def node_curves(draw: st.DrawFn) -> NodeCurve:
    """Any curve that a fit or the prior can give."""
    watts = st.floats(0.0, 500.0)
    knots = sorted(draw(st.sets(st.integers(1, 19), max_size=6)))
    return NodeCurve(
        cores=draw(st.floats(1.0, 256.0)),
        base=draw(st.floats(1.0, 500.0)),
        linear=draw(watts),
        knots=tuple(knot / 20 for knot in knots),
        hinges=tuple(draw(watts) for _ in knots),
        cubic=draw(st.sampled_from([0.0, 30.0, 400.0])),
        low=draw(st.floats(0.0, 0.4)),
    )
