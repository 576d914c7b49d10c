"""A back-test made by hand: one pool that was tested, one too small for T2 and T3, one too short."""

from __future__ import annotations

from recommender.model.backtest import Backtest, PolicyReport, PoolBacktest, Refusal
from tests.report.sample import source

DAY = 86400


def policy(pool: str, name: str, joules: float, kept: float, **figures: float | None) -> tuple:
    """Both scenarios; hot, worst, exposure, unserved and changes are alike in them."""
    hours = figures.pop("hours", 96.0)
    common = {
        "hot_share_mean": figures.get("hot"),
        "hot_share_worst_day": figures.get("worst"),
        "unserved_share": figures.get("unserved"),
        "exposure_share": figures.get("exposure"),
        "changes_per_day": figures.get("changes"),
    }
    return (
        PolicyReport(
            pool=pool,
            name=name,
            scenario="nodes-released",
            joules_per_work=joules,
            node_hours=hours,
            **common,
        ),
        PolicyReport(
            pool=pool,
            name=name,
            scenario="nodes-kept",
            joules_per_work=kept,
            node_hours=576.0,
            **common,
        ),
    )


def sample_policies() -> tuple[PolicyReport, ...]:
    """Stock at 4 J: twice the users' 8 J is +100 %, T2's 3.2 J is -20 %."""
    quiet = {"exposure": 0.0, "unserved": 0.0, "changes": 0.0}
    return (
        *policy("epyc-7763", "as-requested", 8.0, 8.0, hot=0.0, worst=0.0, hours=576.0, **quiet),
        *policy(
            "epyc-7763",
            "stock",
            4.0,
            6.4,
            hours=288.0,
            hot=0.18,
            worst=0.22,
            exposure=0.08,
            unserved=0.013,
            changes=0.4,
        ),
        *policy(
            "epyc-7763",
            "T2",
            3.2,
            6.0,
            hours=192.0,
            hot=0.004,
            worst=0.012,
            exposure=0.1,
            unserved=0.0004,
            changes=0.06,
        ),
        *policy("epyc-7763", "limit", 2.4, 5.6, hours=120.5),
        *policy("xeon_*", "stock", 5.0, 5.0, hot=0.0, worst=0.0, **quiet),
    )


def sample_backtest(**changes: object) -> Backtest:
    return Backtest(
        **{
            "generated_at": "2026-10-15T00:00:00Z",
            "source": source(),
            "train_seconds": 5 * DAY,
            "test_seconds": 2 * DAY,
            "node_releaser": "karpenter",
            "pools": (
                PoolBacktest(
                    name="epyc-7763",
                    nodes=12,
                    containers=41,
                    history_days=14.0,
                    tests=4,
                    verdict="tested",
                    sentences=("T2 passes: 0.4 % of container-time on hot nodes",),
                    refused=(),
                ),
                PoolBacktest(
                    name="xeon_*",
                    nodes=4,
                    containers=3,
                    history_days=14.0,
                    tests=4,
                    verdict="too-small",
                    sentences=("4 nodes: too small to tell",),
                    refused=(Refusal("T2", "4 nodes, 10 needed"),),
                ),
                PoolBacktest(
                    name="old",
                    nodes=1,
                    containers=2,
                    history_days=3.125,
                    tests=0,
                    verdict="too-short",
                    sentences=("3.1 d of history: too short to tell",),
                    refused=(),
                ),
            ),
            "policies": sample_policies(),
            **changes,
        }
    )
