"""`make e2e`: the whole road on one real node, as a person would see it.

Prints each step with its seconds, what kubectl shows at the end, and what was expected of it; ends
with 1 if anything of that is not so. Needs root, as the node does.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.expectation import EXPECTATIONS, list_pairs
from tests.e2e.road import Road
from tests.testbed.node import KubernetesNode
from tests.testbed.part import MissingPartError
from tests.testbed.process import ServerStartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.road import Walk

_say = functools.partial(print, flush=True)  # each step is seen when it ends, in a pipe too


def main() -> int:
    """The exit code."""
    begun = time.monotonic()
    try:
        walk = _walk(begun)
    except (MissingPartError, ServerStartError, TimeoutError, OSError) as error:
        notes = getattr(error, "__notes__", [])
        print(f"failed after {time.monotonic() - begun:.0f} s: {error}", *notes, sep="\n")
        return 1
    _show(walk)
    failures = sum(not _is_met(each, walk) for each in EXPECTATIONS)
    outcome = f"{failures} of {len(EXPECTATIONS)} not met" if failures else "all as expected"
    print(f"\n{outcome}, {time.monotonic() - begun:.0f} s in all")
    return 1 if failures else 0


def _walk(begun: float) -> Walk:
    with KubernetesNode() as node, tempfile.TemporaryDirectory() as folder:
        _say(f"{time.monotonic() - begun:6.1f} s  a Kubernetes of one node is ready")
        return Road(node, Path(folder), say=_say).go()


def _show(walk: Walk) -> None:
    print(f"\n$ kubectl describe vpa\n{walk.described}")
    print(f"$ kubectl get energyprofiles\n{walk.listed}")
    print(f"answered {walk.answered_seconds:.1f} s after the VPAs were created")
    print(f"minutes of history, stock rule: {list_pairs(walk.young)}")
    print(f"with less asked for, at a price: {list_pairs(walk.ripe)}\n")


def _is_met(expectation: Callable[[Walk], None], walk: Walk) -> bool:
    name = expectation.__name__.replace("_", " ")
    try:
        expectation(walk)
    except AssertionError as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"FAIL  {name}\n      {where.filename}:{where.lineno}: {where.line} {error}")
        return False
    print(f"ok    {name}")
    return True


if __name__ == "__main__":
    sys.exit(main())
