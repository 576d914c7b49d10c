"""How far a long step is: one line on a terminal that goes when done, nothing in a pipe."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from recommender.text import escape_controls
from recommender.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

    import rich.progress


@dataclass
class _Step:
    name: str
    begun: float
    done: int = 0
    total: int = 0


class Progress:
    """A context manager that is called as progress(step, done, total), from any thread.

    On a terminal one line shows step, count, rate and time left, and is erased at the end.
    Where it is verbose, each step leaves a line, on a terminal as in a pipe. All of it goes to
    stderr: stdout is for results.
    """

    def __init__(
        self,
        *,
        is_verbose: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_verbose = is_verbose
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._lock = threading.Lock()
        self._step: _Step | None = None
        self._bar: rich.progress.Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._end_step()
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say that `done` of `total` parts of a step are done; another name begins a step."""
        with self._lock:
            if self._step is None or self._step.name != step:
                self._end_step()
                self._step = _Step(step, self._clock())
            self._step.done, self._step.total = done, total
            if self._stream.isatty():
                self._show(self._step)

    def _show(self, step: _Step) -> None:
        if self._bar is None:
            self._bar = _start_bar(self._stream, self._clock)
        bar = self._bar
        if not bar.tasks:
            bar.add_task(escape_controls(step.name), total=None)
        bar.update(bar.tasks[0].id, completed=step.done, total=step.total or None, refresh=True)

    def _end_step(self) -> None:
        step, self._step = self._step, None
        if step is None:
            return
        if self._bar is not None and self._bar.tasks:
            self._bar.remove_task(self._bar.tasks[0].id)
        if not self._is_verbose:
            return
        seconds = self._clock() - step.begun
        text = f"{escape_controls(step.name)}: {step.done} of {step.total} in "
        text += f"{seconds:.1f} s" if seconds < 60 else format_duration(seconds)
        if self._bar is not None:
            self._bar.console.print(text, soft_wrap=True, markup=False, highlight=False)
        else:
            self._stream.write(text + "\n")


def _start_bar(stream: TextIO, clock: Callable[[], float]) -> rich.progress.Progress:
    """The line on the terminal; imports rich, 60 ms that pipes do not pay."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text  # noqa: PLC0415

    class RateColumn(ProgressColumn):
        """Parts per second, once they are known."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.1f}/s" if task.speed else "")

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=Console(file=stream),
        transient=True,
        get_time=clock,
    )
    bar.start()
    return bar
