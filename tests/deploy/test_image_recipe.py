"""The Containerfile and the recipe of the tests make the same image: one list, one lock, one script."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.testbed.shipped_image import (
    CONTAINERFILE,
    LOCK,
    PACKAGES,
    ROOT,
    list_packages,
    read_configuration,
)

PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)(?: ;.*?)? \\$", re.MULTILINE)


def pins(name):
    return set(PIN.findall((ROOT / name).read_text()))


@pytest.fixture(scope="module")
def containerfile():
    return CONTAINERFILE.read_text()


@pytest.fixture(scope="module")
def instructions(containerfile):
    return [line for line in containerfile.splitlines() if not line.startswith("#")]


def test_packages_are_named_in_one_file_only(containerfile, instructions):
    names = list_packages(PACKAGES.read_text())
    assert "python3-bpfcc" in names
    assert "COPY image/packages.txt" in containerfile
    installing = [line for line in instructions if "apt-get install" in line]
    assert installing
    assert not [line for line in installing for name in names if f" {name} " in f"{line} "]


def test_python_packages_come_from_the_lock_and_are_put_there_by_the_script(containerfile):
    relative = LOCK.relative_to(ROOT)
    assert f"sh image/install.sh dependencies {relative} /wheels" in containerfile
    assert "sh image/install.sh project /dist/joulefit-*.whl" in containerfile
    assert containerfile.count("pip download") == containerfile.count(f"--requirement {relative}")


@pytest.mark.parametrize("lock", ["image/requirements.lock", "image/build.lock"])
def test_a_lock_of_the_image_pins_what_the_suite_was_run_with(lock):
    assert pins(lock)
    assert pins(lock) <= pins("requirements-dev.lock")


def test_every_pin_has_its_hashes():
    for lock in ("image/requirements.lock", "image/build.lock"):
        for block in re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()):
            assert "--hash=sha256:" in block, block


def test_the_lock_holds_every_dependency_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~ ]", each)[0].lower() for each in project["dependencies"]}
    assert wanted <= {name for name, _ in pins("image/requirements.lock")}


def test_the_base_and_the_packages_are_of_one_day(containerfile):
    (day,) = re.findall(r"^ARG BASE=\S+:bookworm-(\d{8})-slim$", containerfile, re.MULTILINE)
    assert re.findall(r"^ARG SNAPSHOT=(\d{8})T", containerfile, re.MULTILINE) == [day]


def test_the_image_runs_the_recommender_as_nobody_by_default(containerfile):
    configuration = read_configuration(containerfile)
    assert configuration["Cmd"] == ["joulefit", "run"]
    user, group = configuration["User"].split(":")
    assert int(user) >= 10_000
    assert int(group) >= 10_000
    assert configuration["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_version_and_chart_are_those_of_the_project(containerfile):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = (ROOT / "manifests/chart/Chart.yaml").read_text()
    assert f"ARG VERSION={version}" in containerfile
    assert re.findall(r"^(?:appVersion|version): (\S+)$", chart, re.MULTILINE) == [version] * 2


def test_only_what_the_containerfile_copies_is_sent_to_the_engine(containerfile):
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", containerfile, re.MULTILINE)
    tops = {name.partition("/")[0] for line in copied for name in line.split()}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == tops
    assert "*" in ignore
