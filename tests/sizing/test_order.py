"""More demand, a more critical class or a larger container never give less; twice gives twice."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.units import parse_millicores
from tests.sizing.build import GIB, pool_of, size_app, usage_of, vpa_of

DAYS = 4
BUCKET = 0.026  # demand is known to buckets of 2.5 %


def request(cpu, *, work_class="standard", price=1.4):
    """Millicores for a container with this use, far above the least of a pod."""
    usage = usage_of({"app": (cpu, GIB)}, days=DAYS)
    app = size_app(usage, vpa=vpa_of(work_class=work_class), pool=pool_of(price=price))
    assert app.tier == "T1"
    bands = app.recommended
    lower, target, upper = (
        parse_millicores(each.cpu) for each in (bands.lower_bound, bands.target, bands.upper_bound)
    )
    assert 0 < lower <= target <= upper
    return target


@st.composite
def _uses(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rhythm = 1.0 + draw(st.sampled_from([0.0, 0.5])) * np.sin(
        np.arange(DAYS * 288) * 2 * np.pi / 288
    )
    noise = rng.lognormal(0.0, draw(st.sampled_from([0.05, 0.3])), DAYS * 288)
    return draw(st.floats(0.2, 4.0)) * rhythm * noise


PRICES = st.sampled_from([0.0, 0.5, 1.4, 8.0])


@settings(max_examples=15, deadline=None)
@given(_uses(), st.floats(1.0, 3.0), st.integers(0, 100), PRICES)
def test_more_demand_at_any_time_never_gets_less(use, factor, seed, price):
    more = use * np.random.default_rng(seed).uniform(1.0, factor, len(use))
    assert request(more, price=price) >= request(use, price=price)


@settings(max_examples=10, deadline=None)
@given(_uses(), PRICES)
def test_a_more_critical_class_never_gets_less(use, price):
    batch, standard, critical = (
        request(use, work_class=name, price=price) for name in ("batch", "standard", "critical")
    )
    assert batch <= standard <= critical


@settings(max_examples=10, deadline=None)
@given(_uses(), PRICES, st.floats(1.5, 4.0))
def test_a_dearer_core_never_gets_more(use, price, factor):
    assert request(use, price=price * factor + 0.1) <= request(use, price=price)


@settings(max_examples=15, deadline=None)
@given(_uses(), st.floats(0.3, 20.0), PRICES)
def test_a_container_that_uses_so_many_times_as_much_gets_so_many_times_as_much(use, factor, price):
    one, other = request(use, price=price), request(factor * use, price=price)
    assert other == pytest.approx(factor * one, rel=BUCKET, abs=factor + 1)
    assert math.isfinite(other)
