"""Kernel trees as real nodes show them, and rights as real containers have them."""

import os
from contextlib import contextmanager
from pathlib import Path

INTEL_RANGE_UJ = 262_143_328_850  # 2**32 - 1 units of 61 uJ: what a Xeon's kernel shows


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
    return path


def add_domain(root, folder, name, *, energy_uj=0, range_uj=INTEL_RANGE_UJ):
    """One powercap folder; the answer is its energy file."""
    place = root / "class" / "powercap" / folder
    write(place / "name", name)
    write(place / "max_energy_range_uj", range_uj)
    return write(place / "energy_uj", energy_uj)


def two_socket_intel(root):
    """Two packages with DRAM, psys and the packages' MMIO twins, as a Xeon server shows them."""
    write(root / "class" / "powercap" / "intel-rapl" / "enabled", 1)
    return {
        name: add_domain(root, folder, kernel_name, energy_uj=energy)
        for name, folder, kernel_name, energy in (
            ("package 0", "intel-rapl:0", "package-0", 1_000_000),
            ("dram 0", "intel-rapl:0:0", "dram", 2_000_000),
            ("package 1", "intel-rapl:1", "package-1", 3_000_000),
            ("dram 1", "intel-rapl:1:0", "dram", 4_000_000),
            ("psys", "intel-rapl:2", "psys", 5_000_000),
            ("mmio 0", "intel-rapl-mmio:0", "package-0", 900_000),
            ("mmio 1", "intel-rapl-mmio:1", "package-1", 800_000),
        )
    }


def amd(root):
    """One package with its cores, no DRAM, and a register that ends at 65.5 kJ."""
    return {
        "package 0": add_domain(
            root, "intel-rapl:0", "package-0", energy_uj=7_000_000, range_uj=65_532_610_987
        ),
        "core 0": add_domain(
            root, "intel-rapl:0:0", "core", energy_uj=6_000_000, range_uj=65_532_610_987
        ),
    }


def add_sensor(root, hwmon, driver, /, **files):
    """One hwmon folder with its driver's name and its files."""
    place = root / "class" / "hwmon" / hwmon
    write(place / "name", driver)
    return {name: write(place / name, value) for name, value in files.items()}


def add_cpu(root, number, *, socket=0, die=None, khz=None):
    place = root / "devices" / "system" / "cpu" / f"cpu{number}"
    write(place / "topology" / "physical_package_id", socket)
    if die is not None:
        write(place / "topology" / "die_id", die)
    if khz is not None:
        write(place / "cpufreq" / "scaling_cur_freq", khz)


def proc_stat(root, cpus):
    """/proc/stat with (busy, idle) ticks of each CPU."""
    busy, idle = (sum(column) for column in zip(*cpus, strict=True))
    lines = [f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0"]
    lines += [f"cpu{n} {b} 0 0 {i} 0 0 0 0 0 0" for n, (b, i) in enumerate(cpus)]
    return write(root / "stat", "\n".join([*lines, "ctxt 1"]))


@contextmanager
def without_capabilities(folder):
    """As a user without rights of root, in `folder`: root reads everything otherwise.

    Relative paths below it work even where its parents are closed to others.
    """
    before = Path.cwd()
    folder.chmod(0o755)
    os.chdir(folder)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        os.chdir(before)
