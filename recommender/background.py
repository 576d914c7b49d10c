"""What goes on while we are busy elsewhere: servers work while the rest of us is imported."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Begun(Generic[Result]):
    """A reader that reads since it was made; `read` gives what came of it, its error too.

    Its thread does not keep the program alive.
    """

    def __init__(self, read: Callable[[], Result]) -> None:
        self._future: Future[Result] = Future()
        self._read = read
        threading.Thread(target=self._settle, name="background", daemon=True).start()

    def read(self) -> Result:
        return self._future.result()

    def _settle(self) -> None:
        try:
            self._future.set_result(self._read())
        except BaseException as error:  # noqa: BLE001 - handed to whoever wants the result
            self._future.set_exception(error)
