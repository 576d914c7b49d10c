"""Writes statuses of VPA objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.api import MERGE_PATCH, ApiClientEdge
from recommender.cluster.resource import VPAS
from recommender.cluster.status import OWNED_KEYS, status_differs
from recommender.errors import ClusterReplyError, StatusSubresourceMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.model.cluster import Vpa

_NOT_FOUND = 404


class StatusWriter:
    """PATCHes the /status subresource, which is all that is ever written.

    A patch of the object itself would be answered with 200 while its status is dropped. The
    patch is a JSON merge patch (RFC 7386): it replaces the lists, and keys that are not ours
    stay. It names no resourceVersion: a recommender is the one writer of a status, and a
    change of the spec between our read and this write is answered in the next run.
    """

    def __init__(self, client: ApiClientEdge) -> None:
        self._client = client

    def write(self, vpa: Vpa, status: Mapping[str, Any]) -> bool:
        """True when something was written: it differs in meaning, and the VPA is still there.

        Raises StatusSubresourceMissingError and other kinds of ClusterError.
        """
        if not status_differs(vpa.status, status):
            return False
        path = VPAS.path(vpa.namespace, vpa.name, "status")
        patch = {key: status.get(key) for key in OWNED_KEYS}  # None removes a key
        try:
            self._client.request(
                "PATCH",
                path,
                body=msgspec.json.encode({"status": patch}),
                content_type=MERGE_PATCH,
            )
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            self._explain_missing(vpa, error)
            return False
        return True

    def _explain_missing(self, vpa: Vpa, error: ClusterReplyError) -> None:
        """Raise if the VPA is there and only its /status is not; it may be gone meanwhile."""
        try:
            self._client.request("GET", VPAS.path(vpa.namespace, vpa.name))
        except ClusterReplyError as second:
            if second.status == _NOT_FOUND:
                return
            raise
        raise StatusSubresourceMissingError(
            "the VPA CRD of this cluster has no status subresource, so no recommender can write;"
            " install the CRD of VPA 1.0 or later (vpa-v1-crd-gen.yaml), or add"
            " subresources.status to its version v1",
            detail=error.detail,
        ) from error
