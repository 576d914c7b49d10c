"""Why a list of pods could not be had: the sentence is what the user reads."""

from __future__ import annotations

from recommender.errors import JoulefitError


class PodListError(JoulefitError):
    """The kubelet or the API server did not tell its pods."""
