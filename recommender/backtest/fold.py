"""Walk-forward: which bins a policy learns from, and on which it is then tested."""

from __future__ import annotations

import msgspec


class Fold(msgspec.Struct, frozen=True):
    """Bins [begin, split) train, [split, end) test."""

    begin: int
    split: int
    end: int


def walk_forward(bins: int, *, train: int, test: int) -> tuple[Fold, ...]:
    """Folds in order of time over `bins`; the last test ends with the last bin.

    Each test begins where the one before it ended, so no bin is tested twice and none is tested
    by a policy that has seen it. Oldest bins that fill no test are left out. None where `bins`
    does not hold one training and one test. ValueError unless both have a bin.
    """
    if train < 1 or test < 1:
        raise ValueError(f"a fold trains and tests on at least one bin, not {train} and {test}")
    count = max((bins - train) // test, 0)
    first = bins - count * test
    return tuple(
        Fold(split - train, split, split + test)
        for split in range(first, first + count * test, test)
    )
