import os
from contextlib import contextmanager

import pytest

NOBODY = 65534


@pytest.fixture
def as_nobody():
    """A context without root's right to pass over file permissions."""

    @contextmanager
    def lowered():
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)

    return lowered
