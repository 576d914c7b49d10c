"""The status of an EnergyProfile: what the VPA's says, what it rests on, and when that is news."""

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.profile_status import build_profile_status, profile_differs
from recommender.cluster.status import build_status
from recommender.model.cluster import ContainerPolicy, Vpa
from recommender.model.identity import WorkloadRef
from recommender.model.profile import LatencyGuard, MetricSelector, Profile
from recommender.model.report import Current, CurvePoint, Quantities, Reason, Watts
from recommender.sizing.recall import recall_status
from tests.cluster.verdict import recommended, report, sized, skipped

NOW, LATER = "2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z"
WEB = WorkloadRef("shop", "Deployment", "web")
CURVE = tuple(
    CurvePoint(0.05 * n, 2.0 / n, 1.8 / n, 2.2 / n, max(0.0, 1.0 - n / 20), 0.0, n > 8)
    for n in range(1, 41)
)


def priced(name="app", **changes):
    """A container at T1 with all that can be known of it."""
    plain = msgspec.structs.replace(
        sized(name),
        current=Current(Quantities("1500m", "2Gi"), Quantities()),
        stock=recommended(("512m", "1Gi"), ("220m", "1Gi"), ("600m", "2Gi")),
        price_watts_per_core=1.4216,
        quantile=0.92857,
        watts_saved=Watts(9.2837, 8.911, 9.65),
        curve=CURVE,
        why="p93 of 14 d at 1.42 W/core",
    )
    return msgspec.structs.replace(plain, **changes)


def vpa_of(**changes):
    plain = {"namespace": "shop", "name": "web", "generation": 1, "target": WEB}
    return Vpa(**(plain | {"profile": Profile(generation=4)} | changes))


def build(verdict, rows=(), *, vpa=None, now=NOW):
    """The status after a run, of the VPA and of its EnergyProfile."""
    vpa = vpa or vpa_of()
    published = build_status(vpa, verdict, list(rows), now=now)
    return published, build_profile_status(vpa, vpa.profile, verdict, published, now=now)


def learnt(*containers, **options):
    return build(report(*(containers or (priced(),))), **options)[1]


def worked(kind="throughput", value="412 requests/s", why="requests_total: its own throughput"):
    return msgspec.structs.replace(
        report(priced()), work=Reason("work", value, why), work_kind=kind
    )


def test_what_stands_for_work_is_said_and_how_much_is_no_news():
    first = build(worked())[1]
    assert first["work"] == {
        "kind": "throughput",
        "value": "412 requests/s",
        "why": "requests_total: its own throughput",
    }
    assert not profile_differs(first, build(worked(value="980 requests/s"))[1])
    assert profile_differs(first, build(worked("cpu time"))[1])
    assert profile_differs(first, build(worked(why="orders_total: its own throughput"))[1])
    assert "work" not in build(worked(kind=""))[1]


def test_what_stood_for_work_stays_while_nothing_is_sized():
    first = build(worked())[1]
    held = vpa_of(profile=Profile(generation=4, status=first))
    assert build(None, vpa=held)[1]["work"] == first["work"]


def test_the_whole_status_of_one_priced_container():
    status = learnt()
    (container,) = status.pop("containers")
    assert status == {
        "observedGeneration": 4,
        "target": {"kind": "Deployment", "name": "web"},
        "workClass": "standard",
        "workClassSource": "default",
        "tier": "T1",
        "basis": "priced quantile",
        "reason": "p93 of 14 d at 1.42 W/core",
        "confidence": "high",
        "currentCpu": "1500m",
        "recommendedCpu": "411m",
        "wattsSaved": {"value": 9.28, "low": 8.91, "high": 9.65},
        "conditions": [
            {
                "type": "Accepted",
                "status": "True",
                "lastTransitionTime": NOW,
                "reason": "Accepted",
                "message": "used for VPA web",
            }
        ],
    }
    container.pop("curve")
    assert container == {
        "name": "app",
        "tier": "T1",
        "basis": "priced quantile",
        "reason": "p93 of 14 d at 1.42 W/core",
        "confidence": "high",
        "current": {"cpu": "1500m", "memory": "2Gi"},
        "stock": {"cpu": "512m", "memory": "1Gi"},
        "recommended": {
            "target": {"cpu": "411m", "memory": "1Gi"},
            "lowerBound": {"cpu": "372m", "memory": "900Mi"},
            "upperBound": {"cpu": "470m", "memory": "1500Mi"},
            "uncappedTarget": {"cpu": "411m", "memory": "1Gi"},
        },
        "priceWattsPerCore": 1.42,
        "quantile": 0.929,
        "wattsSaved": {"value": 9.28, "low": 8.91, "high": 9.65},
        "reasons": [
            {"step": "usage", "value": "mean 210m", "why": "6 pods"},
            {"step": "tier", "value": "T1 priced quantile", "why": ""},
        ],
    }


def test_a_curve_is_thinned_to_its_ends_the_requests_that_matter_and_some_between():
    (container,) = learnt()["containers"]
    requests = [point["request"] for point in container["curve"]]
    assert len(requests) <= 15
    assert (requests[0], requests[-1]) == ("50m", "2")
    assert {"400m", "500m", "1500m"} <= set(requests)  # nearest to ours, stock and now
    point = next(each for each in container["curve"] if each["request"] == "400m")
    assert point == {
        "request": "400m",
        "workPerJoule": 0.25,
        "low": 0.225,
        "high": 0.275,
        "exposure": 0.6,
        "isFeasible": False,
    }


def test_what_is_not_known_is_absent():
    bare = sized("app", tier="T0", basis="stock rule")
    (container,) = learnt(bare)["containers"]
    absent = {"stock", "priceWattsPerCore", "quantile", "wattsSaved", "curve"}
    assert not absent & set(container)
    assert not {"wattsSaved", "currentCpu"} & set(learnt(bare))


def test_the_pod_is_the_sum_of_its_containers_and_as_sure_as_the_least_of_them():
    side = priced("side", tier="T0", basis="stock rule", why="8 h of history", watts_saved=None)
    status = learnt(priced(), side, priced("third", basis="priced quantile, modelled power"))
    assert (status["currentCpu"], status["recommendedCpu"]) == ("4500m", "1233m")
    assert status["wattsSaved"] == {"value": 18.6, "low": 17.8, "high": 19.3}
    assert (status["tier"], status["basis"], status["reason"], status["confidence"]) == (
        *("T0", "stock rule", "8 h of history", "low"),
    )


def test_modelled_power_is_medium_confidence():
    assert learnt(priced(basis="priced quantile, modelled power"))["confidence"] == "medium"


def test_only_what_the_vpa_publishes_is_in_it():
    cpu_only = ContainerPolicy("app", controlled=frozenset({"cpu"}))
    (container,) = learnt(vpa=vpa_of(policies=(cpu_only,)))["containers"]
    assert container["recommended"]["target"] == {"cpu": "411m"}
    switched_off = vpa_of(policies=(ContainerPolicy("app", is_off=True),))
    status = learnt(priced(), priced("log"), vpa=switched_off)
    assert [each["name"] for each in status["containers"]] == ["log"]


@pytest.mark.parametrize(
    ("profile", "condition"),
    [
        (Profile(1), ("True", "Accepted", "used for VPA web")),
        (
            Profile(1, objective="carbon"),
            ("True", "Accepted", "used for VPA web"),
        ),
        (
            Profile(1, latency=LatencyGuard(MetricSelector("x"), 1.0)),
            ("True", "Accepted", "used for VPA web"),
        ),
        (
            Profile(1, problem="EnergyProfile web: no"),
            ("False", "InvalidSpec", "EnergyProfile web: no"),
        ),
    ],
)
def test_a_condition_says_what_of_the_spec_is_used(profile, condition):
    (found,) = learnt(vpa=vpa_of(profile=profile))["conditions"]
    assert (found["status"], found["reason"], found["message"]) == condition


def test_a_condition_says_what_became_of_the_objective_carbon():
    said = "objective carbon needs --carbon-intensity: energy is what is saved"
    row = msgspec.structs.replace(report(priced()), objective=said)
    _, status = build(row, vpa=vpa_of(profile=Profile(1, objective="carbon")))
    (found,) = status["conditions"]
    assert (found["status"], found["message"]) == ("True", f"used for VPA web; {said}")


def after(known, **changes):
    """The VPA in the next cycle, when the profile has this status."""
    return vpa_of(profile=Profile(generation=4, status=known), **changes)


def test_a_container_that_is_not_sized_this_time_keeps_what_was_learnt():
    published, first = build(report(priced(), priced("log")))
    vpa = after(first, status=published)
    _, second = build(
        report(priced("log")), [skipped("app", "no usage in 14 d")], vpa=vpa, now=LATER
    )
    assert second["containers"] == first["containers"]


def test_while_nothing_can_be_sized_nothing_changes():
    published, first = build(report(priced()))
    rows = [skipped(None, "its history could not be read yet", condition="FetchingHistory")]
    _, second = build(None, rows, vpa=after(first, status=published), now=LATER)
    assert second == first
    assert not profile_differs(first, second)


def test_a_vpa_that_was_made_again_gets_the_very_same_numbers_back():
    published, first = build(report(priced(), priced("log", tier="T0")))
    rows = [skipped(None, "its history could not be read yet", condition="FetchingHistory")]
    again, second = build(None, rows, vpa=after(first, status={}), now=LATER)
    assert again["recommendation"] == published["recommendation"]
    assert second == first


def test_a_container_that_is_gone_goes():
    published, first = build(report(priced(), priced("old")))
    _, second = build(report(priced()), vpa=after(first, status=published))
    assert [each["name"] for each in second["containers"]] == ["app"]


def test_another_target_begins_anew():
    _, first = build(report(priced()))
    other = WorkloadRef("shop", "Deployment", "other")
    status, second = build(None, [skipped(None, "down")], vpa=after(first, target=other))
    assert "recommendation" not in status
    assert second["containers"] == []
    assert "tier" not in second
    assert second["target"] == {"kind": "Deployment", "name": "other"}


def test_a_target_that_cannot_be_found_for_a_moment_loses_nothing():
    published, first = build(report(priced()))
    vpa = after(first, status=published, target=None, problem="Cannot read targetRef")
    _, second = build(None, [skipped(None, "x", condition="ConfigUnsupported")], vpa=vpa)
    assert second == first


def changed(status, path, value):
    """The status with one value replaced, or changed by a function."""
    made = copy.deepcopy(status)
    node = made
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value(node[path[-1]]) if callable(value) else value
    return made


APP = ("containers", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("observedGeneration",), 5),
        (("tier",), "T0"),
        (("workClass",), "batch"),
        (("workClassSource",), "annotation"),
        ((*APP, "name"), "other"),
        ((*APP, "current", "cpu"), "1501m"),
        ((*APP, "recommended", "target", "cpu"), "412m"),
        ((*APP, "stock", "cpu"), "545m"),
        ((*APP, "priceWattsPerCore"), 1.55),
        (("wattsSaved", "value"), 9.9),
        ((*APP, "reasons", 1, "why"), "the meter is gone"),
        ((*APP, "reasons", 1, "step"), "rank"),
        ((*APP, "curve", 3, "workPerJoule"), lambda old: old + 0.2),
        (("conditions", 0, "status"), "False"),
        (("containers",), list),
    ],
)
def test_a_change_of_meaning_is_news(path, value):
    status = learnt()
    new = changed(status, path, [] if value is list else value)
    assert profile_differs(status, new)
    assert profile_differs(new, status)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*APP, "stock", "cpu"), "530m"),
        ((*APP, "priceWattsPerCore"), 1.45),
        ((*APP, "wattsSaved", "value"), 9.5),
        ((*APP, "wattsSaved", "low"), 8.0),
        ((*APP, "quantile"), 0.93),
        ((*APP, "reasons", 0, "value"), "mean 222m"),
        (("reason",), "p93 of 15 d at 1.45 W/core"),
        ((*APP, "curve", 3, "workPerJoule"), lambda old: old + 0.05),
        ((*APP, "curve"), lambda old: old[:6] + old[7:]),
        ((*APP, "reasons"), lambda old: [*old, {"step": "cpu kept", "value": "1", "why": "x"}]),
        ((*APP, "reasons"), lambda old: [*old, {"step": "cpu moved", "value": "1", "why": "x"}]),
        (("conditions", 0, "lastTransitionTime"), LATER),
    ],
)
def test_drift_is_no_news(path, value):
    status = learnt()
    assert not profile_differs(status, changed(status, path, value))


def test_the_same_run_twice_says_the_same_and_keeps_its_times():
    published, first = build(report(priced()))
    _, second = build(report(priced()), vpa=after(first, status=published), now=LATER)
    assert second == first


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "containers",
                    "name",
                    "recommended",
                    "target",
                    "wattsSaved",
                    "tier",
                    "confidence",
                    "curve",
                    "reasons",
                    "step",
                    "request",
                    "stock",
                    "conditions",
                    "type",
                    "value",
                    "workPerJoule",
                    "exposure",
                    "quantile",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(
    status=st.dictionaries(st.sampled_from(["target", "containers", "wattsSaved"]), JSON), old=JSON
)
def test_whatever_a_status_holds_the_next_one_is_built_and_compared(status, old):
    status |= {"target": {"kind": "Deployment", "name": "web"}, "conditions": old}
    vpa = after(status)
    _, built = build(None, [skipped(None, "down")], vpa=vpa)
    profile_differs(status, built)
    profile_differs(built, status)
    _, sound = build(report(priced()), vpa=vpa)
    profile_differs(status, sound)
    assert not profile_differs(sound, build(report(priced()), vpa=after(sound))[1])


@given(
    st.lists(st.sampled_from(["app", "log", "side"]), unique=True),
    st.integers(1, 4000),
    st.integers(2**20, 2**36),
)
def test_a_status_gives_back_every_entry_of_the_vpa_value_for_value(names, millicores, memory):
    band = recommended(
        (f"{millicores}m", str(memory)),
        (f"{max(1, millicores // 2)}m", str(memory // 2)),
        (f"{millicores * 2}m", str(memory * 2)),
    )
    published, status = build(report(*(priced(name, recommended=band) for name in names)))
    recalled = recall_status(after(status, status={}))
    assert recalled.get("recommendation") == published.get("recommendation")
