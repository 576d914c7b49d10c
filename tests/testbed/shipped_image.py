"""The image that ships, made without a container engine: the Containerfile's own lists and script,
over the file system that debootstrap gives, as a docker-archive for `ctr images import`.

What only dependencies decide is made once per machine (a gigabyte of the cache); joulefit itself is
a small layer on top, made anew each time.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.image import ARCHITECTURES
from tests.testbed.part import MissingPartError, cache_folder, require_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "image"
PACKAGES, LOCK, SCRIPT = (
    RECIPE / "packages.txt",
    RECIPE / "requirements.lock",
    RECIPE / "install.sh",
)
CONTAINERFILE = ROOT / "Containerfile"
SUITE, PYTHON = "bookworm", "3.11"
# The layer's times, as SOURCE_DATE_EPOCH would set them.
EPOCH = 1_700_000_000
KEPT_BASES = 2


def list_packages(text: str) -> list[str]:
    """The names in packages.txt."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_configuration(containerfile: str) -> dict[str, object]:
    """What the last stage of the Containerfile says of running it, as an image's config has it."""
    last = containerfile.rpartition("\nFROM ")[2].replace("\\\n", " ")
    user = re.search(r"^USER (\S+)$", last, re.MULTILINE)
    command = re.search(r"^CMD (\[.*\])$", last, re.MULTILINE)
    variables = re.search(r"^ENV (.*)$", last, re.MULTILINE)
    labels = re.search(r"^LABEL (.*)$", last, re.MULTILINE)
    assert user
    assert command
    assert variables
    assert labels
    return {
        "User": user[1],
        "Cmd": json.loads(command[1]),
        "Env": variables[1].split(),
        "Labels": dict(re.findall(r'(\S+)="([^"]*)"', labels[1])),
    }


def write_shipped_image(path: Path, *names: str) -> None:
    """Write the archive, with the image under each of the names.

    Raises:
        MissingPartError: debootstrap, root or the network is not to be had; the message says which.
    """
    base = cached_base()
    with tempfile.TemporaryDirectory(dir=base) as folder:
        project = Path(folder) / "project.tar"
        write_project_layer(base / "root", project, Path(folder))
        _write_archive(path, [base / "layer.tar", project], names)


def cached_base() -> Path:
    """The folder with the file system of all dependencies (`root`) and its layer (`layer.tar`).

    Raises:
        MissingPartError: as `write_shipped_image`.
    """
    if os.geteuid() != 0:
        raise MissingPartError("debootstrap wants root: run the tests as root")
    digest = hashlib.sha256(SUITE.encode())
    for file in (PACKAGES, LOCK, SCRIPT):
        digest.update(file.read_bytes())
    target = cache_folder() / f"image-{digest.hexdigest()[:16]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        if not target.exists():
            part = target.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            _make_base(part)
            part.rename(target)
        os.utime(target)
        _remove_oldest(target.parent)
    return target


def _remove_oldest(folder: Path) -> None:
    bases = [path for path in folder.glob("image-*") if path.is_dir() and path.suffix != ".part"]
    bases.sort(key=lambda path: path.stat().st_mtime)
    for path in bases[:-KEPT_BASES]:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_base(folder: Path) -> None:
    root, wheels = folder / "root", folder / "wheels"
    include = ",".join(list_packages(PACKAGES.read_text()))
    debootstrap = ["debootstrap", "--variant=minbase", f"--include={include}"]
    require_program("debootstrap")
    _run_or_miss([*debootstrap, SUITE, str(root)], "debootstrap could not fetch Debian's packages")
    _download_wheels(wheels)
    with _guest(root) as run:
        shutil.copytree(wheels, root / "build/wheels")
        run("dependencies", "/build/requirements.lock", "/build/wheels")
    for useless in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
        shutil.rmtree(root / useless, ignore_errors=True)
    shutil.rmtree(wheels)
    with tarfile.open(folder / "layer.tar", "w") as layer:
        layer.add(root, arcname=".", filter=_at_epoch)


def _download_wheels(folder: Path) -> None:
    """Those of the lock for the guest's Python, whatever ours is; by hash."""
    machine = platform.machine()
    systems = [f"manylinux_2_{minor}_{machine}" for minor in (34, 31, 28, 17)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", f"--requirement={LOCK}", f"--dest={folder}"]
    command += [f"--python-version={PYTHON}", "--implementation=cp"]
    command += [f"--abi={abi}" for abi in ("cp311", "abi3", "none")]
    command += [f"--platform={each}" for each in (*systems, f"manylinux2014_{machine}", "any")]
    _run_or_miss(command, "pip could not fetch the wheels of image/requirements.lock")


def _run_or_miss(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise MissingPartError(f"{what}: {' '.join(last)}")


@contextmanager
def _guest(root: Path) -> Iterator[Callable[..., None]]:
    """Runs image/install.sh in the file system, where pip is ours; nothing of that stays."""
    build = root / "build"
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir()
    shutil.copy(SCRIPT, build)
    shutil.copy(LOCK, build)
    import pip

    shutil.copytree(Path(pip.__file__).parent, build / "pip/pip")

    def run(*arguments: str) -> None:
        guest = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": "/build/pip",
            "HOME": "/tmp",
        }
        guest["PYTHONDONTWRITEBYTECODE"] = "1"
        command = ["chroot", str(root), "/bin/sh", "/build/install.sh", *arguments]
        done = subprocess.run(command, env=guest, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr

    try:
        yield run
    finally:
        shutil.rmtree(build)


def write_project_layer(root: Path, layer: Path, folder: Path) -> None:
    """A tar of what installing joulefit adds to the file system, which itself stays as it is."""
    wheel = _build_wheel(folder)
    copy = folder / "root"
    # Links to the same files: pip makes new ones, it does not write into those that are there.
    subprocess.run(["cp", "-al", str(root), str(copy)], check=True)
    with _guest(copy) as run:
        shutil.copy(wheel, copy / "build")
        run("project", f"/build/{wheel.name}")
    known = {path.relative_to(root) for path in (root / "opt/joulefit").rglob("*")}
    added = {path.relative_to(copy) for path in (copy / "opt/joulefit").rglob("*")} - known
    with tarfile.open(layer, "w") as archive:
        for path in sorted(added):
            archive.add(copy / path, arcname=str(path), recursive=False, filter=_at_epoch)


def _build_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--disable-pip-version-check", f"--wheel-dir={folder}", str(ROOT)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return next(folder.glob("joulefit-*.whl"))


def _at_epoch(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = EPOCH
    return entry


def _write_archive(path: Path, layers: list[Path], names: tuple[str, ...]) -> None:
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": read_configuration(CONTAINERFILE.read_text()),
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{_digest(layer)}" for layer in layers],
            },
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    files = [f"layer-{number}.tar" for number in range(len(layers))]
    manifest = [{"Config": config_name, "RepoTags": list(names), "Layers": files}]
    with tarfile.open(path, "w") as archive:
        for name, layer in zip(files, layers, strict=True):
            archive.add(layer, arcname=name)
        for name, content in (
            (config_name, config),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
