"""The experiment of the article that users come from: one of ten pods burns CPU, and nine others
must not be charged for it."""

import numpy as np
import pytest

from collector.model import Owner, Zone
from recommender.energy.curve import NodeCurve
from tests.collector.attribution.node import Node, pod, told, two_sockets

CORES = 16
BURNER = pod("burner")
OTHERS = (*(pod(f"other-{number}") for number in range(8)), pod("coredns"))
KERNEL = Owner("kernel", container="kernel")
SOCKETS = (Zone("package", "0"), Zone("package", "1"))
LINE = NodeCurve(cores=CORES / 2, base=60.0, linear=160.0)
"""Per socket of 8 cores: 60 W at no work, 20 W per busy core."""

CONVEX = NodeCurve(cores=CORES / 2, base=60.0, linear=120.0, cubic=40.0)


def play(curve, *, level="counters", policy="requests", intervals=24, noise=0.0):
    """Off and on in turns of a minute; the burner is on the last six cores of socket 0.

    The answer is by owner the joules of the last minute off and of the last minute on.
    """
    requests = dict.fromkeys((*OTHERS, BURNER), 0.1)
    node = Node(two_sockets(CORES), requests, policy=policy, level=level)
    random = np.random.default_rng(5)
    minutes = []
    for minute in range(6):
        before = node.joules()
        for _ in range(intervals // 2):
            step(node, curve, is_on=minute % 2 == 1, noise=noise * random.standard_normal(2))
        after = node.joules()
        minutes.append({name: after[name] - before.get(name, 0.0) for name in after})
    return node, *minutes[-2:]


def step(node, curve, *, is_on, noise):
    """Each pod uses 1 % of a core, the kernel 5 %, on socket 0 and 1 in turn; the burner 6 cores."""
    busy = {}
    for number, owner in enumerate(OTHERS):
        busy[owner] = on_cpu(8 * (number % 2), 0.05)
    busy[KERNEL] = on_cpu(1, 0.25)
    busy[BURNER] = on_cpu(slice(2, 8), 5.0 if is_on else 0.0)
    load = sum(busy.values()).reshape(2, 8).sum(axis=1) / 5.0 / 8.0
    energy = curve.power(load) * 5.0 * (1.0 + noise)
    is_certain = node.at > 0.0
    node.interval(
        busy,
        [
            told(joules if is_certain else 0.0, zone, is_certain=is_certain)
            for zone, joules in zip(SOCKETS, energy.tolist(), strict=True)
        ],
    )


def on_cpu(places, seconds):
    columns = np.zeros(CORES)
    columns[places] = seconds
    return columns


def rises(off, on):
    """By how much the burner and all others together are charged more while it is on."""
    burner = on["burner"] - off.get("burner", 0.0)
    names = [owner.pod for owner in OTHERS]
    return burner, sum(abs(on.get(name, 0.0) - off.get(name, 0.0)) for name in names)


@pytest.mark.parametrize("level", ["counters", "time"])
@pytest.mark.parametrize("policy", ["requests", "usage", "none"])
def test_the_others_are_charged_nothing_of_the_burner(level, policy):
    """Six cores at 20 W for a minute: 7,200 J, all of it the burner's (by usage it also takes
    over idle energy of the node, which is why that is not the default)."""
    _, off, on = play(LINE, level=level, policy=policy)
    burner, others = rises(off, on)
    bump = 6 * 20.0 * 60.0
    if policy == "usage":
        assert burner > bump
        return
    assert burner == pytest.approx(bump, rel=1e-4)
    assert others < 1e-4 * bump


def test_the_others_rise_by_less_than_one_percent_of_the_bump_on_a_noisy_meter():
    """2 % noise on each socket's joules; the burner gets its part within 3 %."""
    _, off, on = play(LINE, noise=0.02)
    burner, others = rises(off, on)
    assert burner == pytest.approx(7200.0, rel=0.03)
    assert others < 72.0


def test_the_others_rise_by_less_than_one_percent_of_the_bump_on_a_convex_node():
    """Six of eight cores: P(.78) - P(.03), and the energy per cycle of all rises with the load."""
    _, off, on = play(CONVEX)
    quiet, loud = (0.05 * 5 + 0.25) / 40, (0.05 * 5 + 0.25 + 30.0) / 40
    bump = float(CONVEX.power(loud) - CONVEX.power(quiet)) * 60.0
    burner, others = rises(off, on)
    assert burner == pytest.approx(bump, rel=0.03)
    assert others < 0.01 * bump


def test_each_sockets_idle_power_is_found():
    node, _, _ = play(LINE)
    idle = node.attributor.snapshot().idle
    assert idle[SOCKETS[0]].watts == pytest.approx(60.0, rel=1e-4)
    assert idle[SOCKETS[0]].method == "fitted"
    assert idle[SOCKETS[1]].watts == pytest.approx(60.8)  # always 4 % of a core: its lowest
    assert idle[SOCKETS[1]].method == "lowest"


def test_energy_times_the_busy_share_would_err_where_the_fit_does_not():
    """With the burner on 6.14 of 16 cores are busy: 242.8 W, of which 122.8 W are dynamic (0.8 W
    of them by a steady load that is all socket 1 ever does: no line to fit). E x U says 242.8 x 0.384 = 93.2 W, and charges the
    others, 0.09 busy cores of 6.14, with 40.5 J a minute more than while it was off."""
    node, _, _ = play(LINE)
    last = node.attributor.snapshot().last
    dynamic = sum(last[zone].dynamic for zone in SOCKETS) / 1e6 / 5.0
    assert dynamic == pytest.approx(122.8 - 0.8, rel=1e-4)

    def others_by_busy_share(busy_cores):
        energy = (120.0 + 20.0 * busy_cores) * 60.0
        return energy * (busy_cores / CORES) * (0.09 / busy_cores)

    _, off, on = play(LINE)
    assert rises(off, on)[1] < 0.001 * (others_by_busy_share(6.14) - others_by_busy_share(0.14))
