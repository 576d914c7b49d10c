"""The price that is learnt of the simulated cluster, held against the server it was made from."""

import numpy as np
import pytest

from recommender.energy.published import server_curve
from recommender.simulator import simulate
from recommender.simulator.simulation import SERVER
from recommender.sizing.pool import estimate_pools

END = 1_760_000_000


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_intercept_of_the_published_server_lies_within_its_interval(seed):
    """Machines are 1 % apart: of 12 the mean is known to 0.5 % at best, and the server is not quite
    convex. An interval of time alone said 0.5 % and missed it in six of ten simulations."""
    recording = simulate(end=END, days=7, seed=seed)
    (pool,) = estimate_pools(recording.cluster, recording.history.nodes)
    server, nodes = server_curve(SERVER), recording.history.nodes
    use = nodes.cpu_used[np.isfinite(nodes.cpu_used)].astype(np.float64) / server.cores
    truth = float(server.intercept(use).mean())
    value, low, high = pool.energy.intercept
    assert low <= truth <= high
    assert value == pytest.approx(truth, rel=0.015)
    assert 0.004 < (high - low) / 2 / truth < 0.025
