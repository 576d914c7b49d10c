"""What holds for every usage and every policy, through the status that is really written."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.cluster.status import build_status, status_differs
from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.settings import SizingSettings
from recommender.sizing.band import cap
from recommender.sizing.policy import scale_limit
from recommender.units import parse_bytes, parse_millicores
from tests.sizing.build import GIB, MIB, pool_of, size, spec_of, usage_of, vpa_of, workload_of

NOW = "2026-05-01T12:00:00Z"
PARSE = {"cpu": parse_millicores, "memory": parse_bytes}


def _maybe(strategy):
    return st.none() | strategy


MILLICORES = st.sampled_from([0, 1, 10, 25, 200, 411, 1000, 5000])
BYTES = st.sampled_from([0, 1, 100 * MIB, 250 * MIB, 3 * GIB, 3 * GIB + 1])
AMOUNTS = st.builds(Amounts, _maybe(MILLICORES), _maybe(BYTES))


@st.composite
def _policies(draw):
    """Off, one or no resource controlled, zero quantities and contradictions included."""
    return ContainerPolicy(
        container=draw(st.sampled_from(["app", "*"])),
        is_off=draw(st.sampled_from([False] * 4 + [True])),
        min_allowed=draw(AMOUNTS),
        max_allowed=draw(AMOUNTS),
        controlled=draw(
            st.sampled_from(
                [frozenset({"cpu", "memory"})] * 3
                + [frozenset({"cpu"}), frozenset({"memory"}), frozenset()]
            )
        ),
        scales_limits=draw(st.booleans()),
    )


@st.composite
def _usages(draw):
    """One or two pods for hours to days: rhythm, noise, gaps, no memory, a kill."""
    days = draw(st.sampled_from([1 / 288, 0.5, 2.0, 4.0]))
    bins = round(days * 288)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    mean = draw(st.sampled_from([0.0, 0.0003, 0.02, 0.7, 40.0]))
    cpu = mean * rng.lognormal(0.0, draw(st.sampled_from([0.0, 0.5, 2.0])), (2, bins))
    cpu[rng.random((2, bins)) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = math.nan
    memory = draw(st.sampled_from([math.nan, 5 * MIB, 2 * GIB])) * rng.uniform(0.5, 1.0, (2, bins))
    oom_bytes = draw(st.sampled_from([math.nan, math.nan, 1 * GIB]))
    return usage_of({"app": (cpu, memory)}, days=days, oom_bytes=oom_bytes)


@st.composite
def _workloads(draw):
    spec = spec_of(
        cpu=draw(_maybe(st.sampled_from([5, 300, 4000]))),
        memory=draw(_maybe(st.sampled_from([50 * MIB, 2 * GIB]))),
        limits=(
            draw(_maybe(st.sampled_from([4000, 6000]))),
            draw(_maybe(st.sampled_from([2 * GIB, 4 * GIB]))),
        ),
        oom_killed=draw(st.booleans()),
    )
    return workload_of(spec, hpa_on_cpu=draw(st.sampled_from(["", "", "", "web-hpa"])))


SETTINGS = st.builds(
    SizingSettings,
    max_cpu=st.sampled_from([0, 0, 100]),
    max_memory=st.sampled_from([0, 0, 500 * MIB]),
    pod_min_cpu=st.sampled_from([0, 25]),
    work_class=st.sampled_from(["critical", "standard", "batch"]),
)
POOLS = st.builds(
    pool_of,
    price=st.sampled_from([0.0, 0.01, 1.4, 30.0]),
    factor=st.sampled_from([0.0, 0.5, 1.0]),
    utilisation=st.sampled_from([0.3, 0.95]),
    quality=st.sampled_from(["measured", "modelled"]),
)


def _bands(container):
    """Lower bound, target, upper bound and uncapped target as numbers, by resource."""
    maps = container.recommended
    parts = (maps.lower_bound, maps.target, maps.upper_bound, maps.uncapped_target)
    return {
        name: [parse(getattr(part, name)) for part in parts]
        for name, parse in PARSE.items()
        if getattr(maps.target, name) is not None
    }


def _published(container):
    """Without the uncapped target: under an HPA that is what the pods have."""
    return {name: band[:3] for name, band in _bands(container).items()}


def _caps(policy, settings_, name):
    index = ("cpu_millicores", "memory_bytes")[name == "memory"]
    everywhere = (settings_.max_cpu, settings_.max_memory)[name == "memory"]
    low, high = getattr(policy.min_allowed, index), getattr(policy.max_allowed, index)
    return low or None, high or everywhere or None


def _updated(workload, containers, *, scales_limits, oom_killed):
    """The workload once its pods have the targets of these reports, and the limits that VPA's
    admission controller computes for them, rounded down."""
    (spec,) = workload.containers
    for container in containers:
        bands = _bands(container)
        limits = {name: scale_limit(name, spec, target=band[1]) for name, band in bands.items()}
        limits = {name: int(limit) for name, limit in limits.items() if limit and scales_limits}
        requests = Amounts(
            bands["cpu"][1] if "cpu" in bands else spec.requests.cpu_millicores,
            bands["memory"][1] if "memory" in bands else spec.requests.memory_bytes,
        )
        kept = Amounts(
            limits.get("cpu", spec.limits.cpu_millicores),
            limits.get("memory", spec.limits.memory_bytes),
        )
        spec = replace(spec, requests=requests, limits=kept)
    return replace(workload, containers=(replace(spec, oom_killed=oom_killed),))


@settings(max_examples=150)
@given(_usages(), _policies(), _workloads(), POOLS, SETTINGS)
def test_bounds_hold_the_target_within_the_caps_for_controlled_resources(
    usage, policy, workload, pool, chosen
):
    vpa = vpa_of(policy)
    report, skipped = size(usage, vpa=vpa, workload=workload, pool=pool, settings=chosen)
    assert len(report.containers) + len(skipped) == 1
    assert all(row.reason for row in skipped)
    for container in report.containers:
        bands = _bands(container)
        assert bands
        assert set(bands) <= policy.controlled
        for name, (lower, target, upper, uncapped) in bands.items():
            minimum, maximum = _caps(policy, chosen, name)
            assert 0 < lower <= target <= upper
            assert target == cap(uncapped, minimum, maximum)
            assert maximum is None or upper <= maximum
            assert all(reason.why for reason in container.reasons)


@settings(max_examples=150)
@given(_usages(), _policies(), _workloads(), POOLS, SETTINGS)
def test_a_second_run_writes_nothing_whether_or_not_pods_have_been_updated(
    usage, policy, workload, pool, chosen
):
    def run(vpa, workload):
        report, skipped = size(usage, vpa=vpa, workload=workload, pool=pool, settings=chosen)
        status = build_status(vpa, report, skipped, now=NOW)
        return report.containers, replace(vpa, status=status)

    first, written = run(vpa_of(policy), workload)
    again, rewritten = run(written, workload)
    assert [_bands(each) for each in again] == [_bands(each) for each in first]
    assert not status_differs(written.status, rewritten.status)
    if workload.containers[0].oom_killed:
        return  # what becomes of kills is below
    scales_limits = policy.scales_limits
    updated = _updated(workload, first, scales_limits=scales_limits, oom_killed=False)
    settled, _ = run(written, updated)
    assert [_published(each) for each in settled] == [_published(each) for each in first]


@settings(max_examples=150)
@given(_usages(), _policies(), _workloads(), POOLS, SETTINGS)
def test_a_limit_that_follows_its_request_stays_at_the_peak_or_is_warned_of_and_costs_no_more(
    usage, policy, workload, pool, chosen
):
    """Without scaling the target may be lower; for its limit's sake it is raised to what the pods
    have now at most."""
    (spec,) = workload.containers
    report, _ = size(usage, vpa=vpa_of(policy), workload=workload, pool=pool, settings=chosen)
    bare = replace(policy, scales_limits=False)
    free, _ = size(usage, vpa=vpa_of(bare), workload=workload, pool=pool, settings=chosen)
    for container, unscaled in zip(report.containers, free.containers, strict=True):
        peaks = {
            "cpu": container.usage.max_cores * 1000,
            "memory": container.usage.memory_peak_bytes,
        }
        warned = {reason.step for reason in container.reasons}
        for name, (_, target, _, _) in _bands(container).items():
            now = _present(spec, name)
            assert target <= max(_bands(unscaled)[name][1], now)
            limit = scale_limit(name, spec, target=target)
            if vpa_of(policy).policy("app").scales_limits and limit and peaks[name]:
                is_below = limit < peaks[name] - 1.001
                assert (f"{name} limit" in warned) >= is_below


def _present(spec, name):
    """The request, else the limit, else nothing."""
    index = ("cpu_millicores", "memory_bytes")[name == "memory"]
    return getattr(spec.requests, index) or getattr(spec.limits, index) or 0


@settings(max_examples=60)
@given(_usages(), _policies(), POOLS, SETTINGS)
def test_a_kill_that_is_seen_for_good_does_not_raise_memory_without_end(
    usage, policy, pool, chosen
):
    """Pods that are resized in place go on to show their last kill; each loop they have what was
    published in the last."""
    workload, vpa, targets = workload_of(spec_of(memory=None, oom_killed=True)), vpa_of(policy), []
    for _ in range(4):
        report, skipped = size(usage, vpa=vpa, workload=workload, pool=pool, settings=chosen)
        vpa = replace(vpa, status=build_status(vpa, report, skipped, now=NOW))
        workload = _updated(workload, report.containers, scales_limits=True, oom_killed=True)
        targets.append([_bands(each) for each in report.containers])
    assert targets[3] == targets[2]


@settings(max_examples=60)
@given(_usages(), _usages(), _policies(), POOLS)
def test_a_target_moves_only_out_of_its_published_band_or_for_a_reason_that_is_said(
    before, after, policy, pool
):
    published, _ = size(before, vpa=vpa_of(policy), pool=pool)
    status = build_status(vpa_of(policy), published, (), now=NOW)
    report, _ = size(after, vpa=vpa_of(policy, status=status), pool=pool)
    old = {each.name: _bands(each) for each in published.containers}
    for container in report.containers:
        steps = {reason.step for reason in container.reasons}
        for name, (_, target, _, _) in _bands(container).items():
            if name in old.get(container.name, {}) and target != old[container.name][name][1]:
                assert f"{name} moved" in steps
