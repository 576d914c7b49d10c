"""Why a probe is not used: the sentence is what the user reads."""

from __future__ import annotations

from recommender.errors import JoulefitError


class ProbeUnavailableError(JoulefitError):
    """A probe does not work on this machine; the text says why and what helps."""
