"""install.sh: finds what is there, gets what is missing, says what it cannot get.

Go and apt are stand-ins, so that nothing is downloaded; the shell and its tools are real.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TESTBED = Path(__file__).parents[1] / "testbed"
COMMANDS = ["etcd", "kube-apiserver", "kubectl", "openssl", "prometheus", "promtool"]
COMMANDS += ["victoria-metrics", "kube-controller-manager", "kube-scheduler", "kubelet"]
COMMANDS += ["containerd", "ctr", "containerd-shim-runc-v2", "runc"]
COMMANDS += ["ptp", "host-local", "loopback", "chromium", "chromedriver"]
TOOLS = [
    "bash",
    "cat",
    "cp",
    "dirname",
    "find",
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
TOOLS += ["chmod", "dpkg-deb", "env", "sh", "tar", "touch", "xz", "zstd"]

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
echo "$*" >> "$PACKAGES/asked"
case "$*" in
*install*python3-bpfcc) [ -e "$PACKAGES/$package" ] &&
    mkdir -p "$PACKAGES/../python3/dist-packages/bcc" &&
    touch "$PACKAGES/../python3/dist-packages/bcc/libbcc.py" ;;
*install*) cp "$PACKAGES/$package" "$PACKAGES/../bin/" ;;
*) cp "$PACKAGES/$package"_*.deb . ;;
esac
"""
FAKE_DPKG = """#!/bin/sh
echo amd64
"""


def write_program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A machine with a shell and little else on PATH, no system's Python, and an empty cache."""
    (tmp_path / "testbed").mkdir()
    shutil.copy(TESTBED / "install.sh", tmp_path / "testbed")
    shutil.copytree(TESTBED / "go", tmp_path / "testbed" / "go")
    parts = (TESTBED / "parts.txt").read_text()
    assert "/usr/lib/python3*/" in parts
    parts = parts.replace("/usr/lib/python3*/", f"{tmp_path}/python3*/")
    (tmp_path / "testbed" / "parts.txt").write_text(parts)
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
        [str(machine / "testbed" / "install.sh")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
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
    write_program(machine / "cache" / "busybox-static-1" / "busybox")
    write_program(machine / "cache" / "kernel-headers-6.1" / "include" / "linux" / "kconfig.h")
    write_program(machine / "python3.11" / "site-packages" / "bcc" / "libbcc.py")
    code, said = install(machine, CI="true")
    assert code == 0
    assert said["etcd"] == ("there", str(machine / "bin" / "etcd"))
    assert {word for word, _ in said.values()} == {"there"}
    assert len(list((machine / "cache").glob("*/*"))) == 2


def test_a_busybox_on_path_may_be_a_dynamic_one_and_does_not_serve(machine):
    write_program(machine / "bin" / "busybox")
    _, said = install(machine)
    assert said["busybox-static"][0] == "missing"


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


def build_package(
    machine: Path, name: str, files: dict[str, Path | str], depends: str = ""
) -> None:
    """Put a package of these files, texts or copies, where the stand-in of apt-get finds it."""
    root = machine / "root" / name
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, target)
        elif content.startswith("-> "):
            target.symlink_to(content.removeprefix("-> "))
        else:
            target.write_text(content)
    write_program(root / "DEBIAN" / "postinst", "#!/bin/sh\nexit 1\n")
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1:2.42.0+ds-5\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: none\n"
        + (f"Depends: {depends}\n" if depends else "")
    )
    subprocess.run(
        ["dpkg-deb", "--build", str(root), str(machine / "packages" / f"{name}_1_all.deb")],
        check=True,
        capture_output=True,
        env=os.environ | {"LC_ALL": "C"},
    )


@pytest.fixture
def packages(machine):
    """An apt-get that has a few packages, whose programs are the real `true`."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is of Debian; apt is not used elsewhere")
    true = Path(shutil.which("true"))
    (machine / "packages").mkdir()
    build_package(machine, "prometheus", {"usr/bin/prometheus": true, "usr/bin/promtool": true})
    build_package(machine, "runc", {"usr/bin/runc": "-> ../sbin/runc", "usr/sbin/runc": true})
    plugins = ("ptp", "host-local", "loopback", "bridge")
    build_package(
        machine, "containernetworking-plugins", {f"usr/lib/cni/{name}": true for name in plugins}
    )
    write_program(machine / "bin" / "apt-get", FAKE_APT)
    write_program(machine / "bin" / "dpkg", FAKE_DPKG)
    return machine / "packages"


def test_packages_are_unpacked_and_never_installed(machine, packages):
    _, said = install(machine)
    folder = machine / "cache" / "prometheus-2.42.0+ds-5"
    assert said["prometheus"] == ("installed", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["prometheus", "promtool"]
    assert "download prometheus" in (packages / "asked").read_text()
    _, again = install(machine)
    assert again["prometheus"] == ("there", str(folder / "prometheus"))


@pytest.mark.usefixtures("packages")
def test_programs_are_found_where_packages_keep_them(machine):
    install(machine)
    cache = machine / "cache"
    plugins = sorted(path.name for path in (cache / "cni-plugins-2.42.0+ds-5").iterdir())
    assert plugins == ["host-local", "loopback", "ptp"]
    assert not (cache / "runc-2.42.0+ds-5" / "runc").is_symlink()


def test_a_package_that_cannot_be_had_leaves_nothing(machine, packages):
    (packages / "prometheus_1_all.deb").unlink()
    code, said = install(machine)
    assert code == 0
    assert said["prometheus"][0] == "missing"
    assert "apt-get download prometheus failed" in said["prometheus"][1]
    assert not list((machine / "cache").glob("*prometheus*"))


def test_a_package_without_the_program_leaves_nothing(machine, packages):
    build_package(machine, "containerd", {"usr/bin/ctr": Path(shutil.which("true"))})
    _, said = install(machine)
    assert said["containerd"][0] == "missing"
    assert "containerd holds no containerd" in said["containerd"][1]
    assert not list((machine / "cache").glob("*containerd*"))
    assert (packages / "asked").exists()


def test_bcc_is_installed_for_the_systems_python(machine, packages):
    (packages / "python3-bpfcc").touch()
    write_program(machine / "bin" / "sudo", '#!/bin/sh\nshift; exec "$@"\n')
    _, said = install(machine)
    found = machine / "python3" / "dist-packages" / "bcc" / "libbcc.py"
    assert said["bpfcc"] == ("installed", str(found))
    assert "install -y --no-install-recommends python3-bpfcc" in (packages / "asked").read_text()
    _, again = install(machine)
    assert again["bpfcc"] == ("there", str(found))


def test_a_browser_is_installed_with_all_that_it_needs(machine, packages):
    write_program(packages / "chromium")
    write_program(machine / "bin" / "sudo", '#!/bin/sh\nshift; exec "$@"\n')
    _, said = install(machine)
    assert said["chromium"] == ("installed", str(machine / "bin" / "chromium"))
    assert said["chromium-driver"] == (
        "missing",
        f"as root: apt-get install chromium-driver (log in {machine}/cache/install.log)",
    )
    assert "install -y --no-install-recommends chromium\n" in (packages / "asked").read_text()


@pytest.mark.parametrize(
    ("meta", "own", "shared", "links"),
    [
        ("amd64", "linux-headers-6.1.0-9-amd64", "linux-headers-6.1.0-9-common", {}),
        (
            "generic",
            "linux-headers-6.8.0-3-generic",
            "linux-headers-6.8.0-3",
            {"include/linux": "-> ../../linux-headers-6.8.0-3/include/linux"},
        ),
    ],
    ids=["Debian", "Ubuntu"],
)
@pytest.mark.usefixtures("packages")
def test_the_two_halves_of_kernel_headers_are_merged(machine, meta, own, shared, links):
    source = f"usr/src/{own}"
    build_package(machine, f"linux-headers-{meta}", {"usr/share/x": ""}, f"{own} (= 1)")
    files = {"include/generated/autoconf.h": "own", "arch/x86/Makefile": "own", **links}
    build_package(
        machine,
        own,
        {f"{source}/{path}": text for path, text in files.items()},
        f"linux-image-1 | linux-image-1-unsigned, {shared} (= 1), linux-kbuild-6.1",
    )
    files = {"include/linux/kconfig.h": "shared", "arch/x86/Makefile": "shared"}
    build_package(machine, shared, {f"usr/src/{shared}/{p}": text for p, text in files.items()})
    _, said = install(machine)
    tree = machine / "cache" / f"kernel-headers-{own.removeprefix('linux-headers-')}"
    assert said["kernel-headers"] == ("installed", str(tree))
    assert (tree / "include/linux/kconfig.h").read_text() == "shared"
    assert (tree / "include/generated/autoconf.h").read_text() == "own"
    assert (tree / "arch/x86/Makefile").read_text() == "own"
    _, again = install(machine)
    assert again["kernel-headers"] == ("there", str(tree / "include/linux/kconfig.h"))


@pytest.mark.usefixtures("packages")
def test_headers_that_cannot_be_had_leave_nothing(machine):
    _, said = install(machine)
    assert said["kernel-headers"][0] == "missing"
    assert "set BCC_KERNEL_SOURCE" in said["kernel-headers"][1]
    assert not list((machine / "cache").glob("*kernel-headers*"))
