"""Free words and rich types as the few label values that a metric may have. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

from recommender.errors import (
    ClusterConfigError,
    ClusterError,
    ClusterForbiddenError,
    ClusterUnreachableError,
    NoDataError,
    StatusSubresourceMissingError,
    StoreError,
    StoreRefusedError,
    StoreUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from recommender.model.report import Skipped

VpaState = Literal[
    "provided", "low_confidence", "fetching_history", "no_pods", "unsupported", "not_provided"
]
SkipClass = Literal[
    "switched_off",
    "unsupported",
    "fetching_history",
    "no_pods",
    "no_usage",
    "little_history",
    "hpa",
    "internal_error",
    "other",
]
ErrorKind = Literal[
    "store_unreachable",
    "store_refused",
    "store_reply",
    "no_data",
    "cluster_unreachable",
    "cluster_forbidden",
    "cluster_config",
    "cluster_reply",
    "other",
]

VPA_STATES: tuple[VpaState, ...] = get_args(VpaState)
SKIP_CLASSES: tuple[SkipClass, ...] = get_args(SkipClass)
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)

_CONDITIONS: dict[str, SkipClass] = {
    "ConfigUnsupported": "unsupported",
    "FetchingHistory": "fetching_history",
    "NoPodsMatched": "no_pods",
}

# In order: the first that is found decides.
_REASONS: tuple[tuple[re.Pattern[str], SkipClass], ...] = (
    (re.compile(r"^internal error"), "internal_error"),
    (re.compile(r"^no pods now"), "no_pods"),
    (re.compile(r"^its VPA policy (?:says mode: Off|controls neither)"), "switched_off"),
    (re.compile(r"^work class "), "unsupported"),
    (re.compile(r"^HPA "), "hpa"),
    (re.compile(r" needed$"), "little_history"),
    (re.compile(r"^no usage|^no memory"), "no_usage"),
)

# In order: a subclass before its base.
_ERRORS: tuple[tuple[type[Exception], ErrorKind], ...] = (
    (StoreUnreachableError, "store_unreachable"),
    (StoreRefusedError, "store_refused"),
    (StoreError, "store_reply"),
    (NoDataError, "no_data"),
    (ClusterUnreachableError, "cluster_unreachable"),
    (ClusterForbiddenError, "cluster_forbidden"),
    (ClusterConfigError, "cluster_config"),
    (StatusSubresourceMissingError, "cluster_config"),
    (ClusterError, "cluster_reply"),
)


def classify_vpa(status: Mapping[str, Any]) -> VpaState:
    """The one state of a VPA with this status: its conditions, the gravest first."""
    held = {each["type"] for each in status.get("conditions", ()) if each["status"] == "True"}
    if "ConfigUnsupported" in held:
        return "unsupported"
    if "NoPodsMatched" in held:
        return "no_pods"
    if "RecommendationProvided" in held:
        return "low_confidence" if "LowConfidence" in held else "provided"
    return "fetching_history" if "FetchingHistory" in held else "not_provided"


def classify_skip(row: Skipped) -> SkipClass:
    """The class of the reason for which something got no recommendation."""
    if row.is_deliberate:
        return "switched_off"
    if row.condition in _CONDITIONS:
        return _CONDITIONS[row.condition]
    return next((name for pattern, name in _REASONS if pattern.search(row.reason)), "other")


def classify_error(error: Exception) -> ErrorKind:
    """What kind of failure ended a cycle."""
    return next((name for kind, name in _ERRORS if isinstance(error, kind)), "other")
