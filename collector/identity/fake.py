"""A source of pods for tests and demos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.identity.failure import PodListError
from collector.identity.pod import PodListing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.identity.pod import Pod


class FakePods:
    """Tells the pods it was given; `failure` is raised instead, until it is "" again."""

    name = "a list of pods"

    def __init__(self, pods: Iterable[Pod] = ()) -> None:
        self.pods = tuple(pods)
        self.failure = ""
        self.damaged = 0
        self.reads = 0

    def read_pods(self) -> PodListing:
        self.reads += 1
        if self.failure:
            raise PodListError(self.failure)
        return PodListing(self.pods, self.damaged)
