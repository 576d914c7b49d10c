"""In one cycle the VPA's status comes first, and its EnergyProfile's only where that one stands."""

import pytest
from msgspec.structs import replace

from recommender.cycle import run_once
from recommender.errors import ClusterReplyError
from recommender.model.profile import Profile
from recommender.settings import SizingSettings
from recommender.simulator import simulate


class Held:
    def __init__(self, evidence):
        self.evidence = evidence

    def read(self):
        return self.evidence


class Sink:
    """Takes every status, with this outcome; an exception is raised."""

    parallel = 1

    def __init__(self, outcome="written", log=None):
        self.outcome = outcome
        self.log = [] if log is None else log

    def write(self, vpa, status):
        self.log.append((id(self), vpa.name, status))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture(scope="module")
def evidence():
    """Four simulated days in which every second VPA has an EnergyProfile."""
    recording = simulate(end=1_767_225_600, days=4, seed=7)
    vpas = [
        replace(vpa, profile=Profile(generation=1)) if number % 2 else vpa
        for number, vpa in enumerate(recording.cluster.vpas)
    ]
    return replace(recording, cluster=replace(recording.cluster, vpas=tuple(vpas)))


def run(evidence, sink, profile_sink):
    return run_once(
        Held(evidence),
        sink,
        settings=SizingSettings(),
        with_curves=False,
        profile_sink=profile_sink,
    )


def with_profiles(evidence):
    return [vpa.name for vpa in evidence.cluster.vpas if vpa.profile]


def test_every_vpa_with_a_profile_has_it_written_after_its_own_status(evidence):
    log = []
    first, second = Sink(log=log), Sink(log=log)
    cycle = run(evidence, first, second)
    assert [each.vpa.name for each in cycle.profiles] == with_profiles(evidence)
    for name in with_profiles(evidence):
        assert [who for who, vpa, _ in log if vpa == name] == [id(first), id(second)]


@pytest.mark.parametrize(
    "outcome",
    ["gone", "superseded", ClusterReplyError("no", status=500)],
    ids=["gone", "superseded", "failed"],
)
def test_a_vpa_whose_status_was_not_written_keeps_the_profile_that_it_had(evidence, outcome):
    profiles = Sink()
    cycle = run(evidence, Sink(outcome), profiles)
    assert (cycle.profiles, profiles.log) == ((), [])


def test_a_profile_that_cannot_be_written_is_told_and_stops_nothing(evidence):
    cycle = run(evidence, Sink(), Sink(ClusterReplyError("no", status=500)))
    assert {each.outcome for each in cycle.changes} == {"written"}
    assert {(each.outcome, each.error) for each in cycle.profiles} == {("failed", "no")}


def test_a_dry_run_says_what_would_be_written(evidence):
    cycle = run(evidence, None, None)
    assert {each.outcome for each in cycle.profiles} == {"would be written"}


def test_the_next_cycle_finds_nothing_to_write(evidence):
    cycle = run(evidence, Sink(), Sink())
    published = {each.vpa.name: each.status for each in cycle.changes}
    learnt = {each.vpa.name: each.status for each in cycle.profiles}
    vpas = [
        replace(
            vpa,
            status=published[vpa.name],
            profile=vpa.profile and replace(vpa.profile, status=learnt[vpa.name]),
        )
        for vpa in evidence.cluster.vpas
    ]
    again = run(
        replace(evidence, cluster=replace(evidence.cluster, vpas=tuple(vpas))), Sink(), Sink()
    )
    assert {each.outcome for each in (*again.changes, *again.profiles)} == {"unchanged"}


def test_only_workloads_with_a_profile_get_a_curve(evidence):
    cycle = run(evidence, None, None)
    drawn = {row.vpa for row in cycle.report.workloads if any(c.curve for c in row.containers)}
    assert drawn
    assert drawn <= set(with_profiles(evidence))
