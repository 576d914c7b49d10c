"""The machines of a simulated cluster: their size, what the system takes, what they draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.cluster import Node, NodeLoad
from recommender.model.history import SourceChoice
from recommender.units import HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.energy.published import PublishedServer
    from recommender.model.history import TimeGrid

NODE_BYTES_PER_CORE = 1012 * 2**22
"""4 GiB per logical CPU, as in general-purpose instances, less what the kubelet keeps back."""

SYSTEM_RESERVED = NodeLoad(cores=0.35, memory_bytes=0.5 * 2**30)
"""Static pods on each node, which no VPA sizes."""
SYSTEM_CORES = 0.6
SYSTEM_SHARE = 0.02
"""Kernel, kubelet and container runtime: a base and a share of what the pods use."""

MACHINE_SPREAD = 0.01
"""Servers of one model differ: fans, power supplies, silicon (sigma, relative)."""
SLOW_NOISE, SLOW_HOURS = 0.01, 6.0
"""The air in front of a server gets warmer and colder within hours (sigma, relative)."""
FAST_NOISE = 0.01
"""Of a five-minute mean of a power meter (sigma, relative)."""


def make_machines(server: PublishedServer, nodes: int, *, cpu_model: str = "") -> tuple[Node, ...]:
    """So many servers as nodes of a cluster; `cpu_model` as a node label would say it."""
    return tuple(
        Node(
            f"node-{number:02}",
            float(server.cores),
            server.cores * NODE_BYTES_PER_CORE,
            cpu_model=cpu_model or server.cpu,
        )
        for number in range(1, nodes + 1)
    )


def draw_watts(
    grid: TimeGrid, cores: NDArray[np.float64], server: PublishedServer, rng: np.random.Generator
) -> NDArray[np.float64]:
    """What a meter on each machine reads in each bin [N, T], from its busy cores [N, T]."""
    noise = 1.0 + _draw_noise(grid, len(cores), rng)
    return server.power(cores / server.cores) * noise


def _draw_noise(grid: TimeGrid, machines: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Relative deviation of each machine's watts in each bin [N, T]."""
    shape = (machines, grid.bins)
    noise = MACHINE_SPREAD * rng.standard_normal((machines, 1)) + np.zeros(shape)
    at = np.arange(grid.bins) * grid.step / (SLOW_HOURS * HOUR)
    knots = np.arange(np.ceil(at[-1]) + 1.0)
    for machine in range(machines):
        air = SLOW_NOISE * rng.standard_normal(len(knots))
        noise[machine] += np.interp(at, knots, air)
    return noise + FAST_NOISE * rng.standard_normal(shape)


def describe_sources(server: PublishedServer) -> tuple[SourceChoice, ...]:
    """What a store would be said to have, each marked as simulated."""
    curve = f"{server.name} ({server.cpu}, SPECpower_ssj2008, {server.year})"
    return (
        SourceChoice("usage", "joulefit", "SIMULATED: drawn per pod in five-minute means"),
        SourceChoice("memory", "joulefit", "SIMULATED: drawn per pod"),
        SourceChoice("node cpu", "joulefit", "SIMULATED: sum of the pods and the system"),
        SourceChoice(
            "node power", "joulefit", f"SIMULATED: published curve of {curve}, with noise"
        ),
    )
