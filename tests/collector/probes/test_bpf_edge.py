"""What the BPF probe does at its edges: full map, counters, its own cost, its start."""

import subprocess
import sys

import pytest

from collector.probes.bpf import OVERFLOW_GROUP
from collector.probes.counter import CounterEvents, Event
from collector.probes.failure import ProbeUnavailableError
from collector.probes.headers import HeaderPlaces
from collector.probes.program import ProgramOptions, load_program, print_program
from tests.collector.probes.group import BURN, seconds_of

SOFTWARE = 1
CPU_CLOCK = Event(SOFTWARE, 0)  # nanoseconds of the CPU's clock: every machine can count these
ABSENT = Event(SOFTWARE, 9999)


def test_overflow_of_the_map_is_counted_and_its_work_stays_in_the_sum(
    bpf_probe_with, cgroup, python
):
    probe = bpf_probe_with(max_groups=1)
    cgroup.run(python, "-c", BURN, 0.2)
    child = cgroup.child("another")
    cgroup.run(python, "-c", BURN, 0.2, folder=child)
    reading = probe.read()

    assert len(reading.groups) == 2  # the one that found room, and all the others together
    assert reading.groups[0] == OVERFLOW_GROUP
    assert reading.lost > 0
    problem = (
        f"{reading.lost} context switches of cgroups beyond the 1 that the map holds: their work"
        " is charged to nobody"
    )
    assert reading.problems == (problem,)
    assert seconds_of(reading, OVERFLOW_GROUP) + seconds_of(reading, cgroup.id) > 0.4


def test_room_in_the_map_comes_back_when_ended_cgroups_are_forgotten(bpf_probe_with, cgroup):
    probe = bpf_probe_with(max_groups=64)
    for number in range(100):
        child = cgroup.child(f"c{number}")
        group = child.stat().st_ino
        cgroup.run("true", folder=child)
        child.rmdir()
        reading = probe.read()
        assert seconds_of(reading, group) > 0
        probe.forget(frozenset({group}))

    assert reading.lost == 0


def test_counters_are_charged_like_time(bpf_probe_with, cgroup, python):
    """With the CPU's clock in the place of all three, each counter must tell the CPU time."""
    probe = bpf_probe_with(events=CounterEvents(CPU_CLOCK, CPU_CLOCK, CPU_CLOCK))
    cgroup.run(python, "-c", BURN, 0.4)
    reading = probe.read()
    row = reading.groups.index(cgroup.id)
    spent = int(reading.cpu_ns[row].sum())

    assert probe.level == reading.level == "counters"
    assert reading.cycles.shape == reading.cpu_ns.shape
    assert int(reading.cycles[row].sum()) == pytest.approx(spent, rel=0.02)
    assert int(reading.instructions[row]) == pytest.approx(spent, rel=0.02)
    assert int(reading.cache_misses[row]) == pytest.approx(spent, rel=0.02)
    assert reading.problems == probe.reasons == ()


def test_without_cycles_the_level_is_time_and_says_why(bpf_probe_with):
    probe = bpf_probe_with(events=CounterEvents(ABSENT, CPU_CLOCK, CPU_CLOCK))

    assert probe.level == probe.read().level == "time"
    assert probe.read().cycles is None
    assert probe.reasons == (
        "no hardware counter of cycles: this machine shows none (as most virtual ones)",
    )


def test_without_cache_misses_alone_the_level_stays_counters(bpf_probe_with):
    probe = bpf_probe_with(events=CounterEvents(CPU_CLOCK, CPU_CLOCK, ABSENT))
    reading = probe.read()

    assert reading.level == "counters"
    assert reading.cache_misses is None
    assert reading.instructions.sum() > 0
    assert probe.reasons == (
        "no hardware counter of cache misses: this machine shows none (as most virtual ones)",
    )


def test_own_cost_is_the_kernels_own_figure_and_measured_only_when_asked(bpf_probe_with):
    probe = bpf_probe_with()
    probe.enable_statistics()
    probe.read()
    cost = probe.read_cost()

    assert cost.runs >= 2
    assert 0 < cost.seconds < 0.1
    assert cost.missed == 0


def test_start_is_quiet_and_leaves_the_compiler_outside(bpf_probe_with, capfd):
    bpf_probe_with()

    assert capfd.readouterr() == ("", "")
    assert "bcc" not in sys.modules


def test_closed_probe_can_be_closed_again(bpf_probe_with):
    probe = bpf_probe_with()
    probe.close()
    probe.close()

    with pytest.raises(KeyError):
        probe.read()


def test_headers_that_do_not_serve_are_a_reason_not_a_crash(bpf_probe_with, tmp_path):
    bpf_probe_with()  # a machine where it works otherwise
    for name in ("include/linux/kconfig.h", "include/generated/autoconf.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "include/uapi/linux").mkdir(parents=True)
    (tmp_path / "include/uapi/linux/bpf.h").touch()
    environment = {"BCC_KERNEL_SOURCE": str(tmp_path), "PATH": "/usr/bin:/bin"}

    with pytest.raises(ProbeUnavailableError, match="does not compile here") as caught:
        load_program(ProgramOptions(16, 2), places=HeaderPlaces(), environment=environment)

    assert "error" in caught.value.detail


def test_compiler_that_hangs_is_given_up(bpf_probe_with):
    bpf_probe_with()

    with pytest.raises(ProbeUnavailableError, match="bcc did not end within 0 s"):
        load_program(ProgramOptions(16, 2), timeout=0.01)


def test_printed_program_is_the_one_that_is_compiled():
    text = print_program(ProgramOptions(max_groups=128, max_cpus=4, counters=True))

    assert text.startswith("#define MAX_GROUPS 128\n#define MAX_CPUS 4\n#define COUNTERS\n")
    assert "int on_switch(struct bpf_raw_tracepoint_args *ctx)" in text
    compiler = subprocess.run(["sh", "-c", "command -v cpp"], capture_output=True, check=False)
    if compiler.returncode == 0:
        plain = text.replace("#include <uapi/linux/bpf.h>", "")
        done = subprocess.run(
            ["cpp", "-P"], input=plain, capture_output=True, text=True, check=True
        )
        assert "u64 cache_misses" in done.stdout
