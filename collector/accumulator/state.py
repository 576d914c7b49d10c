"""Counters that survive a restart of the collector: one small file, whole or not at all.

Two lines of JSON: a header (format, version, whose it is, SHA-256 of the second line) and the
payload. It holds within one start of one node: after a reboot registers and containers are
new. So it is renamed into its place, whole for whoever is killed meanwhile, but not forced to the
disk, which would cost more than all the rest of an interval; in /run there is no disk at all.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

FORMAT = "joulefit-collector-state"
VERSION = 1


@dataclass(frozen=True)
class NodeIdentity:
    """Which node, and which of its starts."""

    machine_id: str
    boot_id: str


def read_node_identity(
    procfs_root: Path, *, machine_id_file: Path = Path("/etc/machine-id")
) -> NodeIdentity:
    """Identity of the node; "" where it does not tell (a container has no machine id)."""
    return NodeIdentity(
        machine_id=_read_word(machine_id_file),
        boot_id=_read_word(procfs_root / "sys" / "kernel" / "random" / "boot_id"),
    )


@dataclass(frozen=True)
class LoadedState:
    """The payload, or None and a sentence why counters begin anew."""

    payload: Any = None
    remark: str = ""


class StateFile:
    """One collector's state on one node."""

    def __init__(self, path: Path, *, node: NodeIdentity) -> None:
        self.path = path
        self._node = node

    def load(self) -> LoadedState:
        """Read the state. A file that is not ours, or broken, is set aside, so it is said once."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return LoadedState(remark=f"no state at {self.path}: counters begin at zero")
        except OSError as error:
            return LoadedState(
                remark=f"the state {self.path} cannot be read ({error.strerror}): "
                "counters begin at zero"
            )
        try:
            return LoadedState(payload=self._parse(content))
        except ValueError as error:
            return LoadedState(remark=self.set_aside(str(error)))

    def set_aside(self, reason: str) -> str:
        """Keep an unusable file beside its place; the answer is the sentence to say."""
        aside = self.path.with_name(f"{self.path.name}.aside")
        try:
            self.path.replace(aside)
        except OSError as error:
            return f"the state {self.path} is not used: {reason} ({error.strerror})"
        return f"the state {self.path} is not used: {reason}; kept as {aside}, counters begin anew"

    def write(self, payload: Any) -> None:
        """Replace the file, atomically. Numbers are finite. Raises OSError."""
        body = msgspec.json.encode(payload)
        header = {
            "format": FORMAT,
            "version": VERSION,
            **asdict(self._node),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            head = msgspec.json.format(msgspec.json.encode(header), indent=0)  # people read it
            _write(partial, head + b"\n" + body + b"\n")
            partial.replace(self.path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def _parse(self, content: bytes) -> Any:
        """The payload. Raises ValueError with the reason why it must not be used."""
        first, _, body = content.partition(b"\n")
        try:
            header = msgspec.json.decode(first)
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError("it is no state of a collector") from error
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError("it is no state of a collector")
        if header.get("version") != VERSION:
            raise ValueError(
                f"it has version {header.get('version')}, this collector writes {VERSION}"
            )
        if header.get("sha256") != hashlib.sha256(body.removesuffix(b"\n")).hexdigest():
            raise ValueError("it is damaged")
        if header.get("machine_id") != self._node.machine_id:
            raise ValueError("it belongs to another node")
        if header.get("boot_id") != self._node.boot_id:
            raise ValueError("it is from an earlier start of this node")
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise ValueError("it is damaged") from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _read_word(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
