"""What a status recommends: whole, ordered, bounded entries, and the last one where none is new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.cluster.status import build_status
from recommender.model.cluster import ContainerPolicy, Vpa
from recommender.model.identity import WorkloadRef
from recommender.units import format_bytes, format_millicores, parse_quantity
from tests.cluster.verdict import recommended, report, sized, skipped

NOW = "2026-05-01T12:00:00Z"
WEB = WorkloadRef("shop", "Deployment", "web")
MAPS = ("target", "lowerBound", "upperBound", "uncappedTarget")


def vpa(*policies, status=None, **rest):
    rest = {"generation": 3, "target": WEB} | rest
    return Vpa("shop", "web", policies=policies, status=status or {}, **rest)


def entry(name, *, cpu=("372m", "411m", "470m"), memory=None):
    lower, target, upper = ({"cpu": each} for each in cpu)
    if memory:
        for amounts, each in zip((lower, target, upper), memory, strict=True):
            amounts["memory"] = each
    return {
        "containerName": name,
        "target": target,
        "lowerBound": lower,
        "upperBound": upper,
        "uncappedTarget": target,
    }


def before(*entries):
    return {"recommendation": {"containerRecommendations": list(entries)}}


def entries(claim, verdict, rows=()):
    status = build_status(claim, verdict, rows, now=NOW)
    return status.get("recommendation", {}).get("containerRecommendations", [])


def names(claim, verdict, rows=()):
    return [each["containerName"] for each in entries(claim, verdict, rows)]


def test_an_entry_is_written_as_it_was_sized():
    amounts = recommended(uncapped=("500m", "2Gi"))
    assert entries(vpa(), report(sized(amounts=amounts))) == [
        {
            "containerName": "app",
            "target": {"cpu": "411m", "memory": "1Gi"},
            "lowerBound": {"cpu": "372m", "memory": "900Mi"},
            "upperBound": {"cpu": "470m", "memory": "1500Mi"},
            "uncappedTarget": {"cpu": "500m", "memory": "2Gi"},
        }
    ]


def test_entries_are_sorted_by_container_and_the_generation_is_noted():
    claim = vpa(status=before(entry("b")))
    verdict = report(sized("c"), sized("a"))
    rows = [skipped("b", "no usage in 14 d")]
    assert names(claim, verdict, rows) == ["a", "b", "c"]
    assert build_status(claim, verdict, rows, now=NOW)["observedGeneration"] == 3


def test_a_resource_that_is_not_controlled_is_not_written():
    claim = vpa(ContainerPolicy("*", controlled=frozenset({"memory"})))
    (only,) = entries(claim, report(sized()))
    assert [only[key] for key in MAPS] == [
        {"memory": "1Gi"},
        {"memory": "900Mi"},
        {"memory": "1500Mi"},
        {"memory": "1Gi"},
    ]


def test_a_container_that_is_switched_off_has_no_entry_and_loses_its_last_one():
    claim = vpa(ContainerPolicy("app", is_off=True), status=before(entry("app"), entry("log")))
    rows = [skipped("app", "its VPA policy says mode: Off"), skipped("log", "no usage in 14 d")]
    assert names(claim, report(sized("app"), sized("db")), rows) == ["db", "log"]


def test_an_exact_policy_beats_the_one_for_all():
    claim = vpa(ContainerPolicy("*", is_off=True), ContainerPolicy("app"))
    assert names(claim, report(sized("app"), sized("log"))) == ["app"]


def test_a_container_that_is_left_out_on_purpose_loses_its_last_recommendation():
    claim = vpa(status=before(entry("app"), entry("proxy")))
    rows = [skipped("proxy", "a native sidecar", is_deliberate=True)]
    assert names(claim, report(sized("app")), rows) == ["app"]
    assert names(claim, None, rows) == []
    assert names(replace(claim, problem="no such target"), None, rows) == ["app", "proxy"]


def test_a_skipped_container_keeps_its_last_recommendation_and_one_that_is_gone_loses_it():
    claim = vpa(status=before(entry("gone"), entry("quiet")))
    rows = [skipped("quiet", "no usage in 14 d")]
    assert names(claim, report(sized("app")), rows) == ["app", "quiet"]
    assert entries(claim, report(sized("app")), rows)[1] == entry("quiet")


@pytest.mark.parametrize(
    ("verdict", "rows", "problem"),
    [
        (None, [skipped(None, "no pods now and no usage in 14 d")], ""),
        (None, [], ""),
        (None, [], "spec.targetRef is missing"),
        (report(sized("app")), [], "names two recommenders"),
    ],
    ids=["the workload is skipped", "nothing is known", "no target", "refused"],
)
def test_a_vpa_that_gets_no_answer_keeps_all_of_its_last_one(verdict, rows, problem):
    claim = vpa(status=before(entry("a"), entry("b")), problem=problem)
    assert entries(claim, verdict, rows) == [entry("a"), entry("b")]


def test_without_any_entry_there_is_no_recommendation():
    status = build_status(vpa(), None, [skipped("app", "no usage in 14 d")], now=NOW)
    assert "recommendation" not in status


def test_of_a_kept_entry_only_the_resources_still_controlled_stay():
    claim = vpa(
        ContainerPolicy("*", controlled=frozenset({"cpu"})),
        status=before(entry("app", memory=("1Gi", "2Gi", "3Gi"))),
    )
    assert entries(claim, None) == [entry("app")]


@pytest.mark.parametrize(
    "odd",
    [
        {"containerName": "app", "target": {"cpu": "1"}},
        {"containerName": "app"},
        {"target": {"cpu": "1"}},
        entry("app", cpu=("2", "1", "3")),
        entry("app", cpu=("1", "3", "2")),
        entry("app", cpu=("0", "1", "2")),
        entry("app", cpu=("a", "b", "c")),
        7,
    ],
    ids=[
        "no bounds",
        "no target",
        "no name",
        "target below its bounds",
        "target above its bounds",
        "zero",
        "no quantities",
        "no object",
    ],
)
def test_a_last_recommendation_that_could_harm_the_updater_is_not_kept(odd):
    assert entries(vpa(status=before(odd, entry("log"))), None) == [entry("log")]


def test_a_kept_entry_without_an_uncapped_target_gets_its_target():
    foreign = entry("app")
    del foreign["uncappedTarget"]
    assert entries(vpa(status=before(foreign)), None) == [entry("app")]


def test_a_target_outside_its_bounds_is_never_written():
    broken = sized(amounts=recommended(target=("500m", "1Gi")))
    claim = vpa(status=before(entry("app")))
    assert entries(claim, report(broken, sized("log")))[0] == entry("app")
    status = build_status(claim, report(broken, sized("log")), [], now=NOW)
    (low,) = [each for each in status["conditions"] if each["type"] == "LowConfidence"]
    assert "app: its bounds do not hold its target" in low["message"]


def test_keys_that_are_not_a_recommenders_stay():
    status = {"example.com/owner": {"team": "a"}, **before(entry("old"))}
    assert build_status(vpa(status=status), report(sized()), [], now=NOW)["example.com/owner"] == {
        "team": "a"
    }


millicores = st.integers(1, 100_000)
memory = st.integers(1, 2**42)
ordered = st.tuples(millicores, millicores, millicores).map(sorted)
ordered_memory = st.tuples(memory, memory, memory).map(sorted)


@given(
    st.dictionaries(
        st.sampled_from(["app", "log", "db", "z"]), st.tuples(ordered, ordered_memory), min_size=1
    )
)
def test_every_written_entry_obeys_the_rules_of_the_updater(bands):
    containers = [
        sized(
            name,
            amounts=recommended(
                lower=(format_millicores(cpu[0]), format_bytes(mem[0])),
                target=(format_millicores(cpu[1]), format_bytes(mem[1])),
                upper=(format_millicores(cpu[2]), format_bytes(mem[2])),
            ),
        )
        for name, (cpu, mem) in bands.items()
    ]
    written = entries(vpa(), report(*containers))
    assert [each["containerName"] for each in written] == sorted(bands)
    for each in written:
        assert {tuple(each[key]) for key in MAPS} == {("cpu", "memory")}
        cpu, mem = bands[each["containerName"]]
        for resource, scale, band in (("cpu", 1000, cpu), ("memory", 1, mem)):
            found = [
                parse_quantity(each[key][resource]) * scale
                for key in ("lowerBound", "target", "upperBound")
            ]
            assert found == list(band)
