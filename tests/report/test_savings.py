from __future__ import annotations

import pytest

from recommender.model.report import Watts
from recommender.report.savings import describe_savings


@pytest.mark.parametrize(
    ("released", "kept", "releaser", "said"),
    [
        pytest.param(
            Watts(29.3, 26.1, 32.5),
            Watts(4.2, 3.1, 5.3),
            "karpenter",
            "-29+-3 W when emptied nodes are released (karpenter seen), -4+-1 W when they stay on",
            id="released",
        ),
        pytest.param(
            Watts(29.3, 26.1, 32.5),
            Watts(0.0, 0.0, 0.0),
            "",
            "-29+-3 W if emptied nodes were switched off, 0 W while they stay on "
            "(no autoscaler that removes nodes was seen)",
            id="nobody releases nodes",
        ),
        pytest.param(
            Watts(-3.0, -4.0, -2.0),
            Watts(-0.5, -0.6, -0.4),
            "karpenter",
            "+3+-1 W (more than now) when emptied nodes are released (karpenter seen), "
            "+0.5+-0.1 W (more than now) when they stay on",
            id="requests that were too small",
        ),
        pytest.param(
            None,
            Watts(0.0, 0.0, 0.0),
            "karpenter",
            "no watts are claimed: no workload here has energy evidence",
            id="no evidence",
        ),
    ],
)
def test_watts_are_said_with_what_must_happen(released, kept, releaser, said):
    assert describe_savings(released, kept, node_releaser=releaser) == said
