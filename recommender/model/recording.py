"""A snapshot of all that a report needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender import __version__

if TYPE_CHECKING:
    from recommender.model.cluster import ClusterState
    from recommender.model.history import History


class Recording(msgspec.Struct, frozen=True):
    """What one live run read, and how it came about.

    created           RFC 3339 time at which it was read (or simulated)
    cluster           the cluster; its `owners` are not kept: they only serve to reduce series
    history           usage and power, reduced
    store             the metric store, in words; never with credentials
    is_simulated      nothing of it exists: made by `recommender.simulator`
    is_anonymous      names are pseudonyms, free texts are gone
    joulefit_version  version that made it
    settings          the options that chose what was read, by name
    unread            why the newest history could not be read, "" where it was: `history` is then
                      what an earlier read gave, or empty. Never so in a file.
    """

    created: str
    cluster: ClusterState
    history: History
    store: str
    is_simulated: bool = False
    is_anonymous: bool = False
    joulefit_version: str = __version__
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    unread: str = ""
