"""What a run wrote, or would write, of EnergyProfiles."""

import pytest
import yaml

from recommender.model.change import StatusChange
from recommender.model.cluster import Vpa
from recommender.report.change import format_statuses, warn_of_profiles


def change(name, outcome="written", error=""):
    vpa = Vpa("shop", name, generation=1, target=None)
    return StatusChange(vpa, {"tier": "T1"}, outcome, error)


def test_the_objects_of_both_kinds_are_named_with_their_status():
    text = format_statuses([change("web")], [change("web"), change("api", "unchanged")])
    assert list(yaml.safe_load_all(text)) == [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"namespace": "shop", "name": "web"},
            "status": {"tier": "T1"},
        }
        for version, kind in (
            ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),
            ("joulefit.io/v1alpha1", "EnergyProfile"),
        )
    ]


@pytest.mark.parametrize("outcome", ["written", "unchanged", "superseded", "gone"])
def test_what_went_well_or_can_wait_is_nothing_to_warn_of(outcome):
    assert warn_of_profiles([change("web", outcome)]) == []


def test_one_cause_is_told_once_however_many_it_stops():
    changes = [change(name, "failed", "patch is forbidden") for name in ("web", "api")]
    changes += [change("log"), change("job", "failed", "timed out")]
    assert warn_of_profiles(changes) == [
        "2 of 4 EnergyProfiles not written (shop/web): patch is forbidden",
        "1 of 4 EnergyProfiles not written (shop/job): timed out",
    ]
