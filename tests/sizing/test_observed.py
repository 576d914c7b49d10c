"""What containers may get in a replay is what a recommendation gives them."""

import numpy as np

from recommender.model.cluster import ClusterState, ContainerPolicy
from recommender.replay.observation import observe_pools
from recommender.sizing.observed import allow
from recommender.sizing.pooled import size_pooled, size_stock
from tests.replay.build import node_kind
from tests.sizing.build import DEFAULTS, GIB, size, spec_of, usage_of, vpa_of, workload_of

TINY = (0.001, GIB)  # cores and bytes: less than any floor

SEEN = usage_of({"app": TINY, "log": TINY, "off": TINY})
WORKLOAD = workload_of(*(spec_of(name) for name in ("app", "log", "idle", "off")))
VPA = vpa_of(
    ContainerPolicy("log", controlled=frozenset({"memory"})), ContainerPolicy("off", is_off=True)
)


def test_the_least_target_of_a_pod_is_shared_in_the_replay_as_in_what_is_published():
    """25 m over two: `log` is sized by its memory, `idle` was never seen, `off` is switched off."""
    cluster = ClusterState("a test", workloads=(WORKLOAD,), vpas=(VPA,))
    managed = {ref for ref in SEEN.containers if ref.container == "app"}
    trace = observe_pools(SEEN, cluster, kinds=(node_kind(members=("a",)),), managed=managed)
    allowance = allow(trace, cluster, DEFAULTS)
    report, _ = size(SEEN, workload=WORKLOAD, vpa=VPA)
    (published,) = [each for each in report.containers if each.name == "app"]
    assert published.recommended.target.cpu == "12m"
    (row,) = np.flatnonzero(trace.is_managed)
    for requests in (
        size_stock(trace, allowance=allowance),
        size_pooled(trace, allowance=allowance).requests,
    ):
        assert requests[row] == 0.012
