"""The ladder: which probe, and why not a better one."""

import pytest

from collector.model import ActivityReading
from collector.probes.choice import choose_probe
from collector.probes.failure import ProbeUnavailableError
from collector.probes.fake import FakeProbe


@pytest.fixture
def version_2(tmp_path):
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "cpu.stat").write_text("usage_usec 1\n")
    return tmp_path


@pytest.fixture
def version_1(tmp_path):
    (tmp_path / "cpuacct").mkdir()
    (tmp_path / "cpuacct" / "cpuacct.usage").write_text("1\n")
    return tmp_path


class BpfStandIn(FakeProbe):
    def __init__(self, level, *reasons):
        super().__init__([ActivityReading(0.0, level, (), None)])
        self.reasons = reasons


def refuse():
    raise ProbeUnavailableError("eBPF needs CAP_BPF")


def must_not_start():
    raise AssertionError("eBPF was tried")


def test_counters_are_best_and_need_no_excuse(version_2):
    best = BpfStandIn("counters")

    assert choose_probe(cgroup_root=version_2, start_bpf=lambda: best) == (best, ())


def test_without_counters_it_is_time_and_says_why(version_2):
    probe = BpfStandIn("time", "no hardware counter of cycles: this machine shows none")

    assert choose_probe(cgroup_root=version_2, start_bpf=lambda: probe) == (
        probe,
        (
            "no hardware counter of cycles: this machine shows none",
            "energy is shared by CPU time, not by cycles (level time)",
        ),
    )


def test_without_bpf_it_is_cgroupfs_and_says_why(version_2):
    probe, reasons = choose_probe(cgroup_root=version_2, start_bpf=refuse)

    assert probe.level == "cgroupfs"
    assert reasons == (
        "no eBPF: eBPF needs CAP_BPF",
        "CPU time comes from the kernel's accounting of cgroups (level cgroupfs)",
    )


def test_bpf_is_not_tried_where_it_could_not_tell_cgroups_apart(version_1):
    probe, reasons = choose_probe(cgroup_root=version_1, start_bpf=must_not_start)

    assert probe.level == "cgroupfs"
    assert reasons[0] == (
        "no eBPF: cgroups are version 1, which BPF cannot tell apart; boot with"
        " systemd.unified_cgroup_hierarchy=1"
    )


def test_bpf_that_is_wanted_and_does_not_work_is_an_error(version_2):
    with pytest.raises(ProbeUnavailableError, match="CAP_BPF"):
        choose_probe("bpf", cgroup_root=version_2, start_bpf=refuse)


def test_cgroupfs_that_is_wanted_does_not_try_bpf(version_2):
    probe, reasons = choose_probe("cgroupfs", cgroup_root=version_2, start_bpf=must_not_start)

    assert probe.level == "cgroupfs"
    assert reasons == ("eBPF was not tried: --probe cgroupfs",)


def test_nothing_at_all_is_an_error_that_names_the_place(tmp_path):
    with pytest.raises(ProbeUnavailableError, match="holds no CPU accounting"):
        choose_probe(cgroup_root=tmp_path / "absent", start_bpf=must_not_start)


def test_on_this_machine_the_choice_works(bpf_probe_with):
    bpf_probe_with().close()  # or the reason why it cannot
    probe, reasons = choose_probe()

    assert probe.level in {"counters", "time"}
    assert (probe.level == "counters") == (reasons == ())
    assert probe.read().groups
    probe.close()
