"""Prometheus and VictoriaMetrics with a history in them, each as a context manager."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from tests.testbed.openmetrics import Series, read_in_milliseconds, write_openmetrics
from tests.testbed.part import require_program
from tests.testbed.process import RunningService, answers, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

# As long as promtool's largest block. Without it promtool reads the whole text once for every two
# hours of history.
BLOCK_DURATION = "486h"
FAR_FUTURE = "100y"  # history of any age is kept


def _materialise(source: Path | str | Iterable[str | Series], folder: Path) -> Path:
    """The source as a file of OpenMetrics text: a path stays what it is."""
    if isinstance(source, Path):
        return source
    path = folder / "source.om"
    write_openmetrics(path, [source] if isinstance(source, str) else source)
    return path


def write_blocks(source: Path | str | Iterable[str | Series], blocks: Path) -> None:
    """Turn OpenMetrics text (a file, a string, pieces, or series) into blocks of Prometheus.

    Raises:
        MissingPartError: no promtool.
        ValueError: promtool cannot read the text; its words are in the message.
    """
    promtool = require_program("promtool")
    blocks.mkdir(parents=True, exist_ok=True)
    own_text = blocks / "source.om"
    text = _materialise(source, blocks)
    command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    command += [f"--max-block-duration={BLOCK_DURATION}", str(text), str(blocks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    own_text.unlink(missing_ok=True)
    if done.returncode:
        raise ValueError(f"promtool: {done.stderr.strip() or done.stdout.strip()}")


class PrometheusServer(RunningService):
    """A Prometheus that serves what was backfilled, and scrapes `targets` (HOST:PORT) each second.

    Give it `source` (see `write_blocks`), or `blocks`, a folder that `write_blocks` filled: its
    files are linked, not copied. `arguments` are further flags of the program.
    """

    def __init__(
        self,
        source: Path | str | Iterable[str | Series] | None = None,
        *,
        blocks: Path | None = None,
        targets: Iterable[str] = (),
        arguments: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self._source = source
        self._blocks = blocks
        self._targets = tuple(targets)
        self._arguments = tuple(arguments)
        self.url = ""

    def _prepare(self) -> None:
        data = self.folder / "data"
        if self._blocks is not None:
            _link_tree(self._blocks, data)
        elif self._source is not None:
            write_blocks(self._source, data)
        (self.folder / "prometheus.yml").write_text(json.dumps(self._configuration()))

    def _configuration(self) -> dict[str, object]:
        """As JSON, which is YAML."""
        if not self._targets:
            return {"global": {}}
        job = {"job_name": "testbed", "static_configs": [{"targets": list(self._targets)}]}
        return {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}

    def _start(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        server = self.launch(
            str(require_program("prometheus")),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--storage.tsdb.retention.time={FAR_FUTURE}",
            f"--web.listen-address={address}",
            "--query.max-samples=500000000",
            "--query.timeout=5m",
            "--log.level=warn",
            *self._arguments,
        )
        server.wait_ready(lambda: answers(f"{self.url}/-/ready"))


def _link_tree(source: Path, target: Path) -> None:
    """A tree of hard links, or of copies where links cannot be (another file system)."""

    def link(source_file: str, target_file: str) -> None:
        try:
            os.link(source_file, target_file)
        except OSError:
            shutil.copy2(source_file, target_file)

    shutil.copytree(source, target, copy_function=link)


class VictoriaMetricsServer(RunningService):
    """A VictoriaMetrics into which a history was imported; all of it is visible at the start.

    Give it `source` (see `write_blocks`), or `data`, a folder that `save` filled, which is copied.
    """

    def __init__(
        self,
        source: Path | str | Iterable[str | Series] | None = None,
        *,
        data: Path | None = None,
        arguments: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self._source = source
        self._data = data
        self._arguments = tuple(arguments)
        self._text: Path | None = None
        self.url = ""

    def _prepare(self) -> None:
        if self._data is not None:
            shutil.copytree(self._data, self.folder / "data")
        elif self._source is not None:
            self._text = _materialise(self._source, self.folder)

    def _start(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        server = self.launch(
            str(require_program("victoria-metrics")),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr={address}",
            f"-retentionPeriod={FAR_FUTURE}",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=1GB",
            "-loggerLevel=WARN",
            *self._arguments,
        )
        server.wait_ready(lambda: answers(f"{self.url}/health"))
        if self._text is not None:
            self._import(self._text)

    def save(self, folder: Path) -> None:
        """End the server and move its data into a folder, for `data` of another one."""
        self._stop_servers()
        shutil.move(self.folder / "data", folder)

    def _import(self, text: Path) -> None:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.post(
                f"{self.url}/api/v1/import/prometheus",
                data=read_in_milliseconds(text),
                timeout=600,
            )
            reply.raise_for_status()
            # Rows become visible within a second or two; the flush only hastens it.
            session.get(f"{self.url}/internal/force_flush", timeout=60).raise_for_status()
        last = _last_sample(text)
        if last is not None:
            wait_until(lambda: self._shows(*last), f"VictoriaMetrics shows {last[0]}")

    def _shows(self, series: str, seconds: float) -> bool:
        parameters = {"match[]": series, "start": str(seconds - 1), "end": str(seconds + 1)}
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(f"{self.url}/api/v1/series", params=parameters, timeout=60)
        reply.raise_for_status()
        return bool(reply.json()["data"])


def _last_sample(text: Path) -> tuple[str, float] | None:
    """The series of the last sample in the file, and the sample's time."""
    with text.open("rb") as file:
        file.seek(max(0, text.stat().st_size - 65_536))
        lines = [line for line in file.read().splitlines() if line and not line.startswith(b"#")]
    if not lines:
        return None
    series, _, seconds = lines[-1].decode().rsplit(" ", 2)
    return series, float(seconds)
