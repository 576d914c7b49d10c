"""The figures of docs/concepts.md, computed by the engine itself and drawn as SVG (make docs).

Each function draws one fact and returns the file's text. Nothing is drawn by hand: power is that of
published servers, fleets come from the simulator, curves and prices from `recommender.energy`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docs.plot import (
    Axis,
    Band,
    Bar,
    Chart,
    Dots,
    Label,
    Line,
    draw_chart,
    even_ticks,
    zip_points,
)
from recommender.energy.nodeclass import ClassTotals, estimate_class
from recommender.energy.published import LOADS, server_curve
from recommender.energy.window import NodeWindows
from recommender.replay.check import SEEDS, PoolRule, calibrate_pool
from recommender.replay.energy import estimate_energy
from recommender.replay.load import estimate_hot_time, estimate_load
from recommender.replay.packer import pack
from recommender.simulator.generator import END, draw_fleet
from recommender.simulator.trace import trace_fleet
from recommender.units import DAY, MINUTE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docs.plot import Ink
    from recommender.energy.nodeclass import ClassEnergy
    from recommender.replay.trace import PoolTrace

    Floats = NDArray[np.float64]

SERVER = "Lenovo SR645"
"""The server of the figures of one node: AMD EPYC 7763, 256 logical CPUs."""

_SCIENCE = Path(__file__).parent / "science.md"

_PERCENT = tuple((step / 5, f"{step * 20} %") for step in range(6))


_LATER: tuple[tuple[int, Ink, str], ...] = (
    (0, "ours", "with it"),
    (6, "third", "6 h later"),
    (12, "other", "12 h later"),
)


def draw_own_curve() -> str:
    """Fact 1: one program on one node, whose own work per joule depends on when it is busy."""
    angle = np.linspace(0.0, np.pi, 61)
    cores = 1.0 + 0.6 * np.cos(angle)
    marks: list[Line | Dots | Label] = []
    for hours, ink, text in _LATER:
        rows = _own_efficiency(angle, hours)
        best = int(np.argmax(rows))
        marks += [
            Line(zip_points(cores, rows), ink),
            Dots(((float(cores[best]), float(rows[best])),), ink, radius=6.0),
            Label((1.64, float(rows[0])), text, ink),
        ]
    x = Axis("cores that the container uses", 0.4, 1.8, even_ticks((0.4, 0.7, 1.0, 1.3, 1.6)))
    y = Axis("its work per joule (best = 1)", 0.4, 1.05, even_ticks((0.4, 0.6, 0.8, 1.0)))
    return draw_chart(
        Chart(
            "One program, busy at three times of day against its node: three different best points",
            x,
            y,
            tuple(marks),
        )
    )


def _own_efficiency(angle: Floats, hours: int) -> Floats:
    """Work over joules shared by CPU time, of both times a day with the same use; best is 1.

    The node is used 0.55 + 0.35 cos of the time of day, the container 1 + 0.6 cos, `hours` later.
    """
    shift = 2.0 * np.pi * hours / 24.0
    joules = np.zeros_like(angle)
    for side in (1.0, -1.0):
        load = 0.55 + 0.35 * np.cos(side * angle + shift)
        joules += server_curve(SERVER).power(load) / load
    efficiency = 2.0 / joules
    least = np.linspace(0.05, 1.0, 200)
    return efficiency / float((least / server_curve(SERVER).power(least)).max())


def draw_corner() -> str:
    """Fact 2: against the request work per joule only falls; exposure is what stops it."""
    usage = draw_fleet("bursty", containers=1, days=7, seed=3).usage[0].astype(np.float64)
    usage /= usage.mean()
    requests = np.geomspace(0.2, 5.0, 60)
    served = np.minimum(usage[None, :], requests[:, None]).mean(axis=1)
    price, busy = 0.66, 0.84
    efficiency = served / (price * requests + busy * served)
    exposure = (usage[None, :] > requests[:, None]).mean(axis=1)
    x = Axis("CPU request over the mean use", 0.0, 5.0, even_ticks(range(6)))
    y = Axis("share", 0.0, 1.0, _PERCENT)
    marks = (
        Line(zip_points(requests, efficiency / efficiency.max())),
        Line(zip_points(requests, exposure), "other", is_dashed=True),
        Label((2.3, 0.62), "work per joule (of the most)", "ours"),
        Label((1.95, 0.14), "time above the request", "other"),
    )
    title = "Work per joule falls as the request grows, and so does the time above the request"
    return draw_chart(Chart(title, x, y, marks))


def draw_shared_joules() -> str:
    """Fact 3: joules shared by CPU time make work per joule fall where it rises."""
    server = server_curve(SERVER)
    load = LOADS[1:10]
    truth = load / server.power(load)
    shared = 1.0 / server.power(load)
    x = Axis("use of the node", 0.0, 1.0, _PERCENT)
    y = Axis("work per joule (1 at 10 %)", 0.0, 5.0, even_ticks(range(6)))
    marks = (
        Line(zip_points(load, truth / truth[0])),
        Line(zip_points(load, shared / shared[0]), "other", is_dashed=True),
        Label((0.48, 3.75), "of the node, as measured", "ours", "end"),
        Label((0.36, 1.0), "of a container, active joules shared by CPU time", "other"),
    )
    title = "Work per joule by the use of a node: it rises, and shared joules say that it falls"
    return draw_chart(Chart(title, x, y, marks))


def draw_tangent() -> str:
    """Fact 4: a reserved core is priced by the tangent's intercept, not by the idle reading."""
    server = server_curve(SERVER)
    load = 0.45
    at, intercept = float(server.power(load)), float(server.intercept(load))
    idle = float(server.power(0.0))
    x = Axis("use of the node", 0.0, 1.0, _PERCENT)
    y = Axis("watts", 0.0, 500.0, even_ticks((0, 100, 200, 300, 400, 500)))
    end = at + float(server.slope(load)) * (1.0 - load)
    marks = (
        Line(zip_points(LOADS, server.power(LOADS))),
        Line(((0.0, intercept), (1.0, end)), "other", is_dashed=True),
        Dots(((0.0, idle),), "ours", is_hollow=True),
        Dots(((0.0, intercept), (load, at)), "other"),
        Label((0.03, idle - 22.0), f"idle reading {idle:.0f} W", "ours"),
        Label((0.03, intercept - 22.0), f"intercept {intercept:.0f} W", "other"),
        Label((load, at - 32.0), "works here", "other"),
    )
    title = "Power of a server: the tangent meets zero use far above the idle reading"
    return draw_chart(Chart(title, x, y, marks))


def draw_learnt_curve() -> str:
    """Fact 5: a day tells the price of now, and nothing of where the peak is."""
    server, learnt = server_curve(SERVER), _learn_a_day()
    curve = learnt.curve
    seen = np.linspace(curve.low, curve.high, 30)
    rest = np.linspace(curve.high, 1.0, 30)
    marks: list[Line | Band | Dots | Label] = []
    if learnt.replicates is not None:
        low, high = learnt.replicates.power_interval(curve.power(seen), seen)
        marks.append(Band(zip_points(seen, low), zip_points(seen, high)))
    marks += [
        Line(zip_points(LOADS, server.power(LOADS)), "other", is_dashed=True),
        Line(zip_points(seen, curve.power(seen))),
        Line(zip_points(rest, curve.power(rest)), "ours", is_dashed=True),
        Label((0.87, 400.0), "published: a cliff that nobody saw", "other", "end"),
        Label((0.68, 235.0), "goes on along its tangent", "ours"),
    ]
    value, least, most = learnt.intercept or (0.0, 0.0, 0.0)
    truth = float(server.intercept(_day_of_load()).mean())
    found = f"intercept {value:.0f} W ({least:.0f} to {most:.0f}), true {truth:.0f} W"
    marks.append(Label((0.02, 60.0), f"seen {curve.low:.0%} to {curve.high:.0%}: {found}", "ours"))
    x = Axis("use of the node", 0.0, 1.0, _PERCENT)
    y = Axis("watts", 0.0, 500.0, even_ticks((0, 100, 200, 300, 400, 500)))
    title = "A curve learnt in one day: sure where the node has been, silent about the rest"
    return draw_chart(Chart(title, x, y, tuple(marks)))


def _day_of_load() -> Floats:
    """Utilisation of one node by the minute, 15 to 45 %."""
    minute = np.arange(1440)
    rhythm = 0.13 * np.sin(2.0 * np.pi * minute / 1440.0)
    return np.asarray(0.30 + rhythm + 0.02 * np.sin(minute / 7.0), dtype=np.float64)


def _learn_a_day() -> ClassEnergy:
    server, load = server_curve(SERVER), _day_of_load()
    noise = 1.0 + 0.02 * np.random.default_rng(5).standard_normal(len(load))
    windows = NodeWindows(
        time=np.arange(len(load), dtype=np.float64) * MINUTE + (END - DAY),
        node=np.zeros(len(load), dtype=np.int64),
        utilisation=load,
        watts=server.power(load) * noise,
    )
    cores = float(server.cores)
    totals = ClassTotals(1, cores, 2.0**40, 0.9 * cores, 2.0**38)
    return estimate_class(windows, totals, cpu_model=server.cpu, quality="measured")


def draw_percentiles() -> str:
    """Fact 6: with the pool calibrated, one percentile costs what another does."""
    fleet = draw_fleet("bursty", containers=300, days=3, seed=1, most_cores=8.0)
    trace = trace_fleet(fleet, server_curve("Huawei RH2288 V2"))
    usage = fleet.usage.astype(np.float64)
    ranks = (50, 60, 70, 75, 80, 85, 90, 95)
    plain, pooled, hot = [], [], {}
    for rank in ranks:
        rule = PoolRule(usage.mean(axis=1), np.percentile(usage, rank, axis=1))
        watts, hot[rank] = _replay(trace, rule.requests(trace, 1.0))
        plain.append(watts / 1000.0)
        pooled.append(_replay(trace, calibrate_pool(trace, rule).requests)[0] / 1000.0)
    alone = f"percentile alone: {hot[75]:.0%} of time on hot nodes at p75, {hot[50]:.0%} at p50"
    ticks = even_ticks((50, 60, 70, 80, 90, 95))
    x = Axis("percentile of use that each container gets", 50, 95, ticks)
    y = Axis("kilowatts of the pool", 1.0, 2.4, even_ticks((1.0, 1.4, 1.8, 2.2)))
    marks = (
        Line(zip_points(ranks, plain), "other", is_dashed=True),
        Line(zip_points(ranks, pooled)),
        Label((52, 1.86), "with the pool factor: never more than 0.5 % on hot nodes", "ours"),
        Label((52, 1.42), alone, "other"),
    )
    title = "Power of a pool by the percentile of its requests, with and without the pool factor"
    return draw_chart(Chart(title, x, y, marks))


def _replay(trace: PoolTrace, requests: Floats) -> tuple[float, float]:
    """Mean watts, and the share of container-time on hot nodes, over the packings of SEEDS."""
    joules, hot = 0.0, 0.0
    for seed in SEEDS:
        packing = pack(trace, requests, seed=seed)
        load = estimate_load(trace, packing)
        joules += estimate_energy(trace, packing, load).released.joules
        hot += estimate_hot_time(trace, packing, load).mean
    return joules / len(SEEDS) / trace.seconds, hot / len(SEEDS)


def draw_release() -> str:
    """Fact 7: what a mixed pool saves where emptied nodes go off, and where they stay on."""
    text = _SCIENCE.read_text()
    released = _read_cell(text, row="mixed", column="T2")
    kept = _read_cell(text, row="T2", column="energy")
    names = ("Xeon 8380", "EPYC 7763", "Xeon 8368Q")
    marks: list[Bar | Label] = []
    for number, (off, on) in enumerate(zip(released, kept, strict=True)):
        marks += [
            Bar(number - 0.18, -off, 0.32, "ours"),
            Bar(number + 0.18, -on, 0.32, "other"),
            Label((number - 0.18, -off + 0.6), f"{-off:.1f} %", "ours", "middle"),
            Label((number + 0.18, max(-on, 0.0) + 0.6), f"{-on:.1f} %", "other", "middle"),
        ]
    marks += [
        Label((-0.45, 27.6), "emptied nodes go off", "ours"),
        Label((-0.45, 25.6), "emptied nodes stay on", "other"),
    ]
    x = Axis("nodes", -0.5, 2.5, tuple((float(number), name) for number, name in enumerate(names)))
    y = Axis("energy saved against the stock rule", 0.0, 30.0, even_ticks((0, 10, 20, 30)))
    title = "Energy that tier T2 saves on a mixed pool: much where nodes go off, little where not"
    return draw_chart(Chart(title, x, y, tuple(marks)))


def _read_cell(text: str, *, row: str, column: str) -> tuple[float, ...]:
    """The figures by server of one cell of docs/science.md: of the first table that has both."""
    titles: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            titles = []
        elif not titles:
            titles = cells
        elif cells[0] == row and column in titles:
            return tuple(float(part) for part in cells[titles.index(column)].split(" / "))
    raise ValueError(f"docs/science.md has no table with a row {row!r} and a column {column!r}")


FIGURES = {
    "figures/own-curve.svg": draw_own_curve,
    "figures/corner.svg": draw_corner,
    "figures/shared-joules.svg": draw_shared_joules,
    "figures/tangent.svg": draw_tangent,
    "figures/learnt-curve.svg": draw_learnt_curve,
    "figures/percentiles.svg": draw_percentiles,
    "figures/release.svg": draw_release,
}
"""File below docs/ and who draws it."""
