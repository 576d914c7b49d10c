"""Writes statuses of EnergyProfile objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recommender.cluster.profile_status import profile_differs
from recommender.cluster.resource import PROFILES
from recommender.cluster.writer import NOT_FOUND, StatusPatcher
from recommender.errors import ClusterReplyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.model.change import Outcome
    from recommender.model.cluster import Vpa


class ProfileWriter(StatusPatcher):
    """Writes the status of the EnergyProfile of a VPA, if that has one.

    What it could not write, the next cycle will: the VPA's own status comes first.
    """

    def write(self, vpa: Vpa, status: Mapping[str, Any]) -> Outcome:
        """Write where it differs in meaning, and say what came of it. Raises ClusterError.

        NotLeadingError, one of them, where this replica may not write.
        """
        profile = vpa.profile
        if profile is None:
            return "gone"
        if not profile_differs(profile.status, status):
            return "unchanged"
        keys = dict.fromkeys([*profile.status, *status])
        whole = {key: status.get(key) for key in keys}
        path = PROFILES.path(vpa.namespace, vpa.name, "status")
        try:
            return self._patch(path, whole, version=profile.resource_version)
        except ClusterReplyError as error:
            if error.status != NOT_FOUND:
                raise
            return "gone"
