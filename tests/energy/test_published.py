import numpy as np
import pytest

from recommender.energy.published import SERVERS, server_curve


def test_nine_servers_have_eleven_powers_and_ten_throughputs_each():
    assert [(len(s.watts), len(s.kilo_ops)) for s in SERVERS] == [(11, 10)] * 9


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("HP DL360 G5", 1.0),
        ("Huawei RH2288 V2", 0.7),
        ("Fujitsu RX2540 M2", 0.8),
        ("Dell R7425", 1.0),
        ("Quanta D52BQ", 0.7),
        ("Lenovo SR645", 0.8),
        ("HPE DL360 G10+", 0.7),
        ("HPE DL385 G10+", 1.0),
        ("Inspur i24LM6", 1.0),
    ],
)
def test_most_operations_per_joule_are_where_the_result_says(name, peak):
    assert server_curve(name).peak_load() == pytest.approx(peak)


@pytest.mark.parametrize(
    ("load", "power", "slope", "intercept"),
    [
        pytest.param(0.0, 102, 700, 102, id="active idle"),
        # 238 at 40 %, 257 at 50 %: 190 W per unit of load
        pytest.param(0.45, 247.5, 190, 162, id="between two points"),
        pytest.param(0.3, 215, 230, 146, id="at a point the slope is the one ahead"),
        pytest.param(0.95, 423, 760, -299, id="on the turbo cliff"),
        pytest.param(1.0, 461, 760, -299, id="full"),
    ],
)
def test_power_is_linear_between_the_published_points(load, power, slope, intercept):
    server = server_curve("Lenovo SR645")
    assert float(server.power(load)) == pytest.approx(power)
    assert float(server.slope(load)) == pytest.approx(slope)
    assert float(server.intercept(load)) == pytest.approx(intercept)


def test_power_takes_arrays():
    assert server_curve("Dell R7425").power(np.array([[0.1, 1.0]])) == pytest.approx(
        np.array([[138.0, 287.0]])
    )


def test_intercept_under_load_is_well_above_active_idle():
    ratios = [float(s.intercept(0.35)) / s.watts[0] for s in SERVERS if s.year >= 2015]
    assert np.median(ratios) == pytest.approx(1.4, abs=0.1)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no published server 'Cray'.*Lenovo SR645"):
        server_curve("Cray")
