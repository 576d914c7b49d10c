import json

import pytest

from collector.meters.modelled import find_modelled, prior_model
from collector.meters.refusal import Refusal
from collector.model import Zone
from recommender.errors import UsageError
from tests.collector.meters.tree import Clock, proc_stat, write


def curve_file(folder, document):
    return write(
        folder / "curve.json", document if isinstance(document, str) else json.dumps(document)
    )


def test_joules_follow_the_curve_at_the_busy_share_of_the_cpus(tmp_path):
    """100 W idle and 300 W full on 4 cores, here 2 cores: 50 W and 150 W. Half busy for 10 s:
    100 W, 1,000 J."""
    curve = curve_file(tmp_path, {"cores": 4, "points": [[0, 100], [1, 300]]})
    proc_stat(tmp_path, [(100, 100), (100, 100)])
    clock = Clock()
    meter = find_modelled(tmp_path, curve_file=curve, clock=clock)
    first = meter.read().zones[0]
    clock.advance(10.0)
    proc_stat(tmp_path, [(600, 600), (600, 600)])
    second = meter.read().zones[0]
    assert (first.joules, second.joules) == (0.0, 1000.0)
    assert (second.zone, second.quality) == (Zone("platform"), "modelled")


def test_time_waiting_for_disks_and_stolen_time_are_not_busy(tmp_path):
    """user 10, nice 10, system 10, idle 40, iowait 10, irq 5, softirq 5, steal 10: 40 of 100."""
    curve = curve_file(tmp_path, {"cores": 1, "points": [[0, 0], [1, 100]]})
    write(tmp_path / "stat", "cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0")
    clock = Clock()
    meter = find_modelled(tmp_path, curve_file=curve, clock=clock)
    meter.read()
    clock.advance(1.0)
    write(tmp_path / "stat", "cpu 10 10 10 40 10 5 5 10 0 0\ncpu0 10 10 10 40 10 5 5 10 0 0")
    assert meter.read().zones[0].joules == pytest.approx(40.0)


@pytest.mark.parametrize(
    ("cpu", "idle", "full"),
    [
        ("AMD EPYC 7763 64-Core Processor", 0.41 * 2.14, 2.14),
        ("Intel(R) Xeon(R) Platinum 8380 CPU", 0.28 * 3.80, 0.99 * 3.80),
    ],
    ids=["AMD", "Intel"],
)
def test_without_a_curve_the_prior_of_published_servers_is_scaled_to_the_cpus(cpu, idle, full):
    """energy.md: a/b/c = .41/.49/.10 and .28/.41/.30; watts per logical CPU 2.14 and 3.80."""
    model = prior_model(cpu, cores=64)
    assert model.power(0.0) == pytest.approx(64 * idle)
    assert model.power(1.0) == pytest.approx(64 * full)


def test_the_cpu_of_the_node_decides_the_prior(tmp_path):
    proc_stat(tmp_path, [(1, 1)])
    write(tmp_path / "cpuinfo", "vendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7763")
    assert "AMD" in find_modelled(tmp_path).remarks[0]


def test_a_node_whose_procfs_tells_nothing_is_refused(tmp_path):
    refusal = find_modelled(tmp_path)
    assert isinstance(refusal, Refusal)
    assert "does not tell the busy time" in refusal.reason


def test_a_stat_that_vanishes_is_a_sentence_and_comes_back(tmp_path):
    stat = proc_stat(tmp_path, [(1, 1)])
    meter = find_modelled(tmp_path, clock=Clock())
    stat.unlink()
    lost = meter.read()
    proc_stat(tmp_path, [(1, 1)])
    assert (lost.zones, len(lost.problems)) == ((), 1)
    assert meter.read().zones[0].joules == 0.0


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("not json", "is no power curve"),
        ({"cores": 4}, "is no power curve"),
        ({"cores": 0, "points": [[0, 1], [1, 2]]}, "more than zero cores"),
        ({"cores": 4, "points": [[0, 1]]}, "at least two"),
        ({"cores": 4, "points": [[0, 1], [0, 2]]}, "utilisation must rise"),
        ({"cores": 4, "points": [[0, 1], [80, 2]]}, "lies in 0 ... 1"),
        ({"cores": 4, "points": [[0, -3940], [1, 2]]}, "not negative"),
        ({"cores": 4, "points": [[0, 5], [1, 2]]}, "never fall"),
    ],
)
def test_a_curve_that_cannot_be_meant_is_refused_by_its_fault(tmp_path, document, words):
    proc_stat(tmp_path, [(1, 1)])
    with pytest.raises(UsageError, match=words):
        find_modelled(tmp_path, curve_file=curve_file(tmp_path, document))


def test_a_missing_curve_file_is_a_mistake_of_usage(tmp_path):
    proc_stat(tmp_path, [(1, 1)])
    with pytest.raises(UsageError, match="cannot be read"):
        find_modelled(tmp_path, curve_file=tmp_path / "nowhere.json")
