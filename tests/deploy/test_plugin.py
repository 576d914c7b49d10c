"""`kubectl joulefit`, and the manifest by which krew installs it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from manifests.plugin.pack import INDEX, SHIM, format_index, pack
from recommender import __version__
from tests.testbed.part import require_program

ROOT = Path(__file__).parents[2]


def kubectl(*arguments, path):
    command = [str(require_program("kubectl")), *arguments]
    environment = os.environ | {"PATH": f"{path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def write_command(folder, name, text):
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)


def test_kubectl_finds_the_entry_point_by_its_name(tmp_path):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["kubectl-joulefit"].split(":")
    call = (
        f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
    )
    write_command(tmp_path, "kubectl-joulefit", call)
    done = kubectl("joulefit", "--version", path=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"joulefit, version {__version__}\n")


def test_the_plugin_calls_the_command_with_all_that_it_is_given(tmp_path):
    write_command(tmp_path, "kubectl-joulefit", SHIM.read_text())
    write_command(tmp_path, "joulefit", '#!/bin/sh\nprintf "<%s>" "$@"\nexit 3\n')
    done = kubectl("joulefit", "explain", "a b", "-n", "shop", path=tmp_path)
    assert (done.returncode, done.stdout) == (3, "<explain><a b><-n><shop>")


def test_without_the_command_it_says_what_to_install(tmp_path):
    write_command(tmp_path, "kubectl-joulefit", SHIM.read_text())
    done = kubectl("joulefit", "report", path=tmp_path)
    assert done.returncode == 1
    assert "install the Python package joulefit" in done.stderr


@pytest.fixture
def index():
    return yaml.safe_load(INDEX.read_text())


def test_the_manifest_is_that_of_the_plugin():
    assert INDEX.read_text() == format_index()


def test_the_manifest_has_the_shape_that_the_index_asks_for(index):
    """https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/"""
    assert index["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert index["kind"] == "Plugin"
    assert index["metadata"]["name"] == INDEX.stem
    spec = index["spec"]
    assert re.fullmatch(r"v\d+\.\d+\.\d+", spec["version"])
    assert len(spec["shortDescription"]) <= 50
    assert not spec["shortDescription"].endswith(".")
    for platform in spec["platforms"]:
        assert platform["uri"].startswith("https://")
        assert platform["sha256"] == hashlib.sha256(pack()).hexdigest()
        assert platform["bin"] in {each["from"] for each in platform["files"]}


def test_the_archive_holds_the_licence_and_a_program_that_may_run():
    with zipfile.ZipFile(io.BytesIO(pack())) as archive:
        modes = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
        assert archive.read("kubectl-joulefit") == SHIM.read_bytes()
    assert set(modes) == {"LICENSE", "kubectl-joulefit"}
    assert modes["kubectl-joulefit"] & stat.S_IXUSR
