"""What became of the status of one VPA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from recommender.model.cluster import Vpa

Outcome = Literal["written", "would be written", "unchanged", "gone", "superseded", "failed"]
"""gone: the VPA was deleted meanwhile; superseded: it changed meanwhile, so what was computed is
not what it asks for now, and nothing was written."""


class StatusChange(msgspec.Struct, frozen=True):
    """The status that a VPA should have and what happened; `error` says why it failed."""

    vpa: Vpa
    status: dict[str, Any]
    outcome: Outcome
    error: str = ""
