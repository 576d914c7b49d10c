import numpy as np
import pytest

from recommender.energy.ceiling import choose_ceiling


def choose(*, peak=None, peaks=None, highest=0.9, lowest=0.1, vendor="intel"):
    spread = None if peaks is None else np.array(peaks)
    return choose_ceiling(vendor, highest=highest, lowest=lowest, peak=peak, peaks=spread)


def test_a_peak_inside_the_data_is_the_ceiling():
    found = choose(peak=0.65, peaks=[0.6] * 5 + [0.7] * 4 + [1.0])
    assert (found.utilisation, found.peak, found.is_identified) == (0.65, 0.65, True)
    assert found.reason == "most work per joule at 65% use, in 90% of resamples"


@pytest.mark.parametrize(
    ("peak", "peaks", "reason"),
    [
        pytest.param(
            0.65, [0.65] * 8 + [1.0] * 2, "near 65% use, in only 80%", id="resamples disagree"
        ),
        pytest.param(1.0, [1.0] * 10, "at 90% use or above, where no node", id="never seen"),
        pytest.param(0.88, [0.88] * 10, "at 90% use or above", id="within 3 % of the end"),
        pytest.param(0.12, [0.12] * 10, "at 10% use or below", id="within 3 % of the start"),
        pytest.param(0.65, [0.88] * 10, "in only 0%", id="resamples end with the data"),
    ],
)
def test_a_peak_that_is_not_identified_leaves_the_usual_ceiling(peak, peaks, reason):
    found = choose(peak=peak, peaks=peaks)
    assert (found.utilisation, found.peak, found.is_identified) == (0.70, None, False)
    assert reason in found.reason
    assert found.reason.endswith("planned up to the usual 70%")


@pytest.mark.parametrize(("vendor", "usual"), [("intel", 0.7), ("amd", 0.9), ("unknown", 0.8)])
def test_the_usual_ceiling_is_the_vendors(vendor, usual):
    assert choose(vendor=vendor).utilisation == usual
    assert choose(vendor=vendor, highest=None).utilisation == usual


def test_a_plan_climbs_by_a_quarter_at_most():
    found = choose(highest=0.4)
    assert found.utilisation == pytest.approx(0.5)
    assert found.reason == (
        "most work per joule at 40% use or above, where no node has been: "
        "planned up to 50%, 1.25 x the highest use"
    )


def test_unknown_usage_is_said():
    assert choose(highest=None).reason == "no usage is known: planned up to the usual 70%"
