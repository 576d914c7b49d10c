"""What the collector needs of the kernel, shown by taking everything else away."""

import re

import pytest

from tests.collector.deployment.privilege import NEEDED, NOBODY, collector, command_with, run

LEVEL = re.compile(r"^  activity    used: (counters|time|cgroupfs): (.*)$", re.MULTILINE)


def found(text):
    """The probe's level, and why it is not better."""
    return LEVEL.search(text).groups()


@pytest.mark.parametrize("user", [0, NOBODY], ids=["as root", "as another user"])
def test_three_capabilities_are_all_it_needs(look, user):
    text, code = run(command_with(NEEDED, *collector("doctor", *look), user=user))

    assert found(text)[0] in {"counters", "time"}
    assert "power       used: rapl: package 0\n" in text
    assert "zone        package 0: 0 J by rapl, measured" in text  # it counts from its start
    assert "lacking" not in text
    assert code == 0


@pytest.mark.parametrize("missing", ["bpf", "perfmon"])
def test_without_one_for_ebpf_doctor_names_it_and_the_ladder_takes_over(look, missing):
    rest = [each for each in NEEDED if each != missing]
    text, code = run(command_with(rest, *collector("doctor", *look)))
    name = f"CAP_{missing.upper()}"

    level, why = found(text)
    assert level == "cgroupfs"
    assert why.startswith(f"no eBPF: eBPF needs {name}: add them to the container's capabilities")
    assert f"  lacking     {name}: add them to the container's securityContext\n" in text
    assert code == 0  # power is measured all the same


def test_without_the_one_for_energy_files_doctor_names_it_and_is_not_ready(look):
    text, code = run(command_with(NEEDED[:2], *collector("doctor", *look, "--meter", "rapl")))

    assert "energy_uj: permission denied; give the collector CAP_DAC_READ_SEARCH" in text
    assert "ready       NO: no source of power works" in text
    assert code == 1


def test_without_any_it_still_tells_who_uses_the_cpu(look):
    text, code = run(command_with((), *collector("doctor", *look)))

    assert found(text)[0] == "cgroupfs"
    assert "lacking     CAP_BPF, CAP_PERFMON" in text
    assert "power       used: modelled" in text
    assert "ready       NO: power is modelled, not measured" in text
    assert code == 1
