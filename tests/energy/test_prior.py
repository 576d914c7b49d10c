import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.energy.prior import (
    SCALED_BAND,
    SHAPES,
    UNSCALED_BAND,
    WATTS_PER_CORE,
    estimate_prior,
    vendor_of,
)
from recommender.energy.published import SERVERS

NOTHING = np.zeros(0)
RECENT = [server for server in SERVERS if server.year >= 2015]
MODELS = {"amd": "AMD EPYC 7763", "intel": "Intel Xeon 8380", "unknown": "Neoverse-N1"}


def peers(vendor, *, without=None):
    return [s for s in RECENT if vendor in (s.vendor, "unknown") and s is not without]


@pytest.mark.parametrize(
    ("cpu_model", "vendor"),
    [
        ("AMD EPYC 7763 64-Core Processor", "amd"),
        ("AMD Ryzen 9 7950X 16-Core Processor", "amd"),
        ("AuthenticAMD", "amd"),
        ("Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "intel"),
        ("GenuineIntel", "intel"),
        ("XEON_8280L", "intel"),
        ("Neoverse-N1", "unknown"),
        ("", "unknown"),
    ],
)
def test_vendor_is_read_from_the_cpu_model(cpu_model, vendor):
    assert vendor_of(cpu_model) == vendor


@pytest.mark.parametrize(
    ("vendor", "full", "half", "intercept", "peak"),
    [
        # 100 cores; shape at 1 and .5, a - 2 c / 8, (a / 2c)^(1/3)
        pytest.param("amd", 214 * 1.00, 214 * 0.6675, 214 * 0.385, 1.0, id="amd"),
        pytest.param("intel", 380 * 0.99, 380 * 0.5225, 380 * 0.205, 0.77565, id="intel"),
        pytest.param("unknown", 290 * 0.995, 290 * 0.595, 290 * 0.295, 0.95189, id="unknown"),
    ],
)
def test_unmeasured_nodes_follow_the_closed_forms(vendor, full, half, intercept, peak):
    prior = estimate_prior(MODELS[vendor], cores=100.0, utilisation=NOTHING, watts=NOTHING)
    assert float(prior.curve.power(1.0)) == pytest.approx(full)
    assert float(prior.curve.power(0.5)) == pytest.approx(half)
    assert float(prior.curve.intercept(0.5)) == pytest.approx(intercept)
    assert prior.curve.peak_utilisation() == pytest.approx(peak, abs=1e-5)
    assert prior.curve.quality == "modelled"
    assert prior.band == UNSCALED_BAND[vendor]


def test_one_measured_window_sets_the_scale():
    """An AMD node at half use draws .6675 Pmax; 267 W there make Pmax 400 W."""
    prior = estimate_prior(
        MODELS["amd"], cores=64.0, utilisation=np.array([0.5]), watts=np.array([267.0])
    )
    assert float(prior.curve.power(0.0)) == pytest.approx(0.41 * 400)
    assert prior.band == SCALED_BAND["amd"]
    assert prior.curve.reason == (
        "power modelled from published servers of AMD: scaled to 1 measured window(s)"
    )


def test_many_windows_keep_their_energy():
    used, watts = np.array([0.1, 0.4, 0.6]), np.array([210.0, 300.0, 330.0])
    prior = estimate_prior(MODELS["intel"], cores=64.0, utilisation=used, watts=watts)
    assert prior.curve.power(used).sum() == pytest.approx(840.0)


@given(
    st.sampled_from(sorted(MODELS.values())),
    st.floats(0.5, 512.0),
    st.lists(st.tuples(st.floats(0.0, 1.2), st.floats(1.0, 5e3)), max_size=4),
)
def test_every_prior_is_positive_and_increasing(cpu_model, cores, seen):
    used, watts = np.array(seen, dtype=float).reshape(-1, 2).T
    curve = estimate_prior(cpu_model, cores=cores, utilisation=used, watts=watts).curve
    power = curve.power(np.linspace(0.0, 1.3, 131))
    assert power[0] > 0.0
    assert (np.diff(power) > 0.0).all()


@pytest.mark.parametrize("vendor", sorted(MODELS))
def test_watts_per_core_are_the_median_of_the_published_servers(vendor):
    per_core = [server.watts[-1] / server.cores for server in peers(vendor)]
    assert WATTS_PER_CORE[vendor] == pytest.approx(np.median(per_core), abs=0.006)


def test_the_shape_of_an_unknown_vendor_is_the_midpoint():
    amd, intel, unknown = (SHAPES[vendor] for vendor in ("amd", "intel", "unknown"))
    assert unknown.constant == pytest.approx((amd.constant + intel.constant) / 2)
    assert unknown.linear == pytest.approx((amd.linear + intel.linear) / 2)
    assert unknown.cubic == pytest.approx((amd.cubic + intel.cubic) / 2)


def true_over_modelled(vendor, *, is_scaled):
    """Ratio of prices for every published peer, at 20 ... 50 % use, plus and minus 10 %."""
    shape = SHAPES[vendor]
    for server in peers(vendor):
        others = [s.watts[-1] / s.cores for s in peers(vendor, without=server)]
        for middle in (0.2, 0.3, 0.4, 0.5):
            used = np.linspace(middle - 0.1, middle + 0.1, 201)
            form = shape.constant + shape.linear * used + shape.cubic * used**3
            scaled = float(server.power(used).sum() / form.sum())
            full_watts = scaled if is_scaled else float(np.median(others)) * server.cores
            modelled = full_watts * (shape.constant - 2 * shape.cubic * used**3).mean()
            yield float(server.intercept(used).mean()) / modelled


@pytest.mark.parametrize("vendor", sorted(MODELS))
@pytest.mark.parametrize(
    ("bands", "is_scaled"),
    [pytest.param(SCALED_BAND, True, id="scaled"), pytest.param(UNSCALED_BAND, False, id="not")],
)
def test_the_band_is_the_range_of_the_published_servers(vendor, bands, is_scaled):
    ratios = list(true_over_modelled(vendor, is_scaled=is_scaled))
    assert bands[vendor] == pytest.approx((min(ratios), max(ratios)), abs=0.012)
    assert bands[vendor][0] <= min(ratios)
    assert bands[vendor][1] >= max(ratios)


def test_the_band_is_relative_below_half_use_and_keeps_its_watts_above():
    """AMD, Pmax 214 W: intercept at .5 is .385 Pmax, at .9 .2642 Pmax."""
    prior = estimate_prior(MODELS["amd"], cores=100.0, utilisation=NOTHING, watts=NOTHING)
    low, high = UNSCALED_BAND["amd"]
    at_half = prior.intercept_interval(np.array([0.5]))
    assert at_half == pytest.approx((82.39, 82.39 * low, 82.39 * high))
    above = prior.intercept_interval(np.array([0.9]))
    assert above[0] == pytest.approx(214 * 0.2642)
    assert above[2] - above[1] == pytest.approx(at_half[2] - at_half[1])
