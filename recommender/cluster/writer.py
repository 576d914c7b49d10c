"""Writes statuses of VPA objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.api import MERGE_PATCH, ApiClientEdge
from recommender.cluster.pace import Pace
from recommender.cluster.resource import VPAS
from recommender.cluster.status import OWNED_KEYS, status_differs
from recommender.errors import (
    ClusterReplyError,
    NotLeadingError,
    StatusSubresourceMissingError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recommender.model.change import Outcome
    from recommender.model.cluster import Vpa

PARALLEL = 8
"""Writes under way at once. An API server answers one in 3 to 10 ms: eight reach the limit."""

PER_SECOND, BURST = 100.0, 200
"""The stock recommender's limits are 50 and 100 for all its requests; ours are few otherwise, and
a thousand new recommendations must not take longer than a third of a cycle."""

NOT_FOUND = 404
_CONFLICT = 409


class StatusPatcher:
    """PATCHes /status subresources, which is all that is ever written to objects.

    A patch of the object itself would be answered with 200 while its status is dropped. The
    patch is a JSON merge patch (RFC 7386): it replaces the lists, and keys that are not ours
    stay. It names the resourceVersion that was read, so that nothing is written over what
    somebody wrote meanwhile: a user who edited the spec, or another replica that took over
    while this one was held up.

    `may_write` is asked before each write; `pace` limits them, `parallel` says how many threads
    may call at once.
    """

    def __init__(
        self,
        client: ApiClientEdge,
        *,
        may_write: Callable[[], bool] = lambda: True,
        pace: Pace | None = None,
    ) -> None:
        self.parallel = PARALLEL
        self._client = client
        self._may_write = may_write
        self._pace = pace or Pace(PER_SECOND, burst=BURST)

    def _patch(self, path: str, status: Mapping[str, Any], *, version: str) -> Outcome:
        """Written or superseded; a key whose value is None is removed.

        Raises NotLeadingError and other kinds of ClusterError, 404 among them.
        """
        self._pace.wait()
        if not self._may_write():
            raise NotLeadingError("this replica does not hold the Lease, so it writes nothing")
        patch: dict[str, Any] = {"status": status}
        if version:
            patch["metadata"] = {"resourceVersion": version}
        body = msgspec.json.encode(patch)
        try:
            self._client.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        except ClusterReplyError as error:
            if error.status == _CONFLICT:
                return "superseded"
            raise
        return "written"


class StatusWriter(StatusPatcher):
    """Writes the statuses of VPAs."""

    def write(self, vpa: Vpa, status: Mapping[str, Any]) -> Outcome:
        """Write where it differs in meaning, and say what came of it.

        Raises StatusSubresourceMissingError, NotLeadingError and other kinds of ClusterError.
        """
        if not status_differs(vpa.status, status):
            return "unchanged"
        path = VPAS.path(vpa.namespace, vpa.name, "status")
        owned = {key: status.get(key) for key in OWNED_KEYS}
        try:
            return self._patch(path, owned, version=vpa.resource_version)
        except ClusterReplyError as error:
            if error.status != NOT_FOUND:
                raise
            self._explain_missing(vpa, error)
            return "gone"

    def _explain_missing(self, vpa: Vpa, error: ClusterReplyError) -> None:
        """Raise if the VPA is there and only its /status is not; it may be gone meanwhile."""
        try:
            self._client.request("GET", VPAS.path(vpa.namespace, vpa.name))
        except ClusterReplyError as second:
            if second.status == NOT_FOUND:
                return
            raise
        raise StatusSubresourceMissingError(
            "the VPA CRD of this cluster has no status subresource, so no recommender can write;"
            " install the CRD of VPA 1.0 or later (vpa-v1-crd-gen.yaml), or add"
            " subresources.status to its version v1",
            detail=error.detail,
        ) from error
