"""The decision on a workload: what is recommended, by which rule, and what is skipped and why."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.errors import WorkloadSkipped
from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.settings import SizingSettings
from recommender.sizing.pool import PoolShare
from recommender.units import parse_bytes
from tests.sizing.build import (
    GIB,
    MIB,
    demand_of,
    pool_of,
    ramp,
    size,
    size_app,
    spec_of,
    step_of,
    usage_of,
    vpa_of,
    workload_of,
)

CPU = ramp(0.1, 0.5)  # p93 is 472 m, p90 460 m, p95 480 m
USAGE = usage_of({"app": (CPU, GIB)})
ONLY_CPU = ContainerPolicy("app", controlled=frozenset({"cpu"}))
ONLY_MEMORY = ContainerPolicy("app", controlled=frozenset({"memory"}))
NOTHING = ContainerPolicy("app", controlled=frozenset())


def _millicores(text):
    return int(text.removesuffix("m")) if text.endswith("m") else 1000 * int(text)


def test_standard_work_gets_the_priced_quantile_and_its_peak_of_memory():
    app = size_app(USAGE)
    assert (app.tier, app.basis) == ("T1", "priced quantile")
    assert app.quantile == pytest.approx(0.93)
    assert _millicores(app.recommended.target.cpu) == pytest.approx(472, abs=2)
    assert app.recommended.target.memory == str(math.ceil(1.15 * GIB))
    assert app.price_watts_per_core == pytest.approx(1.4)
    assert app.why == "p93 of 8 d at 1.40 W/core"


def test_the_steps_come_in_the_order_of_decision():
    steps = [reason.step for reason in size_app(USAGE).reasons]
    assert steps == [
        "tier",
        "price",
        "work class",
        "quantile",
        "p93",
        "pattern",
        "pool",
        "ceiling",
        "request",
        "bounds",
        "memory",
    ]


@pytest.mark.parametrize(
    ("name", "quantile"), [("critical", 0.99), ("standard", 0.93), ("batch", 0.90)]
)
def test_the_vpa_names_the_work_class_and_the_setting_stands_in(name, quantile):
    named, _ = size(USAGE, vpa=vpa_of(work_class=name))
    assert (named.work_class, named.containers[0].quantile) == (name, pytest.approx(quantile))
    for vpa in (None, vpa_of(work_class="")):
        by_setting, _ = size(USAGE, vpa=vpa, settings=SizingSettings(work_class=name))
        assert (by_setting.work_class, by_setting.containers[0].quantile) == (
            name,
            pytest.approx(quantile),
        )


def test_the_class_of_the_vpa_beats_the_setting():
    report, _ = size(
        USAGE, vpa=vpa_of(work_class="batch"), settings=SizingSettings(work_class="critical")
    )
    assert report.work_class == "batch"


def test_an_unknown_work_class_is_refused_with_the_known_ones():
    with pytest.raises(WorkloadSkipped, match="'urgent' is none of critical, standard, batch"):
        size(USAGE, vpa=vpa_of(work_class="urgent"))


def test_watts_gain_and_exposure_compare_with_what_the_pods_have():
    app = size_app(USAGE)  # three pods of 1500m
    given_back = 3 * (1.5 - _millicores(app.recommended.target.cpu) / 1000)
    assert app.watts_saved.value == pytest.approx(1.4 * given_back)
    assert (app.watts_saved.low, app.watts_saved.high) == pytest.approx(
        (1.3 * given_back, 1.5 * given_back)
    )
    # Everything is served at 1500m: 0.3 cores for 1.4 x 1.5 + 4 x 0.3 W.
    assert app.efficiency_gain == pytest.approx((2.1 + 1.2) / (1.4 * 0.472 + 1.2), rel=0.01)
    assert app.exposure["current"] == 0.0
    assert app.exposure["recommended"] == pytest.approx(0.07, abs=0.01)


def test_without_a_request_nothing_is_saved_against_it():
    app = size_app(USAGE, workload=workload_of(spec_of(cpu=None, memory=None)), with_curve=True)
    assert (app.watts_saved, app.efficiency_gain) == (None, None)
    assert "current" not in app.exposure
    assert app.current.requests.cpu is None
    assert app.curve


def test_a_limit_alone_is_what_the_scheduler_counts_as_request():
    app = size_app(USAGE, workload=workload_of(spec_of(cpu=None, limits=(1500, None))))
    assert app.current.requests.cpu is None
    assert app.watts_saved.value == pytest.approx(size_app(USAGE).watts_saved.value)


def test_the_curve_is_made_on_demand_and_holds_the_marks():
    assert size_app(USAGE).curve == ()
    app = size_app(USAGE, with_curve=True)
    requests = [point.request_cores for point in app.curve]
    for quantities in (app.current.requests, app.stock.target, app.recommended.target):
        assert _millicores(quantities.cpu) / 1000 in requests
    assert requests == sorted(requests)


# --- less evidence: the stock rule -----------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "gap"),
    [(0.5, "12 h of history, 24 h needed"), (2, "2 d of history, 3 d needed")],
)
def test_short_history_gets_the_stock_rule_exactly_and_no_energy_claim(days, gap):
    app = size_app(usage_of({"app": (0.03, 2.3e8)}, days=days), with_curve=True)
    assert (app.tier, app.basis, app.why) == ("T0", "stock rule", gap)
    # 0.03 cores lie in the bucket that ends at start(3), 230 MB in the one that ends at start(16).
    assert app.recommended.target.cpu == "35m"
    assert app.recommended.target.memory == str(272061154)
    assert app.recommended == app.stock
    assert (app.watts_saved, app.efficiency_gain, app.quantile, app.price_watts_per_core) == (
        None,
    ) * 4
    assert app.curve == ()
    assert step_of(app, "tier").why == f"no energy evidence: {gap}"


def test_one_sample_is_enough_for_the_stock_rule_with_endless_bounds():
    cpu = np.full(8 * 288, math.nan)
    cpu[-1] = 0.03
    app = size_app(usage_of({"app": (cpu, 2.3e8)}))
    assert (app.tier, app.recommended.target.cpu) == ("T0", "35m")
    assert app.recommended.lower_bound.cpu == "25m"  # the floor of a pod
    assert _millicores(app.recommended.upper_bound.cpu) == 10**14


def test_a_wide_price_is_no_energy_evidence():
    app = size_app(USAGE, pool=pool_of(spread=0.6))
    assert app.tier == "T0"
    assert app.why == "a reserved core costs 1.40 W (0.80-2.00), +-30% needed"


def test_without_a_pool_the_stock_rule_decides():
    from recommender.sizing.demand import estimate_demand
    from recommender.sizing.workload import size_workload

    report, _ = size_workload(
        workload_of(), vpa=None, demand=estimate_demand(USAGE), pools=(), settings=SizingSettings()
    )
    assert report.pool is None
    assert (report.containers[0].tier, report.containers[0].why) == (
        "T0",
        "no node of its pool is known",
    )


def test_the_stock_percentile_is_the_setting():
    # Constant but for one bin in twenty: p90 is in the bucket to start(3), p99 in that to start(10).
    cpu = np.where(np.arange(288) % 20 == 0, 0.12, 0.03)
    usage = usage_of({"app": (cpu, 2.3e8)}, days=1)
    assert size_app(usage).stock.target.cpu == "35m"
    app = size_app(usage, settings=SizingSettings(stock_cpu_percentile=0.99))
    assert (app.stock.target.cpu, app.recommended.target.cpu) == ("143m", "143m")
    assert step_of(app, "cpu stock").why.startswith("1.15 x p99 of usage")


def test_modelled_power_is_named_in_the_basis():
    app = size_app(USAGE, pool=pool_of(quality="modelled", spread=1.0))
    assert (app.tier, app.basis) == ("T1", "priced quantile, modelled power")


# --- the pool --------------------------------------------------------------------------------


def test_where_memory_binds_cpu_is_not_cut_for_energy_and_that_is_said():
    app = size_app(USAGE, pool=pool_of(factor=0.0))
    assert app.quantile == 0.95
    assert (app.watts_saved.value, app.watts_saved.high) == (0.0, 0.0)
    assert app.why == "p95 of 8 d at 0 W/core, memory binds"
    assert step_of(app, "quantile").why == "CPU cuts free no node: the greatest of 0.90-0.95"
    assert step_of(app, "binding").value == "x0.00"
    # 1.4 W x 0.7 x 50 cores are the intercept of the node, on which 100 GiB are reserved.
    assert step_of(app, "memory price").value == "0.49 W (0.45-0.52) per reserved GiB"
    assert step_of(app, "stranded").value == "5.0 cores"


def test_a_pool_beyond_its_plan_raises_requests():
    plain = _millicores(size_app(USAGE).recommended.target.cpu)
    crowded = size_app(USAGE, pool=pool_of(utilisation=0.9, planned=0.6))
    assert _millicores(crowded.recommended.target.cpu) == pytest.approx(1.5 * plain, abs=2)
    assert step_of(crowded, "ceiling").value == "x1.50"


# --- policy ----------------------------------------------------------------------------------


def test_an_exact_name_beats_the_star_and_the_two_are_not_merged():
    star = ContainerPolicy("*", min_allowed=Amounts(2000, None), max_allowed=Amounts(3000, None))
    exact = ContainerPolicy("app", max_allowed=Amounts(300, None))
    app = size_app(USAGE, vpa=vpa_of(star, exact))
    assert app.recommended.target.cpu == "300m"
    assert _millicores(app.recommended.uncapped_target.cpu) == pytest.approx(472, abs=2)
    assert app.why == "maxAllowed 300m"
    assert size_app(USAGE, vpa=vpa_of(star)).recommended.target.cpu == "2"


def test_the_stock_column_has_the_same_caps():
    vpa = vpa_of(ContainerPolicy("app", max_allowed=Amounts(300, 500 * MIB)))
    app = size_app(USAGE, vpa=vpa)
    assert (app.stock.target.cpu, app.stock.target.memory) == ("300m", "500Mi")


def test_the_cluster_wide_cap_holds_where_the_vpa_has_none():
    app = size_app(USAGE, settings=SizingSettings(max_cpu=200))
    assert (app.recommended.target.cpu, app.why) == ("200m", "the cluster-wide cap 200m")


def test_with_min_above_max_the_maximum_wins_and_it_is_said():
    policy = ContainerPolicy("app", min_allowed=Amounts(900, None), max_allowed=Amounts(600, None))
    app = size_app(USAGE, vpa=vpa_of(policy))
    assert app.recommended.target.cpu == "600m"
    assert app.why == "minAllowed above maxAllowed"


@pytest.mark.parametrize(
    ("policy", "cpu", "memory"),
    [(ONLY_CPU, True, False), (ONLY_MEMORY, False, True)],
    ids=["cpu", "memory"],
)
def test_only_controlled_resources_are_in_any_of_the_maps(policy, cpu, memory):
    app = size_app(USAGE, vpa=vpa_of(policy))
    for maps in (app.recommended, app.stock):
        for part in (maps.target, maps.lower_bound, maps.upper_bound, maps.uncapped_target):
            assert (part.cpu is not None, part.memory is not None) == (cpu, memory)
    assert (app.watts_saved is not None) == cpu


def test_containers_that_are_off_or_never_seen_are_skipped_with_the_reason():
    usage = usage_of({"app": (CPU, GIB), "proxy": (0.1, GIB), "idle": (math.nan, GIB)})
    workload = workload_of(spec_of("app"), spec_of("proxy"), spec_of("idle"))
    report, skipped = size(
        usage, workload=workload, vpa=vpa_of(ContainerPolicy("proxy", is_off=True))
    )
    assert [each.name for each in report.containers] == ["app"]
    assert {row.container: row.reason for row in skipped} == {
        "proxy": "its VPA policy says mode: Off",
        "idle": "no usage in 8 d",
    }
    assert all((row.namespace, row.name, row.vpa) == ("shop", "web", "web") for row in skipped)


def test_a_container_of_which_nothing_is_controlled_is_skipped():
    report, (row,) = size(USAGE, vpa=vpa_of(NOTHING))
    assert report.containers == ()
    assert row.reason == "its VPA policy controls neither cpu nor memory"


def test_memory_alone_without_a_measurement_is_skipped_with_the_reason():
    _, (row,) = size(usage_of({"app": (CPU, math.nan)}), vpa=vpa_of(ONLY_MEMORY))
    assert row.reason == "no memory usage in 8 d"


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        (USAGE, "no pods now, so its containers are not known"),
        (usage_of({"app": (math.nan, GIB)}), "no pods now and no usage in 8 d"),
    ],
    ids=["seen", "never seen"],
)
def test_a_workload_without_pods_is_skipped(usage, why):
    with pytest.raises(WorkloadSkipped, match=why):
        size(usage, workload=workload_of(containers=()))


def test_containers_that_are_sized_share_the_least_of_their_pod():
    tiny = usage_of({"app": (0.001, MIB), "helper": (0.001, MIB), "proxy": (0.001, MIB)})
    workload = workload_of(spec_of("app"), spec_of("helper"), spec_of("proxy"))
    report, _ = size(tiny, workload=workload)
    assert {each.recommended.target.cpu for each in report.containers} == {"8m"}
    assert {each.recommended.target.memory for each in report.containers} == {"87381333"}
    off, _ = size(tiny, workload=workload, vpa=vpa_of(ContainerPolicy("proxy", is_off=True)))
    assert [each.recommended.target.cpu for each in off.containers] == ["12m", "12m"]
    assert off.containers[0].recommended.target.memory == "125Mi"
    assert off.containers[0].why == "least of a container 12m"


def test_a_limit_that_a_vpa_scales_holds_the_target_at_the_peak():
    """The highest of a ramp from 100 m to 500 m is 499.3 m, its p93 472 m."""
    workload = workload_of(spec_of(cpu=1500, limits=(1500, None)))
    held = size_app(USAGE, workload=workload, vpa=vpa_of())
    assert held.recommended.target.cpu == "500m"
    assert (held.recommended.lower_bound.cpu, held.recommended.upper_bound.cpu) == ("475m", "525m")
    assert held.why == "its limit stays at the peak: 500m"
    assert "would do with controlledValues: RequestsOnly" in step_of(held, "cpu limit floor").why
    kept = ContainerPolicy("app", scales_limits=False)
    for free in (
        size_app(USAGE, workload=workload),
        size_app(USAGE, workload=workload, vpa=vpa_of(kept)),
        size_app(USAGE, vpa=vpa_of()),
    ):
        assert _millicores(free.recommended.target.cpu) == pytest.approx(472, abs=2)
        assert step_of(free, "cpu limit floor") is None


def test_a_limit_of_twice_the_request_leaves_the_target_to_the_price():
    workload = workload_of(spec_of(cpu=1500, limits=(3000, None)))
    app = size_app(USAGE, workload=workload, vpa=vpa_of())
    assert _millicores(app.recommended.target.cpu) == pytest.approx(472, abs=2)


def test_a_cap_that_takes_the_limit_below_the_peak_is_warned_of():
    workload = workload_of(spec_of(cpu=1500, limits=(1500, None)))
    capped = ContainerPolicy("app", max_allowed=Amounts(cpu_millicores=300))
    app = size_app(USAGE, workload=workload, vpa=vpa_of(capped))
    assert app.recommended.target.cpu == "300m"
    warning = step_of(app, "cpu limit")
    assert warning.value == "300m"
    assert "set controlledValues: RequestsOnly" in warning.why


def test_a_peak_beyond_the_present_limit_keeps_the_present_request():
    """What was used under a higher limit is no reason to reserve more than now."""
    workload = workload_of(spec_of(cpu=400, limits=(400, None)))
    app = size_app(
        usage_of({"app": (ramp(0.1, 0.3) + 0.3 * (ramp(0, 1) > 0.95), GIB)}),
        workload=workload,
        vpa=vpa_of(),
    )
    assert app.recommended.target.cpu == "400m"
    assert step_of(app, "cpu limit").value == "400m"


def test_the_limit_moves_a_published_target_that_is_below_what_it_needs():
    workload = workload_of(spec_of(cpu=1500, limits=(1500, None)))
    amounts = {"cpu": "480m", "memory": "2Gi"}
    entry = {
        "containerName": "app",
        "target": amounts,
        "lowerBound": {"cpu": "400m"},
        "upperBound": {"cpu": "600m"},
    }
    status = {"recommendation": {"containerRecommendations": [entry]}}
    app = size_app(USAGE, workload=workload, vpa=vpa_of(status=status))
    assert app.recommended.target.cpu == "500m"
    assert step_of(app, "cpu moved").why == "the published 480m is too little"


# --- several pools, sidecars, injected containers ----------------------------------------------


def _mixed(*shares):
    report, _ = size(
        USAGE,
        pools=tuple(PoolShare(pool_of(name, price=price), pods) for name, price, pods in shares),
    )
    return report


def test_pods_on_unlike_pools_are_priced_by_the_mix_and_it_is_said():
    """8 pods at 1.4 W and 2 at 0.4 W: 1.2 W, and 1 - 1.2/20 is 0.94."""
    report = _mixed(("epyc-7763", 1.4, 8), ("xeon", 0.4, 2))
    (app,) = report.containers
    assert report.pool == "epyc-7763"
    assert app.price_watts_per_core == pytest.approx(1.2)
    assert app.quantile == pytest.approx(0.94)
    price = step_of(app, "price")
    assert price.value == "1.20 W (1.10-1.30) per reserved core"
    assert price.why == (
        "mean over its pods: 1.40 W/core on epyc-7763 (8 pods), 0.40 W/core on xeon (2 pods)"
    )
    assert app.why == "p94 of 8 d at 1.20 W/core over 2 pools"


def test_a_pool_of_the_mix_where_memory_binds_counts_as_far_as_it_frees_nodes():
    shares = (PoolShare(pool_of("a", price=2.0), 1), PoolShare(pool_of("b", factor=0.0), 1))
    (app,) = size(USAGE, pools=shares)[0].containers
    assert app.price_watts_per_core == pytest.approx(1.0)
    assert step_of(app, "binding").value == "x0.00 on b"
    assert step_of(app, "price").why.endswith("2.00 W/core on a (1 pod), 0.00 W/core on b (1 pod)")


def test_one_modelled_pool_makes_the_mix_modelled():
    shares = (PoolShare(pool_of("a"), 9), PoolShare(pool_of("b", quality="modelled"), 1))
    (app,) = size(USAGE, pools=shares)[0].containers
    assert app.basis == "priced quantile, modelled power"


def test_sidecars_and_injected_containers_are_left_out_on_purpose_with_the_reason():
    usage = usage_of(dict.fromkeys(("app", "proxy", "agent"), (CPU, GIB)))
    workload = workload_of(
        spec_of("app"), replace(spec_of("proxy"), is_injected=True), sidecars=("agent",)
    )
    report, skipped = size(usage, workload=workload, vpa=vpa_of())
    assert [each.name for each in report.containers] == ["app"]
    assert [(row.container, row.is_deliberate) for row in skipped] == [
        ("agent", True),
        ("proxy", True),
    ]
    assert "native sidecar" in skipped[0].reason
    assert "annotation vpaObservedContainers" in skipped[1].reason
    assert (
        report.containers[0].recommended.target.memory == size_app(USAGE).recommended.target.memory
    )


def test_a_container_that_its_template_does_not_have_is_sized_and_marked():
    usage = usage_of(dict.fromkeys(("app", "mesh"), (CPU, GIB)))
    workload = workload_of(spec_of("app"), replace(spec_of("mesh"), in_template=False))
    report, _ = size(usage, workload=workload)
    assert [(each.name, each.in_template) for each in report.containers] == [
        ("app", True),
        ("mesh", False),
    ]


# --- HPA, kills, missing memory --------------------------------------------------------------


def test_an_hpa_on_cpu_keeps_the_request_and_memory_is_sized():
    report, _ = size(USAGE, workload=workload_of(hpa_on_cpu="web-hpa"), with_curve=True)
    (app,) = report.containers
    assert report.hpa == "web-hpa"
    assert app.recommended.target.cpu == app.recommended.lower_bound.cpu == "1500m"
    assert app.recommended.upper_bound.cpu == "1500m"
    assert app.recommended.target.memory == str(math.ceil(1.15 * GIB))
    assert (app.basis, app.why) == ("cpu kept for its HPA", "HPA web-hpa scales on CPU: cpu kept")
    assert (app.watts_saved, app.curve) == (None, ())


def test_a_request_kept_for_an_hpa_is_not_raised_to_the_floor_of_a_pod():
    workload = workload_of(spec_of(cpu=5), hpa_on_cpu="web-hpa")
    assert size_app(USAGE, workload=workload).recommended.target.cpu == "5m"


def test_an_hpa_without_a_request_leaves_cpu_out():
    workload = workload_of(spec_of(cpu=None), hpa_on_cpu="web-hpa")
    app = size_app(USAGE, workload=workload)
    assert app.recommended.target.cpu is None
    assert app.recommended.target.memory is not None
    assert app.why.startswith("memory only: HPA web-hpa scales on CPU")


def test_without_memory_history_cpu_is_still_sized():
    app = size_app(usage_of({"app": (CPU, math.nan)}))
    assert _millicores(app.recommended.target.cpu) == pytest.approx(472, abs=2)
    assert app.recommended.target.memory is None
    assert app.usage.memory_peak_bytes is None
    assert step_of(app, "memory").why == "no memory usage in 8 d"


def _published(memory=("1000Mi", "1Gi", "1100Mi"), cpu=("400m", "470m", "500m")):
    parts = dict(
        zip(("lowerBound", "target", "upperBound"), zip(cpu, memory, strict=True), strict=True)
    )
    entry = {key: {"cpu": one, "memory": other} for key, (one, other) in parts.items()}
    return {"recommendation": {"containerRecommendations": [{"containerName": "app", **entry}]}}


def test_without_memory_history_the_published_memory_stays():
    app = size_app(usage_of({"app": (CPU, math.nan)}), vpa=vpa_of(status=_published()))
    assert app.recommended.target.memory == "1Gi"
    assert app.recommended.lower_bound.memory == "1000Mi"
    assert step_of(app, "memory kept") is not None


def test_an_unreadable_previous_recommendation_is_ignored_and_said():
    vpa = vpa_of(status=_published(cpu=("400m", "lots", "500m")))
    app = size_app(USAGE, vpa=vpa)
    assert app.recommended.target == size_app(USAGE).recommended.target
    assert "'lots' is not a Kubernetes quantity" in step_of(app, "previous").why


def test_the_published_target_stays_while_the_optimum_is_in_its_bounds():
    app = size_app(USAGE, vpa=vpa_of(status=_published(memory=("1Gi", "1200Mi", "1300Mi"))))
    assert (app.recommended.target.cpu, app.recommended.lower_bound.cpu) == ("470m", "400m")
    assert app.recommended.target.memory == "1200Mi"
    assert "nothing is changed" in step_of(app, "cpu kept").why


@pytest.mark.parametrize("days", [8, 2], ids=["T1", "T0"])
def test_a_kill_at_the_published_target_moves_it_whatever_its_bounds(days):
    """Killed at 2 GiB, with bounds as wide as the stock rule's of the first days."""
    usage = usage_of({"app": (np.resize(CPU, days * 288), GIB)}, days=days)
    vpa = vpa_of(status=_published(memory=("1Gi", "2Gi", "64Gi")))
    killed = workload_of(spec_of(memory=2 * GIB, oom_killed=True))
    app = size_app(usage, workload=killed, vpa=vpa)
    assert parse_bytes(app.recommended.target.memory) >= math.floor(2.4 * GIB)
    assert "at least x1.2" in step_of(app, "oom").why


def test_the_stock_rule_of_many_pods_does_not_pass_over_the_kill_of_one():
    memory = np.full((20, 2 * 288), 100 * MIB, dtype=float)
    usage = usage_of({"app": (np.full((20, 2 * 288), 0.1), memory)}, days=2)
    app = size_app(usage, workload=workload_of(spec_of(memory=400 * MIB, oom_killed=True)))
    assert app.tier == "T0"
    assert app.recommended.target.memory == "500Mi"


def test_usage_is_reported_as_measured():
    usage = size_app(USAGE).usage
    seen = demand_of(CPU)
    assert usage.mean_cores == pytest.approx(0.3, rel=1e-3)
    assert usage.p90_cores == pytest.approx(0.46, rel=0.002)
    assert usage.memory_peak_bytes == GIB
    assert (usage.days, usage.samples, usage.present_share) == (8.0, seen.samples, 1.0)
