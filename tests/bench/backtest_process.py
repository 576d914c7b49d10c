"""Back-test all policies on a made-up pool, and print what it took."""

from __future__ import annotations

import json
import time

from recommender.backtest.limit import estimate_limit
from recommender.backtest.policy import POLICIES, Rules
from recommender.backtest.walk import run_policies
from recommender.energy.published import server_curve
from recommender.simulator.generator import draw_fleet
from recommender.simulator.trace import trace_fleet

CONTAINERS, DAYS = 2500, 7


def main() -> None:
    server = server_curve("HPE DL360 G10+")
    trace = trace_fleet(draw_fleet("mixed", containers=CONTAINERS, days=DAYS, seed=1), server)
    day = trace.grid.bins_per_day
    policies = Rules(planned=server.peak_load()).choose(POLICIES)
    begun = time.perf_counter()
    result = run_policies(trace, policies, train_bins=5 * day, test_bins=2 * day)
    estimate_limit(result.tested)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "policies": len(result.tests) + 1}))


if __name__ == "__main__":
    main()
