"""What goes on while we are busy elsewhere: servers work while the rest of us is imported."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def begin(work: Callable[[], Result]) -> Future[Result]:
    """Call it in a thread that does not keep the program alive; the future has what comes of it."""
    future: Future[Result] = Future()

    def settle() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever wants the result
            future.set_exception(error)

    threading.Thread(target=settle, name="background", daemon=True).start()
    return future


class Begun(Generic[Result]):
    """A reader that reads since it was made; `read` gives what came of it, its error too."""

    def __init__(self, read: Callable[[], Result]) -> None:
        self._future = begin(read)

    def read(self) -> Result:
        return self._future.result()
