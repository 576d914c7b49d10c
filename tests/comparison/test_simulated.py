"""The comparison of a simulated cluster agrees with its report, and keeps to what is known."""

from dataclasses import dataclass

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.compare import NO_HISTORY, NOT_ASKED, compare
from recommender.cycle import run_once
from recommender.errors import UnknownWorkloadError
from recommender.model.cluster import Amounts, Rival
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.recording import Recording
from recommender.model.target import Course, TargetHistory, TargetKey
from recommender.settings import SizingSettings
from recommender.simulator import simulate
from recommender.units import HOUR

SETTINGS = SizingSettings()
DATABASE = WorkloadRef("data", "StatefulSet", "clickhouse")
DB = ContainerRef(DATABASE, "db")
END = 1_760_054_400


@dataclass
class Held:
    """Evidence, or a history of requests, that is there already."""

    recording: Recording | None = None
    courses: dict | None = None
    stride: int = 1

    def read(self, grid=None, cluster=None):
        if self.recording is not None:
            return self.recording
        self.cluster = cluster
        return TargetHistory(grid, self.stride, self.courses or {})


@pytest.fixture(scope="module")
def recording():
    return simulate(end=END, days=4, seed=7)


@pytest.fixture(scope="module")
def report(recording):
    return run_once(Held(recording), None, settings=SETTINGS, with_curves=False).report


@pytest.fixture(scope="module")
def everything(recording):
    return compare(Held(recording), None, workload="", settings=SETTINGS)


def of_database(recording, *, courses=None, stride=1, rivals=()):
    """The contenders of the database's only container."""
    cluster = replace(recording.cluster, rivals=tuple(rivals))
    evidence = Held(replace(recording, cluster=cluster))
    targets = Held(courses=courses, stride=stride)
    found = compare(evidence, targets, workload="data/sts/clickhouse", settings=SETTINGS)
    (workload,) = found.workloads
    (container,) = workload.containers
    return container, found


def course(values):
    return Course(np.array(values, dtype=np.float32), "joulefit_recommender_request_cores")


def test_every_workload_with_a_vpa_of_ours_is_compared_and_no_other(everything, report):
    expected = [(row.namespace, row.kind, row.name) for row in report.workloads if row.vpa]
    assert [(row.namespace, row.kind, row.name) for row in everything.workloads] == expected
    assert everything.history == NOT_ASKED


def test_the_watts_above_ours_of_now_are_those_that_the_report_says_are_saved(
    everything, report, recording
):
    """Per pod that runs: the report counts the pods of now, the comparison those of the time."""
    usage = recording.history.usage
    saved = {
        ContainerRef(WorkloadRef(row.namespace, row.kind, row.name), each.name): (each, row)
        for row in report.workloads
        for each in row.containers
    }
    count = 0
    for row in everything.workloads:
        ref = WorkloadRef(row.namespace, row.kind, row.name)
        for container in row.containers:
            key = ContainerRef(ref, container.name)
            each, workload = saved[key]
            pods = usage.pods[usage.containers.index(key)]
            above = container.contenders[0].watts_above_ours
            if each.watts_saved is None or not workload.replicas:
                continue
            share = pods[pods > 0].mean() / workload.replicas
            assert above.value == pytest.approx(each.watts_saved.value * share, rel=1e-6)
            count += 1
    assert count > 20


def test_exposure_by_the_numbers_of_now_is_that_of_the_report(everything, report):
    found = {
        (row.namespace, row.name, each.name): {
            contender.policy: contender.exposure for contender in each.contenders
        }
        for row in everything.workloads
        for each in row.containers
    }
    names = {"current": "now", "stock": "stock", "recommended": "ours"}
    for row in report.workloads:
        for each in row.containers if row.vpa else ():
            shares = found[row.namespace, row.name, each.name]
            for name, share in each.exposure.items():
                assert shares[names[name]] == pytest.approx(share)


def test_a_container_without_energy_evidence_has_no_joules(everything):
    stock_only = [
        each for row in everything.workloads for each in row.containers if each.tier == "T0"
    ]
    assert stock_only
    for container in stock_only:
        assert {each.joules for each in container.contenders} == {None}
        assert container.contenders[-1].reserved_core_seconds > 0


def test_only_what_belongs_to_the_workload_is_asked_of_the_store(recording):
    targets = Held()
    found = compare(Held(recording), targets, workload="data/sts/clickhouse", settings=SETTINGS)
    assert [each.ref for each in targets.cluster.workloads] == [DATABASE]
    assert {vpa.target for vpa in targets.cluster.vpas} == {DATABASE}
    assert found.history == NO_HISTORY


def test_values_of_one_hour_count_for_its_twelve_bins(recording):
    hours = np.where(np.arange(96) < 48, 4.0, 8.0)
    container, found = of_database(
        recording, courses={TargetKey(DB, "cpu", "ours"): course(hours)}, stride=12
    )
    usage = recording.history.usage
    pods = usage.pods[usage.containers.index(DB)].astype(float)
    expected = (pods * np.repeat(hours, 12)).sum() * 300
    ours = container.contenders[-1]
    assert ours.reserved_core_seconds == pytest.approx(expected)
    assert (ours.cpu_course.changes, found.history_step_seconds) == (1, HOUR)


@pytest.mark.parametrize(
    ("missing", "is_filled"),
    [pytest.param(12, True, id="an hour is filled"), pytest.param(13, False, id="more is not")],
)
def test_gaps_up_to_an_hour_hold_the_last_value(recording, missing, is_filled):
    values = np.full(1152, 4.0)
    values[100 : 100 + missing] = np.nan
    container, _ = of_database(recording, courses={TargetKey(DB, "cpu", "ours"): course(values)})
    usage = recording.history.usage
    counts = usage.pods[usage.containers.index(DB)] > 0  # not every bin has a sample
    if not is_filled:
        counts[100 : 100 + missing] = False
    assert container.compared_seconds == counts.sum() * 300


def test_several_rivals_are_told_apart_by_their_vpas(recording):
    rivals = (
        Rival("first", "default", DATABASE, {"db": Amounts(5000, 2**30)}),
        Rival("second", "performance", DATABASE),
    )
    courses = {TargetKey(DB, "cpu", "rival", "second"): course(np.full(1152, 6.0))}
    container, found = of_database(recording, courses=courses, rivals=rivals)
    first, second = (each for each in container.contenders if each.policy == "rival")
    assert found.workloads[0].rivals == ("first", "second")
    assert (first.vpa, first.cpu, first.memory, first.cpu_course) == ("first", "5", "1Gi", None)
    assert (second.vpa, second.recommender, second.cpu) == ("second", "performance", None)
    # Five cores now, and six that were in force.
    ratio = second.reserved_core_seconds / first.reserved_core_seconds
    assert ratio == pytest.approx(6 / 5)


def test_a_workload_that_is_not_there_is_refused_with_a_near_name(recording):
    with pytest.raises(UnknownWorkloadError, match="did you mean data/sts/clickhouse"):
        compare(Held(recording), None, workload="data/sts/clickhose", settings=SETTINGS)


def test_a_workload_without_a_vpa_of_ours_is_refused(recording):
    cluster = replace(
        recording.cluster,
        vpas=tuple(vpa for vpa in recording.cluster.vpas if vpa.target != DATABASE),
    )
    evidence = Held(replace(recording, cluster=cluster))
    with pytest.raises(UnknownWorkloadError, match="no VPA that names this recommender targets"):
        compare(evidence, None, workload="data/sts/clickhouse", settings=SETTINGS)
