"""Statuses of EnergyProfiles on the real API server, and a VPA that gets its numbers back."""

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.profile_status import build_profile_status
from recommender.cluster.profile_writer import ProfileWriter
from recommender.cluster.role import list_rules
from recommender.cluster.status import build_status
from recommender.cluster.writer import StatusWriter
from recommender.errors import ClusterForbiddenError, NotLeadingError
from recommender.settings import ClusterSettings
from tests.cluster import builder
from tests.cluster.builder import deployment_with_pods, energy_profile, vpa
from tests.cluster.test_profile_status import priced
from tests.cluster.verdict import report, skipped

NOW, LATER = "2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z"


@pytest.fixture
def profile_path(shop):
    return f"/apis/joulefit.io/v1alpha1/namespaces/{shop}/energyprofiles/web"


@pytest.fixture
def vpa_path(shop):
    return f"/apis/autoscaling.k8s.io/v1/namespaces/{shop}/verticalpodautoscalers/web"


@pytest.fixture
def read_web(energy_profiles, read_shop, shop):
    """`read_web()`: the VPA `web` with its EnergyProfile as they are now; made at first."""
    energy_profiles.apply(
        [
            *deployment_with_pods(shop, "web"),
            vpa(shop, "web"),
            energy_profile(shop, "web", workClass="critical"),
        ]
    )

    def read():
        (found,) = read_shop().vpas
        return found

    return read


def learnt(found, *, now=NOW, verdict=None, rows=()):
    """Both statuses after a run, of the VPA and of its EnergyProfile."""
    verdict = verdict or report(priced())
    published = build_status(found, verdict, list(rows), now=now)
    return published, build_profile_status(found, found.profile, verdict, published, now=now)


def test_a_status_is_written_as_it_was_built_and_shown_by_kubectl(
    energy_profiles, connection, read_web, shop, profile_path
):
    found = read_web()
    assert found.profile.work_class == "critical"
    _, status = learnt(found)
    assert ProfileWriter(connection).write(found, status) == "written"
    assert energy_profiles.api.get(profile_path)["status"] == status  # nothing was pruned
    row = energy_profiles.kubectl("get", "enp", "web", "-n", shop).splitlines()[1]
    assert row.split()[:7] == ["web", "T1", "priced", "quantile", "1500m", "411m", "9.28"]
    shown = energy_profiles.kubectl("describe", "energyprofile", "web", "-n", shop)
    for text in ("Work Per Joule", "Price Watts Per Core", "used for VPA web"):
        assert text in shown


def test_nothing_but_the_status_is_ours(energy_profiles, connection, read_web, profile_path):
    before = energy_profiles.api.get(profile_path)
    found = read_web()
    ProfileWriter(connection).write(found, learnt(found)[1])
    after = energy_profiles.api.get(profile_path)
    assert after["spec"] == before["spec"]
    changing = ("resourceVersion", "managedFields")
    for name in before["metadata"].keys() | after["metadata"].keys():
        assert name in changing or after["metadata"][name] == before["metadata"][name]


def test_the_same_is_not_written_twice(energy_profiles, connection, read_web, profile_path):
    found = read_web()
    ProfileWriter(connection).write(found, learnt(found)[1])
    version = energy_profiles.api.get(profile_path)["metadata"]["resourceVersion"]
    again = read_web()
    assert ProfileWriter(connection).write(again, learnt(again, now=LATER)[1]) == "unchanged"
    assert energy_profiles.api.get(profile_path)["metadata"]["resourceVersion"] == version


def test_what_is_no_longer_said_is_removed(energy_profiles, connection, read_web, profile_path):
    found = read_web()
    ProfileWriter(connection).write(found, learnt(found)[1])
    again = read_web()
    rule = report(priced(tier="T0", basis="stock rule", watts_saved=None, curve=()))
    ProfileWriter(connection).write(again, learnt(again, verdict=rule)[1])
    status = energy_profiles.api.get(profile_path)["status"]
    assert status["tier"] == "T0"
    assert "wattsSaved" not in status
    assert "curve" not in status["containers"][0]


def test_a_profile_that_somebody_changed_meanwhile_waits_for_the_next_cycle(
    energy_profiles, connection, read_web, profile_path
):
    found = read_web()
    energy_profiles.api.patch(profile_path, {"spec": {"workClass": "batch"}})
    assert ProfileWriter(connection).write(found, learnt(found)[1]) == "superseded"
    assert "status" not in energy_profiles.api.get(profile_path)
    again = read_web()
    assert ProfileWriter(connection).write(again, learnt(again)[1]) == "written"


def test_a_profile_that_was_deleted_meanwhile_is_no_error(
    energy_profiles, connection, read_web, profile_path
):
    found = read_web()
    energy_profiles.api.delete(profile_path)
    assert ProfileWriter(connection).write(found, learnt(found)[1]) == "gone"


def test_a_vpa_without_a_profile_has_nothing_to_write(connection, read_web, energy_profiles, shop):
    energy_profiles.kubectl("delete", "enp", "web", "-n", shop)
    found = read_web()
    assert found.profile is None
    assert ProfileWriter(connection).write(found, {"tier": "T1"}) == "gone"


def test_a_replica_that_does_not_lead_writes_nothing(
    energy_profiles, connection, read_web, profile_path
):
    found = read_web()
    with pytest.raises(NotLeadingError):
        ProfileWriter(connection, may_write=lambda: False).write(found, learnt(found)[1])
    assert "status" not in energy_profiles.api.get(profile_path)


@pytest.mark.parametrize("is_allowed", [True, False], ids=["role", "role without the rule"])
def test_the_role_is_what_writing_needs(energy_profiles, read_web, is_allowed):
    rules = [
        rule
        for rule in list_rules()
        if is_allowed or rule["resources"] != ["energyprofiles/status"]
    ]
    kubeconfig = energy_profiles.new_user(builder.unique("profile"), rules)
    found = read_web()
    with connect(ClusterSettings(kubeconfig=str(kubeconfig))) as opened:
        writer = ProfileWriter(opened)
        if is_allowed:
            assert writer.write(found, learnt(found)[1]) == "written"
            return
        with pytest.raises(
            ClusterForbiddenError, match="energyprofiles/status: patch is forbidden"
        ):
            writer.write(found, learnt(found)[1])


def test_a_vpa_made_again_while_the_store_is_down_is_filled_with_the_very_same_numbers(
    energy_profiles, connection, read_web, shop, vpa_path
):
    found = read_web()
    published, status = learnt(found, verdict=report(priced(), priced("log", tier="T0")))
    StatusWriter(connection).write(found, published)
    ProfileWriter(connection).write(found, status)
    energy_profiles.api.delete(vpa_path)
    energy_profiles.apply([vpa(shop, "web")])
    again = read_web()
    assert again.status == {}
    rows = [skipped(None, "its history could not be read yet", condition="FetchingHistory")]
    refilled = build_status(again, None, rows, now=LATER)
    assert StatusWriter(connection).write(again, refilled) == "written"
    kept = energy_profiles.api.get(vpa_path)["status"]
    assert kept["recommendation"] == published["recommendation"]
    last = read_web()
    unchanged = build_profile_status(last, last.profile, None, refilled, now=LATER)
    assert ProfileWriter(connection).write(last, unchanged) == "unchanged"
