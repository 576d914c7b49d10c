"""A workload under an HPA on CPU, from its work and its use to requests that stay.

The HPA holds 60 %; a replica uses 0.11 + 0.78 w + 0.11 w^2 cores at w requests a second. On the
plain server (4 W for a used core, 1.4 W for a reserved one, CPU binds) its best rate is 1/s and it
uses 1 core there, so the best request is 1 / 0.6 cores = 1667m.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.cluster.profile_status import build_profile_status
from recommender.cluster.status import build_status, status_differs
from recommender.model.cluster import Amounts, ContainerPolicy, CpuScaler
from recommender.model.profile import MetricSelector, Profile, WorkMetric
from recommender.model.work import WorkEvidence, WorkRate
from recommender.sizing.workcurve import WorkCurve
from recommender.units import parse_millicores
from tests.sizing.build import GIB, pool_of, size, spec_of, step_of, usage_of, vpa_of, workload_of

NOW = "2026-05-01T12:00:00Z"
BENT = WorkCurve(0.11, 0.78, 0.11)
METRIC = WorkMetric(MetricSelector("http_requests_total"), "requests")
SCALER = CpuScaler(0.6, least=4, most=40)
PROFILE = Profile(1, work_metric=METRIC)
DAYS = 8
BINS = DAYS * 288
DEMAND = 8.0 + 6.0 * np.sin(np.arange(BINS) * 2 * np.pi / 288)  # 2 to 14 requests a second
NAN = float("nan")


def hpa_loop(request, *, demand=DEMAND, curve=BENT, tau=0.6, least=4, most=40):
    """Replicas and their work rate as an HPA makes them that acts on the bin before.

    At night its least replicas have little to do, which is what shows the curve.
    """
    replicas, pods = [], least
    for work in demand:
        replicas.append(pods)
        used = pods * curve.cores(work / pods)
        if abs(used / (pods * request) / tau - 1) > 0.1:  # the HPA's tolerance
            pods = min(max(math.ceil(used / request / tau), least), most)
    return np.array(replicas), demand / np.array(replicas)


def history_of(replicas, **cores):
    """Usage of as many pods a bin, each container's cores [T] alike in all of them."""
    rows = {}
    for name, each in cores.items():
        matrix = np.full((replicas.max(), len(replicas)), NAN, dtype=np.float32)
        for index in range(replicas.max()):
            matrix[index, replicas > index] = each[replicas > index]
        rows[name] = (matrix, GIB)
    return usage_of(rows, days=len(replicas) / 288)


def evidence_of(demand=DEMAND, **changes):
    return WorkEvidence(replace(WorkRate(demand, 3, 3), **changes))


PAST, RATE = hpa_loop(3.5)
USAGE = history_of(PAST, app=BENT.cores(RATE))


def web(*specs, scaler=SCALER, **changes):
    return workload_of(*specs, hpa_on_cpu="web-hpa", scaler=scaler, **changes)


def run(usage=USAGE, *, workload=None, vpa=None, work=None, **more):
    return size(
        usage,
        workload=workload or web(),
        vpa=vpa or vpa_of(profile=PROFILE),
        work=work or evidence_of(),
        **more,
    )


def app_of(*args, **more):
    (app,) = run(*args, **more)[0].containers
    return app


def millicores(text):
    return parse_millicores(text)


def test_the_request_is_what_the_hpa_holds_at_the_best_rate():
    app = app_of()
    assert millicores(app.recommended.target.cpu) == pytest.approx(1667, abs=2)
    assert app.basis == "work per joule of a replica"
    assert app.why == "best at 1 requests/s a replica, HPA at 60 %"
    assert app.quantile is None
    assert set(app.exposure) == {"current"}


def test_the_bounds_are_the_sizes_that_cost_at_most_two_percent_more():
    """0.22 of the energy is idle and bend: ((f + 1/f) / 2 - 1) 0.22 = 0.02 at f = 1.53."""
    app = app_of()
    factor = 1 + 0.02 / 0.22
    ends = [factor - math.sqrt(factor**2 - 1), factor + math.sqrt(factor**2 - 1)]
    expected = [1000 * BENT.cores(rate) / 0.6 for rate in ends]
    found = [
        millicores(end.cpu) for end in (app.recommended.lower_bound, app.recommended.upper_bound)
    ]
    assert found == pytest.approx(expected, rel=0.01)


def test_the_watts_are_those_of_the_same_work():
    """At 1500m it holds 0.9 cores: w solves 0.11 + 0.78 w + 0.11 w^2 = 0.9; 8 requests a second."""
    app = app_of(workload=web(spec_of(cpu=800)))
    per_core = 4.0 + 1.4 / 0.6
    rate = BENT.rate(0.6 * 0.8)
    expected = 8.0 * per_core * (BENT.cores(rate) / rate - 1.0)
    assert app.watts_saved.value == pytest.approx(expected, rel=0.01)
    assert app.watts_saved.low <= app.watts_saved.value <= app.watts_saved.high
    assert app.efficiency_gain == pytest.approx(BENT.cores(rate) / rate, rel=0.001)


def test_without_a_request_of_now_no_watts_are_known():
    one = replace(SCALER, container="app")
    app = app_of(workload=web(spec_of(cpu=None), scaler=one))
    assert millicores(app.recommended.target.cpu) == pytest.approx(1667, abs=2)
    assert (app.watts_saved, app.efficiency_gain) == (None, None)


def test_a_limit_that_follows_its_request_moves_with_it_and_is_not_held_at_the_peak():
    workload = web(spec_of(cpu=4000, limits=(5000, None)))
    app = app_of(workload=workload)
    assert millicores(app.recommended.target.cpu) == pytest.approx(1667, abs=2)
    assert step_of(app, "cpu limit") is None


def test_policy_and_floors_hold():
    capped = vpa_of(ContainerPolicy("app", max_allowed=Amounts(1000, None)), profile=PROFILE)
    app = app_of(vpa=capped)
    assert app.recommended.target.cpu == "1"
    assert app.recommended.uncapped_target.cpu == "1667m"
    assert app.why == "maxAllowed 1"


def test_where_memory_binds_replicas_are_larger():
    plain = millicores(app_of().recommended.target.cpu)
    assert millicores(app_of(pool=pool_of(factor=0.0)).recommended.target.cpu) > plain


# --- several containers ----------------------------------------------------------------------

LOG = 0.1 + 0.05 * RATE
BOTH = history_of(PAST, app=BENT.cores(RATE), log=LOG)
TWO = (spec_of("app", memory=GIB), spec_of("log", cpu=200, memory=GIB))


def test_of_a_pod_all_containers_are_sized_at_one_rate():
    """0.21 idle: sqrt(0.21 / 0.11) = 1.382/s; there app uses 1.398 and log 0.169 cores."""
    report, skipped = run(BOTH, workload=web(*TWO))
    rate = math.sqrt(0.21 / 0.11)
    expected = [BENT.cores(rate), 0.1 + 0.05 * rate]
    found = [millicores(each.recommended.target.cpu) / 1000 for each in report.containers]
    assert found == pytest.approx([cores / 0.6 for cores in expected], rel=0.01)
    assert not skipped
    assert step_of(report.containers[0], "work curve log").value.startswith("0.1 + 0.05 w")


def test_an_hpa_that_looks_at_one_container_keeps_the_others():
    report, _ = run(BOTH, workload=web(*TWO, scaler=replace(SCALER, container="app")))
    app, log = report.containers
    # Idle: 6.3333 x 0.11 of app, 4 x 0.1 of log, and 1.4 x 0.2 that log has requested.
    rate = math.sqrt((6.3333 * 0.11 + 0.4 + 0.28) / (6.3333 * 0.11))
    assert millicores(app.recommended.target.cpu) / 1000 == pytest.approx(
        BENT.cores(rate) / 0.6, rel=0.01
    )
    assert (log.recommended.target.cpu, log.basis) == ("200m", "cpu kept for its HPA")


def test_a_container_that_is_switched_off_keeps_its_share_of_what_the_hpa_holds():
    off = vpa_of(ContainerPolicy("log", is_off=True), profile=PROFILE)
    report, skipped = run(BOTH, workload=web(*TWO), vpa=off)
    (app,) = report.containers
    rate = math.sqrt(0.21 / 0.11)
    whole = (BENT.cores(rate) + 0.1 + 0.05 * rate) / 0.6
    assert millicores(app.recommended.target.cpu) / 1000 == pytest.approx(whole - 0.2, rel=0.01)
    assert [row.container for row in skipped] == ["log"]


# --- gates -----------------------------------------------------------------------------------

STRAIGHT = history_of(PAST, app=0.11 + 0.9 * RATE)
FREE = history_of(PAST, app=0.78 * RATE + 0.11 * RATE**2)
STEADY, STEADY_RATE = hpa_loop(3.5, demand=np.full(BINS, 8.0))


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        ({"vpa": vpa_of()}, "no work metric: with one in an EnergyProfile (spec.workMetric)"),
        ({"work": WorkEvidence(failure="the store is down")}, "was not read: the store is down"),
        ({"work": evidence_of(np.full(BINS, NAN))}, "http_requests_total has too few samples"),
        ({"workload": web(scaler=None)}, "what it holds CPU at is not known"),
        ({"workload": web(scaler=CpuScaler(None, most=9))}, "it holds an amount of cores"),
        ({"workload": web(scaler=replace(SCALER, is_alone=False))}, "other metrics decide"),
        ({"workload": web(scaler=replace(SCALER, most=0))}, "its most replicas are not known"),
        ({"workload": web(scaler=replace(SCALER, container="x"))}, "looks at container x, which"),
        ({"workload": web(sidecars=("mesh",))}, "native sidecar mesh counts in it"),
        ({"workload": web(spec_of(cpu=None, limits=(900, None)))}, "container app has no CPU"),
        ({"pools": ()}, "no energy evidence: no node of its pool is known"),
        (
            {"work": evidence_of(np.where(np.arange(BINS) < 400, DEMAND, NAN))},
            "in 400 five-minute windows of 2 days, 500 of 3 needed",
        ),
        (
            {
                "usage": history_of(STEADY, app=BENT.cores(STEADY_RATE)),
                "work": evidence_of(np.full(BINS, 8.0)),
            },
            "a range of 1.5 needed",
        ),
        ({"usage": STRAIGHT}, "its use does not grow faster than its work (0.11 + 0.9 w cores)"),
        ({"usage": FREE}, "a replica costs nothing for being there"),
        (
            {"workload": web(scaler=replace(SCALER, most=10))},
            "at 1 requests/s each the peak of 14 requests/s needs 14 replicas, and it allows 10",
        ),
        (
            {"workload": web(scaler=replace(SCALER, least=9))},
            "at 1 requests/s each the mean of 8 requests/s needs 8.0 replicas",
        ),
        (
            {"usage": history_of(PAST, app=WorkCurve(0.9, 0.5, 0.05).cores(RATE))},
            "a replica would do best at 4.24 requests/s, and only",
        ),
    ],
)
def test_where_something_is_missing_the_request_is_kept_and_it_says_what(changes, gap):
    usage = changes.pop("usage", USAGE) if "usage" in changes else USAGE
    app = app_of(usage, **changes)
    (spec,) = changes.get("workload", web()).containers
    kept = spec.requests.cpu_millicores or spec.limits.cpu_millicores
    assert millicores(app.recommended.target.cpu) == kept
    assert app.basis == "cpu kept for its HPA"
    step = step_of(app, "replicas")
    assert step.value == "not sized"
    assert gap in step.why


def test_days_that_tell_nothing_alike_keep_the_request():
    """Each hour uses a fifth less or more: the bend is what these make of it."""
    noise = np.repeat(np.random.default_rng(0).lognormal(0.0, 0.2, DAYS * 24), 12)
    app = app_of(history_of(PAST, app=BENT.cores(RATE) * noise))
    assert "days drawn anew" in step_of(app, "replicas").why


# --- the loop --------------------------------------------------------------------------------


def published(report, vpa, workload):
    """VPA and workload after the status was written, the profile with it, and pods updated."""
    status = build_status(vpa, report, (), now=NOW)
    profile = build_profile_status(vpa, vpa.profile, report, status, now=NOW)
    cpu = {each.name: each.recommended.target.cpu for each in report.containers}
    specs = [
        replace(spec, requests=Amounts(millicores(cpu[spec.name]), spec.requests.memory_bytes))
        for spec in workload.containers
    ]
    updated = replace(vpa, status=status, profile=replace(vpa.profile, status=profile))
    return updated, replace(workload, containers=tuple(specs))


def test_applied_to_its_own_result_nothing_moves_through_the_hpas_own_answer():
    """Pods have the new request, the HPA makes other replicas, and these show another use."""
    workload, vpa = web(), vpa_of(profile=PROFILE)
    report, _ = run(workload=workload, vpa=vpa)
    vpa, workload = published(report, vpa, workload)
    again, _ = run(workload=workload, vpa=vpa)
    assert not status_differs(vpa.status, build_status(vpa, again, (), now=NOW))
    request = workload.containers[0].requests.cpu_millicores / 1000
    replicas, rate = hpa_loop(request)
    usage = history_of(replicas, app=BENT.cores(rate))
    settled, _ = run(usage, workload=workload, vpa=vpa)
    assert not status_differs(vpa.status, build_status(vpa, settled, (), now=NOW))
    fresh, _ = run(usage, workload=workload, vpa=vpa_of(profile=PROFILE))  # nothing remembered
    found = millicores(fresh.containers[0].recommended.target.cpu)
    assert found == pytest.approx(1000 * request, abs=2)


def test_what_was_found_is_held_while_the_work_cannot_be_read():
    workload, vpa = web(), vpa_of(profile=PROFILE)
    report, _ = run(workload=workload, vpa=vpa)
    vpa, _ = published(report, vpa, workload)
    down = WorkEvidence(failure="the store is down")
    held, _ = run(workload=workload, vpa=vpa, work=down)  # the pods have 1500m still
    assert not status_differs(vpa.status, build_status(vpa, held, (), now=NOW))
    assert held.containers[0].basis == "work per joule of a replica"
    vpa, _ = published(held, vpa, workload)
    later, _ = run(workload=workload, vpa=vpa, work=down)
    assert later.containers[0].recommended == held.containers[0].recommended


def test_a_target_from_before_the_hpa_is_not_held():
    plain, _ = size(USAGE, vpa=vpa_of(profile=PROFILE))
    vpa, _ = published(plain, vpa_of(profile=PROFILE), workload_of())
    app = app_of(vpa=vpa, work=WorkEvidence(failure="the store is down"))
    assert app.recommended.target.cpu == "1500m"


@settings(max_examples=12, deadline=None)
@given(
    st.floats(0.02, 0.5),
    st.floats(0.1, 2.0),
    st.floats(0.02, 0.5),
    st.sampled_from([0.0, 1.4, 8.0]),
    st.sampled_from([0.0, 1.0]),
    st.floats(0.5, 0.9),
)
def test_bounds_are_in_order_and_a_second_run_writes_nothing(
    idle, linear, bend, price, factor, tau
):
    curve = WorkCurve(idle, linear, bend)
    replicas, rate = hpa_loop(3.5, curve=curve, tau=tau)
    usage = history_of(replicas, app=curve.cores(rate))
    workload = web(scaler=CpuScaler(tau, least=1, most=1000))
    vpa, pool = vpa_of(profile=PROFILE), pool_of(price=price, factor=factor)
    report, _ = run(usage, workload=workload, vpa=vpa, pool=pool)
    bands = report.containers[0].recommended
    lower, target, upper = (
        millicores(each.cpu) for each in (bands.lower_bound, bands.target, bands.upper_bound)
    )
    assert 0 < lower <= target <= upper
    vpa, workload = published(report, vpa, workload)
    again, _ = run(usage, workload=workload, vpa=vpa, pool=pool)
    assert not status_differs(vpa.status, build_status(vpa, again, (), now=NOW))
