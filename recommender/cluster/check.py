"""What `joulefit doctor` says of a cluster: API, CRDs, permissions, VPA's parts, workloads."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from recommender.cluster.api import ApiClientEdge, read_object
from recommender.cluster.component import read_components
from recommender.cluster.judgement import (
    judge_api_server,
    judge_components,
    judge_lease,
    judge_permissions,
    judge_profile_crd,
    judge_state,
    judge_vpa_crd,
)
from recommender.cluster.lease import DEFAULT_NAMESPACE, name_lease
from recommender.cluster.manifest import ApiResources
from recommender.cluster.permission import (
    Identity,
    list_permissions,
    read_identity,
    read_refused,
)
from recommender.cluster.reader import ClusterReader
from recommender.cluster.resource import LEASES, PROFILES, VPAS, Resource
from recommender.cluster.role import list_lease_rules, list_rules
from recommender.errors import (
    ClusterError,
    ClusterForbiddenError,
    ClusterReplyError,
    JoulefitError,
)
from recommender.model.check import Check
from recommender.model.clock import ClockReading, judge_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recommender.model.cluster import ClusterState
    from recommender.settings import ClusterSettings

_NOT_FOUND = 404


class ClusterFindings(msgspec.Struct, frozen=True):
    """The checks, and the cluster where it could be read."""

    checks: tuple[Check, ...]
    state: ClusterState | None = None


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


def examine_cluster(
    client: ApiClientEdge,
    settings: ClusterSettings,
    *,
    lease_namespace: str = DEFAULT_NAMESPACE,
    clock: Callable[[], float] = time.time,
) -> ClusterFindings:
    """All checks of the cluster; what fails becomes a check, and the others are made all the same.

    Only an API server that answers nothing ends it at once. Raises UsageError for settings that
    cannot be meant. `lease_namespace` is where `joulefit run` keeps its Lease; `clock` is this
    machine's.
    """
    reader = ClusterReader(client, replace(settings, all_workloads=True))
    try:
        version = _read_version(client)
        begun = clock()
        identity = read_identity(client)
        ended = clock()
    except ClusterError as error:
        return ClusterFindings((Check("fail", "api server", str(error)),))
    user = identity.user if identity else ""
    checks = [judge_api_server(client.source, version=version, user=user)]
    if identity:
        checks.append(_judge_clock(identity, begun, ended))
    checks += _attempt("vpa crd", lambda: [judge_vpa_crd(_read_resources(client, VPAS))])
    checks += _attempt(
        "energy profiles", lambda: [judge_profile_crd(_read_resources(client, PROFILES))]
    )
    checks += _attempt("permissions", lambda: _examine_permissions(client, settings, user))
    checks += _attempt("lease", lambda: [_examine_lease(client, settings, lease_namespace, user)])
    found, state = _read_state(reader)
    if state is not None:
        found = list(judge_state(state, settings.recommender_name))
    checks += found
    checks += _attempt("vpa parts", lambda: _examine_components(client, settings))
    return ClusterFindings(tuple(checks), state)


def _attempt(subject: str, look: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    try:
        return look()
    except ClusterError as error:
        return [Check("fail", subject, str(error))]


def _read_state(reader: ClusterReader) -> tuple[list[Check], ClusterState | None]:
    try:
        return [], reader.read()
    except JoulefitError as error:  # UsageError too: a quantity in an object that is none
        return [Check("fail", "workloads", f"the cluster cannot be read: {error}")], None


def _read_version(client: ApiClientEdge) -> str:
    """The version's name; "" where it may not be asked for. Raises ClusterError."""
    try:
        return read_object(client, "/version", _Version).git_version
    except ClusterForbiddenError:
        if read_identity(client) is None:  # credentials that are good for nothing
            raise
        return ""


def _read_resources(client: ApiClientEdge, resource: Resource) -> frozenset[str]:
    """The names of what the API server serves of the group, with subresources."""
    path = f"/apis/{resource.group}/{resource.version}"
    try:
        listed = read_object(client, path, ApiResources).resources or ()
    except ClusterReplyError as error:
        if error.status != _NOT_FOUND:
            raise
        return frozenset()
    return frozenset(each.name for each in listed)


def _judge_clock(identity: Identity, begun: float, ended: float) -> Check:
    # The API server drops the fraction of a second: what it means is half of one later.
    reading = ClockReading(identity.time + 0.5, begun, ended, rounding=0.5)
    return judge_clock("api server clock", reading)


def _examine_permissions(
    client: ApiClientEdge, settings: ClusterSettings, user: str
) -> list[Check]:
    namespaces = list(dict.fromkeys(settings.namespace))
    wanted = list_permissions(list_rules(), namespaces)
    return list(judge_permissions(wanted, read_refused(client, wanted), user=user))


def _examine_lease(
    client: ApiClientEdge, settings: ClusterSettings, namespace: str, user: str
) -> Check:
    wanted = list_permissions(list_lease_rules(name_lease(settings.recommender_name)), [namespace])
    leases = [each for each in wanted if each.resource == LEASES.plural]
    return judge_lease(namespace, read_refused(client, leases), user=user)


def _examine_components(client: ApiClientEdge, settings: ClusterSettings) -> list[Check]:
    try:
        return judge_components(read_components(client), settings.recommender_name)
    except ClusterForbiddenError as error:  # the check of permissions says what that costs
        return [Check("warn", "vpa parts", f"not looked for: {error}")]
