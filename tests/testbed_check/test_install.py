"""install.sh: finds what is there, gets what is missing, says what it cannot get.

Go and apt are stand-ins, so that nothing is downloaded; the shell and its tools are real.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "testbed" / "install.sh"
COMMANDS = ["etcd", "kube-apiserver", "kubectl", "openssl", "prometheus", "promtool"]
COMMANDS += ["victoria-metrics"]
TOOLS = [
    "bash",
    "cat",
    "dirname",
    "flock",
    "grep",
    "id",
    "ldd",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sort",
    "tail",
]
TOOLS += ["chmod", "dpkg-deb", "sh", "tar", "xz", "zstd"]

FAKE_GO = """#!/bin/sh
while [ "$1" != -o ]; do shift; done
echo "package $3" > "$2" && chmod +x "$2"
"""
FAILING_GO = """#!/bin/sh
echo "no required module provides package" >&2
exit 1
"""
FAKE_APT = """#!/bin/sh
for package; do :; done
cp "$PACKAGES/$package.deb" . && echo "$*" >> "$PACKAGES/asked"
"""


def write_program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A machine with a shell and little else on PATH, and an empty cache."""
    for tool in TOOLS:
        if found := shutil.which(tool):
            (tmp_path / "bin").mkdir(exist_ok=True)
            (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def install(machine: Path, **variables: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and what the script said of each part: a word and the rest of the line."""
    environment = {
        "PATH": str(machine / "bin"),
        "HOME": str(machine / "home"),
        "JOULEFIT_TESTBED_CACHE": str(machine / "cache"),
        "PACKAGES": str(machine / "packages"),
        **variables,
    }
    run = subprocess.run(
        [str(SCRIPT)], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert "command not found" not in run.stderr
    lines = [line.split(maxsplit=2) for line in run.stdout.splitlines()]
    return run.returncode, {name: (word, rest) for name, word, rest in lines}


def test_a_machine_with_nothing_is_told_what_to_do(machine):
    code, said = install(machine)
    assert code == 0
    assert {word for word, _ in said.values()} == {"missing"}
    assert "install Go 1.24 or newer" in said["etcd"][1]
    assert said["prometheus"][1] == (
        "install the package prometheus, so that prometheus and promtool are on PATH"
    )


def test_missing_parts_are_an_error_in_ci(machine):
    code, said = install(machine, CI="true")
    assert code == 1
    assert said["kubectl"][0] == "missing"


def test_what_is_on_path_is_taken(machine):
    for command in COMMANDS:
        write_program(machine / "bin" / command)
    code, said = install(machine, CI="true")
    assert code == 0
    assert said["etcd"] == ("there", str(machine / "bin" / "etcd"))
    assert {word for word, _ in said.values()} == {"there"}
    assert not any((machine / "cache").glob("*/*"))


def test_assets_of_kubebuilder_come_before_path(machine):
    write_program(machine / "bin" / "etcd")
    write_program(machine / "assets" / "etcd")
    _, said = install(machine, KUBEBUILDER_ASSETS=str(machine / "assets"))
    assert said["etcd"] == ("there", str(machine / "assets" / "etcd"))


def test_half_a_part_is_not_there(machine):
    write_program(machine / "bin" / "prometheus")
    _, said = install(machine)
    assert said["prometheus"][0] == "missing"


def test_programs_are_built_into_the_cache_once(machine):
    write_program(machine / "bin" / "go", FAKE_GO)
    _, said = install(machine)
    built = machine / "cache" / "etcd-3.6.4" / "etcd"
    assert said["etcd"] == ("installed", str(built))
    assert built.read_text() == "package go.etcd.io/etcd/server/v3\n"
    assert [path.name for path in built.parent.iterdir()] == ["etcd"]
    _, again = install(machine)
    assert again["etcd"] == ("there", str(built))


def test_a_failed_build_leaves_nothing_and_says_why(machine):
    write_program(machine / "bin" / "go", FAILING_GO)
    _, said = install(machine)
    assert said["kubectl"][0] == "missing"
    assert "no required module provides package" in said["kubectl"][1]
    assert not any((machine / "cache").glob("kubectl-*/*"))


@pytest.fixture
def packages(machine):
    """An apt-get that has one package, whose program is the real `true`."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is of Debian; apt is not used elsewhere")
    root = machine / "root"
    for command in ("prometheus", "promtool"):
        (root / "usr" / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(shutil.which("true"), root / "usr" / "bin" / command)
    write_program(root / "DEBIAN" / "postinst", "#!/bin/sh\nexit 1\n")
    (root / "DEBIAN" / "control").write_text(
        "Package: prometheus\nVersion: 2.42.0+ds-5\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: none\n"
    )
    (machine / "packages").mkdir()
    subprocess.run(
        ["dpkg-deb", "--build", str(root), str(machine / "packages" / "prometheus.deb")],
        check=True,
        capture_output=True,
        env=os.environ | {"LC_ALL": "C"},
    )
    write_program(machine / "bin" / "apt-get", FAKE_APT)
    (machine / "bin" / "cp").symlink_to(shutil.which("cp"))
    return machine / "packages"


def test_packages_are_unpacked_and_never_installed(machine, packages):
    _, said = install(machine)
    folder = machine / "cache" / "prometheus-2.42.0+ds-5"
    assert said["prometheus"] == ("installed", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["prometheus", "promtool"]
    assert "download prometheus" in (packages / "asked").read_text()
    _, again = install(machine)
    assert again["prometheus"] == ("there", str(folder / "prometheus"))


def test_a_package_that_cannot_be_had_leaves_nothing(machine, packages):
    (packages / "prometheus.deb").unlink()
    code, said = install(machine)
    assert code == 0
    assert said["prometheus"][0] == "missing"
    assert "apt-get download prometheus failed" in said["prometheus"][1]
    assert not list((machine / "cache").glob("*prometheus*"))
