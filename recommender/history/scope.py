"""What is wanted of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from recommender.model.identity import PodOwners, WorkloadRef


class Scope(msgspec.Struct, frozen=True):
    """Which containers and nodes to read.

    namespaces     None: all
    owners         whose a pod is; with `reads_cluster` only where the store does not tell
    wanted         None: every workload that is found
    reads_cluster  also make a ClusterState of what the store knows
    node_names     the cluster's nodes; None where nobody knows them
    """

    namespaces: frozenset[str] | None
    owners: PodOwners
    wanted: frozenset[WorkloadRef] | None = None
    reads_cluster: bool = False
    node_names: frozenset[str] | None = None
