"""Objective carbon through the whole of the sizing, on a made-up pool whose days are all alike."""

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.backtest.gate import TierJudge
from recommender.cycle import run_once
from recommender.model.intensity import Intensity, Rates
from recommender.model.profile import Profile
from recommender.settings import SimulateSettings, SizingSettings
from recommender.simulator import simulate_fleet
from tests.carbon.given import Given

BLOCKS = (400.0, 400.0, 300.0, 200.0, 300.0, 400.0)  # weights 1.2, 1.2, 0.9, 0.6, 0.9, 1.2
SOLAR = Intensity(
    *("carbon", "gCO2e", "file grid.csv"),
    mean=1000 / 3,
    hourly=tuple(grams for grams in BLOCKS for _ in range(4)),
    covered=1.0,
)
STOPPED = Intensity("carbon", "gCO2e", "file grid.csv", flaw="file grid.csv has stopped")


@pytest.fixture(scope="module")
def recording():
    """150 containers of even load on ten nodes; two are resized in place, one asks for carbon.

    The history ends at midnight, in the dirty block from 00 to 04.
    """
    found = simulate_fleet(
        SimulateSettings(kind="flat", containers=150, simulated_server="Huawei RH2288 V2")
    )
    usage = found.history.usage
    same_days = replace(
        usage,
        cpu_mean=np.tile(usage.cpu_mean[:, :288], (1, 14)),
        pods=np.tile(usage.pods[:, :288], (1, 14)),
    )
    first, second, *others = found.cluster.vpas
    vpas = (
        replace(first, update_mode="InPlaceOrRecreate", profile=Profile(1, objective="carbon")),
        replace(second, update_mode="InPlaceOrRecreate", profile=Profile(1, objective="energy")),
        *others,
    )
    return replace(
        found,
        history=replace(found.history, usage=same_days),
        cluster=replace(found.cluster, vpas=vpas),
    )


@pytest.fixture(scope="module")
def judge():
    return TierJudge()


@pytest.fixture(scope="module")
def sized(recording, judge):
    cycle = run_once(
        Given(recording),
        None,
        settings=SizingSettings(),
        with_curves=False,
        judge=judge,
        carbon=Given(Rates(carbon=SOLAR)),
    )
    names = [vpa.target.name for vpa in recording.cluster.vpas[:3]]
    rows = {row.name: row for row in cycle.report.workloads}
    return [rows[name] for name in names]


def test_in_a_dirty_block_the_quantile_is_lower_by_what_the_weight_says(sized):
    """1 - 0.25 x 1.2 = 0.7."""
    (container,) = sized[0].containers
    assert (container.tier, container.quantile) == ("T3", 0.7)
    (step,) = [reason for reason in container.reasons if reason.step == "quantile"]
    assert "1 - 0.25 x 1.2 = 0.7 in 00-04 UTC" in step.why
    assert "0.60 to 1.20 times" in sized[0].objective


def test_who_asks_for_energy_gets_what_the_class_allows(sized):
    (container,) = sized[1].containers
    assert (container.tier, container.quantile, sized[1].objective) == ("T3", 0.75, "")


def test_what_is_shown_in_watts_stays_in_watts(sized):
    priced = {row.containers[0].price_watts_per_core for row in sized[:2]}
    assert len(priced) == 1


def test_once_the_source_stops_nothing_is_weighed_though_the_replay_is_kept(
    recording, judge, sized
):
    """The judge keeps what it found for an hour, but not with an intensity that is gone."""
    assert sized
    again = run_once(
        Given(recording),
        None,
        settings=SizingSettings(),
        with_curves=False,
        judge=judge,
        carbon=Given(Rates(carbon=STOPPED)),
    )
    row = next(row for row in again.report.workloads if row.name == sized[0].name)
    assert row.containers[0].quantile == 0.75
    assert row.objective == "objective carbon: file grid.csv has stopped; energy is what is saved"
    assert again.report.footprint.carbon.per_kwh.mean is None
