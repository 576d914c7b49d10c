"""What LimitRanges and ResourceQuotas will do to a recommendation is said, and changes nothing."""

import pytest

from recommender.model.cluster import (
    Amounts,
    ContainerPolicy,
    LimitRange,
    NamespaceLimits,
    Quota,
)
from recommender.model.report import Conflict, Quantities
from recommender.sizing.admission import find_conflicts
from tests.cluster.verdict import recommended, sized
from tests.sizing.build import GIB, MIB, ramp, size, spec_of, usage_of, vpa_of, workload_of

ONLY = ContainerPolicy("app", scales_limits=False)


def cpu(amount):
    return Amounts(cpu_millicores=amount)


def memory(amount):
    return Amounts(memory_bytes=amount)


def range_of(**rest):
    return LimitRange("caps", **rest)


def conflicts(
    *ranges,
    quotas=(),
    spec=None,
    policy=None,
    target=("1500m", None),
    others=(),
    replicas=3,
):
    """Of the container `app` with this target beside others that are not sized."""
    workload = workload_of(spec or spec_of(cpu=1000, memory=None), *others, replicas=replicas)
    bare = Quantities(cpu=None, memory=None)
    amounts = recommended(target, target, target)
    report = sized("app", amounts=amounts if target != (None, None) else recommended(bare))
    vpa = vpa_of(*([policy] if policy else []))
    limits = NamespaceLimits(tuple(ranges), tuple(quotas))
    return find_conflicts(workload, vpa, [report], limits=limits)


def said(*ranges, **how):
    return [each.reason for each in conflicts(*ranges, **how)]


def test_without_limit_ranges_and_quotas_there_is_no_conflict():
    assert conflicts() == ()


EQUAL = spec_of(cpu=1000, memory=None, limits=(1000, None))
TWICE = spec_of(cpu=1000, memory=None, limits=(2000, None))
BARE = spec_of(cpu=1000, memory=None)
ZERO = spec_of(cpu=0, memory=None, limits=(500, None))
CAPS = "of LimitRange shop/caps"


@pytest.mark.parametrize(
    ("ranges", "how", "reason"),
    [
        (
            range_of(maximum=cpu(1000)),
            {"spec": EQUAL},
            f"target cpu 1500m is above the maximum 1 {CAPS}: admission lowers it to 1",
        ),
        (
            range_of(maximum=cpu(2000)),
            {"spec": TWICE},
            (
                f"target cpu 1500m is above the maximum 2 {CAPS}, which holds for the limit that"
                " follows it: admission lowers it to 1"
            ),
        ),
        (range_of(maximum=cpu(3000)), {"spec": TWICE}, None),
        (range_of(maximum=cpu(1000)), {"spec": BARE}, None),
        (
            range_of(maximum=cpu(1000), default=cpu(1000)),
            {"spec": BARE},
            f"target cpu 1500m is above the maximum 1 {CAPS}: admission lowers it to 1",
        ),
        (
            range_of(maximum=cpu(1000)),
            {"spec": ZERO},
            f"target cpu 1500m is above the maximum 1 {CAPS}: admission lowers it to 1",
        ),
        (
            range_of(minimum=cpu(100)),
            {"spec": BARE, "target": ("20m", None)},
            f"target cpu 20m is below the minimum 100m {CAPS}: admission raises it to 100m",
        ),
        (
            range_of(minimum=cpu(100)),
            {"spec": TWICE, "target": ("60m", None)},
            f"target cpu 60m is below the minimum 100m {CAPS}: admission raises it to 100m",
        ),
        (range_of(minimum=cpu(100)), {"spec": BARE, "target": ("100m", None)}, None),
        (
            range_of(maximum=memory(GIB)),
            {
                "spec": spec_of(cpu=None, memory=GIB, limits=(None, GIB)),
                "target": (None, "1536Mi"),
            },
            f"target memory 1.5Gi is above the maximum 1Gi {CAPS}: admission lowers it to 1Gi",
        ),
        (
            range_of(maximum=cpu(1000)),
            {"spec": EQUAL, "policy": ContainerPolicy("app", min_allowed=cpu(1200))},
            (
                f"minAllowed cpu 1200m is above the maximum 1 {CAPS}: its pods are refused; mend one"
                " of the two"
            ),
        ),
        (
            range_of(minimum=cpu(100)),
            {"target": ("50m", None), "policy": ContainerPolicy("app", max_allowed=cpu(50))},
            (
                f"maxAllowed cpu 50m is below the minimum 100m {CAPS}: its pods are refused; mend one"
                " of the two"
            ),
        ),
        (range_of(cpu_ratio=2.0), {"spec": TWICE, "target": ("400m", None)}, None),
        (
            range_of(cpu_ratio=4.0),
            {"spec": TWICE, "target": ("400m", None), "policy": ONLY},
            (
                f"its cpu limit 2 is 5 times the target 400m, above the maxLimitRequestRatio 4 {CAPS}:"
                " its pods are refused; lower the limit, or let it follow (controlledValues:"
                " RequestsAndLimits)"
            ),
        ),
        (range_of(cpu_ratio=4.0), {"spec": TWICE, "target": ("500m", None), "policy": ONLY}, None),
    ],
    ids=[
        "above the maximum",
        "its limit above the maximum",
        "its limit at the maximum",
        "no limit, so nothing is lowered",
        "a default limit",
        "a request of zero",
        "below the minimum",
        "the request counts, not the limit alone",
        "at the minimum",
        "memory",
        "minAllowed above the maximum",
        "maxAllowed below the minimum",
        "a limit that follows keeps its ratio",
        "a limit that stays",
        "a limit that stays at the ratio",
    ],
)
def test_limit_ranges_for_containers(ranges, how, reason):
    expected = () if reason is None else (Conflict("LimitRange", "app", reason),)
    assert conflicts(ranges, **how) == expected


def test_of_several_limit_ranges_the_tightest_counts():
    wide = LimitRange("wide", maximum=cpu(4000))
    (reason,) = said(wide, range_of(maximum=cpu(1000)), spec=EQUAL)
    assert "the maximum 1 of LimitRange shop/caps" in reason


SIDE = spec_of("side", cpu=500, memory=None, limits=(500, None))


@pytest.mark.parametrize(
    ("ranges", "how", "reason"),
    [
        (
            range_of(is_of_pods=True, maximum=cpu(1900)),
            {"spec": EQUAL},
            (
                f"its cpu limits, 2 in all, are above the maximum 1900m {CAPS} for a pod: admission"
                " lowers its targets in proportion"
            ),
        ),
        (range_of(is_of_pods=True, maximum=cpu(2000)), {"spec": EQUAL}, None),
        (
            range_of(is_of_pods=True, minimum=cpu(2001)),
            {"spec": EQUAL},
            (
                f"its cpu requests, 2 in all, are below the minimum 2001m {CAPS} for a pod: admission"
                " raises them in proportion"
            ),
        ),
        (
            range_of(is_of_pods=True, cpu_ratio=2.0),
            {"spec": TWICE, "target": ("400m", None), "policy": ONLY},
            (
                f"its cpu limits, 2500m in all, are 2.8 times its requests, above the"
                f" maxLimitRequestRatio 2 {CAPS} for a pod: its pods are refused; lower the limits"
            ),
        ),
    ],
    ids=["above the maximum", "at the maximum", "below the minimum", "a ratio"],
)
def test_limit_ranges_for_pods_count_all_containers(ranges, how, reason):
    expected = () if reason is None else (Conflict("LimitRange", None, reason),)
    assert conflicts(ranges, others=[SIDE], **how) == expected


def test_a_pod_without_limits_below_the_minimum_is_refused():
    (reason,) = said(range_of(is_of_pods=True, minimum=cpu(2000)), spec=BARE)
    assert reason.endswith("for a pod: its pods are refused")


def quota(**rest):
    return Quota("compute", **rest)


@pytest.mark.parametrize(
    ("found", "how", "reason"),
    [
        (
            quota(requests=cpu(10_000), requests_used=cpu(9000)),
            {},
            (
                "with these targets its 3 pods need 1500m more requests.cpu than now, and"
                " ResourceQuota shop/compute has 1 of 10 left: pods beyond it are refused"
            ),
        ),
        (quota(requests=cpu(10_500), requests_used=cpu(9000)), {}, None),
        (quota(requests=cpu(10_000), requests_used=cpu(9000)), {"replicas": 2}, None),
        (quota(requests=cpu(10_000), requests_used=cpu(12_000)), {"target": ("1", None)}, None),
        (
            quota(requests=cpu(0), requests_used=cpu(0)),
            {},
            (
                "with these targets its 3 pods need 1500m more requests.cpu than now, and"
                " ResourceQuota shop/compute has 0 of 0 left: pods beyond it are refused"
            ),
        ),
        (quota(requests=cpu(10_000)), {}, None),
        (
            quota(limits=cpu(10_000), limits_used=cpu(8000)),
            {"spec": TWICE},
            (
                "with these targets its 3 pods need 3 more limits.cpu than now, and"
                " ResourceQuota shop/compute has 2 of 10 left: pods beyond it are refused"
            ),
        ),
        (quota(limits=cpu(10_000), limits_used=cpu(8000)), {"spec": TWICE, "policy": ONLY}, None),
        (
            quota(requests=memory(4 * GIB), requests_used=memory(4 * GIB)),
            {"spec": spec_of(cpu=None, memory=GIB), "target": (None, "1124Mi")},
            (
                "with these targets its 3 pods need 300Mi more requests.memory than now, and"
                " ResourceQuota shop/compute has 0 of 4Gi left: pods beyond it are refused"
            ),
        ),
    ],
    ids=[
        "more than is left",
        "just as much as is left",
        "fewer pods",
        "no more than now, though the quota is overdrawn",
        "a quota of zero",
        "a quota whose use is not known",
        "limits that follow",
        "limits that stay",
        "memory",
    ],
)
def test_quotas_must_hold_the_change_of_all_replicas(found, how, reason):
    expected = () if reason is None else (Conflict("ResourceQuota", None, reason),)
    assert conflicts(quotas=[found], **how) == expected


def test_a_target_that_is_capped_takes_no_more_of_a_quota_than_the_cap():
    """Capped at the 1000 m that it has: nothing more is needed."""
    found = quota(requests=cpu(3000), requests_used=cpu(3000))
    (only,) = conflicts(range_of(maximum=cpu(1000)), quotas=[found], spec=EQUAL)
    assert only.source == "LimitRange"


def test_a_resource_that_is_not_recommended_has_no_conflict():
    tight = range_of(maximum=memory(MIB))
    spec = spec_of(cpu=1000, memory=GIB, limits=(1000, GIB))
    assert conflicts(tight, spec=spec, target=("500m", None)) == ()


def test_the_report_says_the_conflicts_of_workloads_with_a_vpa_and_keeps_its_numbers():
    usage = usage_of({"app": (ramp(0.1, 0.5), GIB)})
    limits = NamespaceLimits((range_of(maximum=cpu(100)),))
    workload = workload_of(spec_of(limits=(1500, None)))
    plain, _ = size(usage, vpa=vpa_of(), workload=workload)
    report, _ = size(usage, vpa=vpa_of(), workload=workload, limits=limits)
    assert report.containers == plain.containers
    assert [each.source for each in report.conflicts] == ["LimitRange"]
    assert size(usage, workload=workload, limits=limits)[0].conflicts == ()
