"""One look at the cluster and at the store: what works, what is missing, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.cluster.check import ClusterFindings, examine_cluster
from recommender.cluster.connection import connect
from recommender.cluster.lease import find_namespace
from recommender.errors import ClusterConfigError
from recommender.history.check import examine_store
from recommender.history.client import PrometheusClient
from recommender.model.check import Check

if TYPE_CHECKING:
    from recommender.report.progress import Progress
    from recommender.settings import ClusterSettings, LeaseSettings, StoreSettings, WindowSettings


def examine(
    cluster: ClusterSettings,
    store: StoreSettings,
    window: WindowSettings,
    *,
    lease: LeaseSettings,
    progress: Progress,
) -> tuple[Check, ...]:
    """All checks: those of the store are made where the API server is down, and the other way.

    Raises UsageError for settings that cannot be meant.
    """
    client = PrometheusClient(store)
    progress("cluster", 0, 1)
    found = _examine_cluster(cluster, lease)
    progress("cluster", 1, 1)
    progress("store", 0, 1)
    nodes = found.state.nodes if found.state else ()
    checks = examine_store(
        client,
        store,
        window,
        namespaces=frozenset(cluster.namespace) or None,
        node_names=frozenset(node.name for node in nodes) or None,  # not known, not none
    )
    progress("store", 1, 1)
    return (*found.checks, *checks)


def _examine_cluster(settings: ClusterSettings, lease: LeaseSettings) -> ClusterFindings:
    try:
        connection = connect(settings)
    except ClusterConfigError as error:
        return ClusterFindings((Check("fail", "api server", str(error)),))
    with connection:
        return examine_cluster(connection, settings, lease_namespace=find_namespace(lease))
