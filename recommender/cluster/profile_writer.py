"""Writes statuses of EnergyProfile objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.api import MERGE_PATCH, ApiClientEdge
from recommender.cluster.pace import Pace
from recommender.cluster.profile_status import profile_differs
from recommender.cluster.resource import PROFILES
from recommender.cluster.writer import BURST, PARALLEL, PER_SECOND
from recommender.errors import ClusterReplyError, NotLeadingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recommender.model.change import Outcome
    from recommender.model.cluster import Vpa

_NOT_FOUND = 404
_CONFLICT = 409


class ProfileWriter:
    """PATCHes the /status subresource of the EnergyProfile of a VPA, if that has one.

    The patch is a JSON merge patch (RFC 7386) that names the resourceVersion that was read.
    What it could not write, the next cycle will: the VPA's own status comes first. `may_write`
    and `pace` as for a StatusWriter.
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

    def write(self, vpa: Vpa, status: Mapping[str, Any]) -> Outcome:
        """Write where it differs in meaning, and say what came of it. Raises ClusterError.

        NotLeadingError, one of them, where this replica may not write.
        """
        profile = vpa.profile
        if profile is None:
            return "gone"
        if not profile_differs(profile.status, status):
            return "unchanged"
        self._pace.wait()
        if not self._may_write():
            raise NotLeadingError("this replica does not hold the Lease, so it writes nothing")
        keys = dict.fromkeys([*profile.status, *status])
        patch: dict[str, Any] = {"status": {key: status.get(key) for key in keys}}
        if profile.resource_version:
            patch["metadata"] = {"resourceVersion": profile.resource_version}
        try:
            self._client.request(
                "PATCH",
                PROFILES.path(vpa.namespace, vpa.name, "status"),
                body=msgspec.json.encode(patch),  # None removes a key
                content_type=MERGE_PATCH,
            )
        except ClusterReplyError as error:
            if error.status == _CONFLICT:
                return "superseded"
            if error.status == _NOT_FOUND:
                return "gone"
            raise
        return "written"
