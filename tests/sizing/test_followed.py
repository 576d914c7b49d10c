"""Every number of a recommendation follows, to its last digit, from what `explain` prints."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.report.assembly import assemble_report
from recommender.report.explain import format_explanation
from recommender.simulator import simulate
from recommender.units import format_millicores, parse_bytes, parse_millicores
from tests.sizing.arithmetic import check_equation, work_out
from tests.sizing.build import (
    GIB,
    pool_of,
    size,
    usage_of,
    vpa_of,
)
from tests.sizing.test_scaled import (
    BENT,
    BOTH,
    PAST,
    PROFILE,
    RATE,
    TWO,
    evidence_of,
    history_of,
    web,
)

RECORDING = simulate(end=86400 * 20_000, days=1, seed=1)


def explained(report):
    """The steps that are printed for each container: step -> (value, why), and the first line."""
    whole = assemble_report(RECORDING, (), [report], [])
    lines = format_explanation(whole, report, width=None, is_terminal=False).splitlines()
    containers = []
    for line in lines:
        head = re.match(r"\S+, container \S+: (.*)", line)
        if head:
            containers.append((head[1], {}))
        elif line.startswith("  ") and containers:
            cells = re.split(r"\s{2,}", line.strip(), maxsplit=2)
            if len(cells) == 3:
                containers[-1][1].setdefault(cells[0], (cells[1], cells[2]))
    return containers


def only(report):
    ((head, steps),) = explained(report)
    return head, steps, report.containers[0].recommended


def whole_millicores(cores):
    """The least whole number of millicores that holds so many cores."""
    return max(1, math.ceil(round(cores * 1000, 6)))


def range_of(text, pattern):
    return [
        parse_millicores(end) for end in re.search(pattern + r" (\S+?)-(\S+?)[,:]", text).groups()
    ]


def check_bounds(steps, request, recommended, unbounded=r"within \S+ of its energy"):
    """Union of both ranges and five percent about the request."""
    value, why = steps["bounds"]
    resampled, indifferent = range_of(why, "days resampled"), range_of(why, unbounded)
    lower = min(resampled[0], indifferent[0], whole_millicores(request * 0.95))
    upper = max(resampled[1], indifferent[1], whole_millicores(request * 1.05))
    assert [parse_millicores(end) for end in value.split(" - ")] == [lower, upper]
    assert parse_millicores(recommended.lower_bound.cpu) == lower
    assert parse_millicores(recommended.upper_bound.cpu) == upper


def check_target(steps, wanted, recommended):
    """Floor, then minimum and maximum, as printed."""
    target = parse_millicores(steps["cpu floor"][0]) if "cpu floor" in steps else wanted
    assert parse_millicores(recommended.uncapped_target.cpu) == target
    if "cpu policy" in steps and steps["cpu policy"][0] != "no change":
        target = parse_millicores(steps["cpu policy"][0])
    assert parse_millicores(recommended.target.cpu) == target


def check_memory(steps, recommended):
    """Peak x 1.15 to the byte."""
    _, peak = steps["memory"][1].rsplit(", ", 1)
    assert parse_bytes(recommended.target.memory) == math.ceil(1.15 * parse_bytes(peak) - 1e-6)


def noisy(seed, mean, spread, days=8):
    rng = np.random.default_rng(seed)
    return usage_of({"app": (mean * rng.lognormal(0.0, spread, days * 288), GIB)}, days=days)


# --- T0 --------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 4.0), st.floats(0.0, 1.5))
def test_the_stock_rule(seed, mean, spread):
    """p90 and 15 % of it, each truncated."""
    report, _ = size(noisy(seed, mean, spread, days=2))
    head, steps, recommended = only(report)
    assert report.containers[0].tier == "T0"
    for resource, parse in (("cpu", parse_millicores), ("memory", parse_bytes)):
        percentile = parse(re.search(r", (\S+), each day", steps[f"{resource} stock"][1])[1])
        assert parse(getattr(recommended.target, resource)) == percentile + int(0.15 * percentile)
    assert f"request {recommended.target.cpu} cpu" in head


# --- T1 --------------------------------------------------------------------------------------


def check_priced(report):
    head, steps, recommended = only(report)
    multiple, watts = re.search(r"counts (\S+) x (\S+) W", steps["work class"][1]).groups()
    text, (value, why) = steps["quantile"][1], steps["request"]
    least, greatest = map(float, re.search(r"(0\.\d\d)-(0\.\d\d)$", text).groups())
    p = greatest
    if text.startswith("1 - "):
        wanted = check_equation(text.split(",")[0])
        assert f"/{work_out(f'{multiple} x {watts}'):.6g} = " in text
        p = min(max(wanted, least), greatest)
    assert steps["quantile"][0] == f"{p:.2f}"
    covered = parse_millicores(steps[f"p{round(p * 100)}"][0])
    first, mean = re.match(r"max\((\S+?)(?: x \S+)?, (\S+?)\)", why).groups()
    assert whole_millicores(float(first)) == covered
    least = format_millicores(whole_millicores(float(mean)))
    assert re.search(rf"(above|below) (the mean of )?{least},", steps[f"p{round(p * 100)}"][1])
    request = check_equation(why)
    assert parse_millicores(value) == whole_millicores(request)
    check_target(steps, whole_millicores(request), recommended)
    check_memory(steps, recommended)
    assert f"request {recommended.target.cpu} cpu" in head
    return steps, request, recommended


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.05, 4.0),
    st.floats(0.0, 1.5),
    st.sampled_from([0.0, 0.7123, 1.4, 3.3333]),
    st.sampled_from([1.0, 0.37]),
    st.sampled_from([0.4, 0.93]),
)
def test_the_priced_quantile(seed, mean, spread, price, factor, utilisation):
    pool = pool_of(price=price, factor=factor, utilisation=utilisation)
    steps, request, recommended = check_priced(size(noisy(seed, mean, spread), pool=pool)[0])
    if "cpu floor" not in steps:
        check_bounds(steps, request, recommended)


@pytest.mark.parametrize(
    ("minimum", "maximum"), [(None, 100), (3000, None), (10, 4000)], ids=["max", "min", "neither"]
)
def test_the_priced_quantile_within_a_policy(minimum, maximum):
    policy = ContainerPolicy(
        "app", min_allowed=Amounts(minimum), max_allowed=Amounts(maximum), scales_limits=False
    )
    check_priced(size(noisy(3, 0.3, 0.5), vpa=vpa_of(policy))[0])


def test_the_watts_are_what_is_freed_at_the_price_that_is_printed():
    report, _ = size(noisy(5, 0.3, 0.5), pool=pool_of(price=1.2345))
    _, steps, recommended = only(report)
    price = float(re.match(r"1 - (\S+?)/", steps["quantile"][1])[1])
    freed = (1500 - parse_millicores(recommended.target.cpu)) / 1000 * report.replicas
    assert report.containers[0].watts_saved.value == pytest.approx(freed * price, rel=1e-5)


# --- replicas --------------------------------------------------------------------------------


def check_replica(head, steps, recommended):
    tau = float(steps["hpa"][0].removesuffix(" %")) / 100
    per_core = check_equation(steps["watts per core"][1])
    assert steps["watts per core"][0] == f"{per_core:g} W"
    assert f"/ {tau:g} =" in steps["watts per core"][1]
    fixed = check_equation(steps["fixed watts"][1])
    assert steps["fixed watts"][0] == f"{fixed:g} W"
    rate = check_equation(steps["best rate"][1])
    assert steps["best rate"][0] == f"{rate:g} requests/s"
    curves = [value for name, (value, _) in steps.items() if name.startswith("work curve")]
    for part in re.findall(r"(\d\S*) x (\S+?)[) ]", steps["best rate"][1]):
        assert float(part[0]) == per_core
        assert any(part[1] in curve for curve in curves)
    cores = check_equation(steps["replica"][1])
    assert steps["replica"][0] == f"{cores:g} cores"
    assert f"x {rate:g} +" in steps["replica"][1]
    request = check_equation(steps["request"][1])
    assert steps["request"][1].startswith(f"{cores:g} / ")
    assert parse_millicores(steps["request"][0]) == whole_millicores(request)
    assert parse_millicores(recommended.target.cpu) == whole_millicores(request)
    check_bounds(steps, request, recommended)
    assert f"request {recommended.target.cpu} cpu" in head


@pytest.mark.parametrize("factor", [1.0, 0.5, 0.0], ids=["cpu binds", "both", "memory binds"])
def test_the_size_of_a_replica(factor):
    rng = np.random.default_rng(11)
    usage = history_of(PAST, app=BENT.cores(RATE) * rng.normal(1.0, 0.03, len(RATE)))
    report, _ = size(
        usage,
        workload=web(),
        vpa=vpa_of(profile=PROFILE),
        work=evidence_of(),
        pool=pool_of(price=1.2345, factor=factor),
    )
    head, steps, recommended = only(report)
    check_replica(head, steps, recommended)


@pytest.mark.parametrize("is_off", [False, True], ids=["both are ours", "one is switched off"])
def test_the_size_of_a_replica_of_several_containers(is_off):
    policies = (ContainerPolicy("log", is_off=True),) if is_off else ()
    report, _ = size(
        BOTH,
        workload=web(*TWO),
        vpa=vpa_of(*policies, profile=PROFILE),
        work=evidence_of(),
    )
    shown = explained(report)
    assert len(shown) == (1 if is_off else 2)
    for (head, steps), container in zip(shown, report.containers, strict=True):
        check_replica(head, steps, container.recommended)
        if is_off:
            whole = check_equation(steps["pod"][1])
            assert f"({whole:g} / 0.6 - 0.2)" in steps["request"][1]
