"""Requests of pods are summed as the scheduler does; the newest pod speaks for its workload."""

import msgspec
import pytest

from recommender.cluster.manifest import Amount, Pod
from recommender.cluster.pod import (
    Reservations,
    accept_amount,
    count_by_node,
    count_reserved,
    newest_containers,
    newest_sidecars,
)
from recommender.model.cluster import Amounts, NodeLoad
from recommender.units import MIB
from tests.cluster.builder import container, pod


def decoded(**parts):
    parts = {"ns": "shop", "name": "web-1"} | parts
    born, gone = parts.pop("born", None), parts.pop("gone", None)
    statuses, annotations = parts.pop("statuses", None), parts.pop("annotations", None)
    made = pod(parts.pop("ns"), parts.pop("name"), **parts)
    made["metadata"] |= {"creationTimestamp": born, "deletionTimestamp": gone}
    made["metadata"]["annotations"] = annotations
    made["status"]["containerStatuses"] = statuses
    return msgspec.json.decode(msgspec.json.encode(made), type=Pod)


def cpu(name, amount, **rest):
    return container(name, cpu=amount, **rest)


@pytest.mark.parametrize(
    ("parts", "millicores"),
    [
        pytest.param({"containers": [cpu("a", "100m"), cpu("b", "1")]}, 1100, id="sum"),
        pytest.param({"containers": [container("a")]}, 0, id="no request"),
        pytest.param(
            {"containers": [cpu("a", "100m")], "initContainers": [cpu("i", "300m")]},
            300,
            id="a larger init container",
        ),
        pytest.param(
            {
                "containers": [cpu("a", "400m")],
                "initContainers": [cpu("i", "300m"), cpu("j", "2m")],
            },
            400,
            id="smaller init containers",
        ),
        pytest.param(
            {
                "containers": [cpu("a", "100m")],
                "initContainers": [cpu("s", "50m", restart="Always"), cpu("i", "300m")],
            },
            350,
            id="an init container beside a sidecar started before it",
        ),
        pytest.param(
            {
                "containers": [cpu("a", "100m")],
                "initContainers": [cpu("i", "120m"), cpu("s", "50m", restart="Always")],
            },
            150,
            id="a sidecar started after the init container",
        ),
        pytest.param(
            {"containers": [cpu("a", "100m")], "overhead": {"cpu": "250m"}}, 350, id="overhead"
        ),
        pytest.param(
            {
                "containers": [cpu("a", "100m"), cpu("b", "100m")],
                "resources": {"requests": {"cpu": "1"}},
            },
            1000,
            id="a request of the whole pod",
        ),
    ],
)
def test_the_reserved_cpu_is_what_the_scheduler_counts(parts, millicores):
    assert count_reserved(decoded(**parts).spec) == (millicores, 0)


def test_memory_falls_back_to_the_containers_where_the_whole_pod_asks_for_cpu_only():
    made = decoded(
        containers=[container("a", cpu="100m", memory="64Mi")],
        resources={"requests": {"cpu": "1"}},
    )
    assert count_reserved(made.spec) == (1000, 64 * MIB)


def test_reservations_are_summed_by_node_without_ended_and_unscheduled_pods():
    reserved = Reservations()
    for name, node, phase in [
        ("a", "n1", "Running"),
        ("b", "n1", "Pending"),
        ("c", "n2", "Running"),
        ("d", "n2", "Failed"),
        ("e", "n2", "Succeeded"),
        ("f", None, "Pending"),
    ]:
        reserved.add(decoded(name=name, node=node, phase=phase))
    assert reserved.by_node() == {
        "n1": NodeLoad(cores=1.0, memory_bytes=1024 * MIB),
        "n2": NodeLoad(cores=0.5, memory_bytes=512 * MIB),
    }


def test_a_pod_that_is_being_deleted_still_reserves_but_is_no_replica():
    leaving = decoded(node="n1", gone="2026-01-01T00:00:00Z")
    reserved = Reservations()
    reserved.add(leaving)
    assert reserved.by_node()["n1"].cores == 0.5
    assert count_by_node([leaving]) == {}


def test_the_containers_are_those_of_the_newest_active_pod():
    old = decoded(name="z", born="2026-01-01T00:00:00Z", containers=[cpu("app", "100m")])
    new = decoded(name="a", born="2026-01-02T00:00:00Z", containers=[cpu("app", "200m")])
    leaving = decoded(
        name="b",
        born="2026-01-03T00:00:00Z",
        gone="2026-01-03T00:01:00Z",
        containers=[cpu("app", "300m")],
    )
    (spec,) = newest_containers([old, new, leaving])
    assert spec.requests == Amounts(cpu_millicores=200)


def test_init_containers_and_sidecars_are_not_sized():
    made = decoded(
        containers=[container("app", cpu="1", memory="1G", limits={"cpu": "1500m"})],
        initContainers=[cpu("migrate", "4"), cpu("proxy", "1", restart="Always")],
    )
    (spec,) = newest_containers([made])
    assert (spec.name, spec.requests, spec.limits) == (
        "app",
        Amounts(1000, 1_000_000_000),
        Amounts(cpu_millicores=1500),
    )


@pytest.mark.parametrize("state", ["state", "lastState"])
def test_an_oom_kill_in_any_pod_marks_the_container(state):
    killed = decoded(
        name="a",
        born="2026-01-01T00:00:00Z",
        statuses=[{"name": "app", state: {"terminated": {"reason": "OOMKilled"}}}],
    )
    newer = decoded(
        name="b",
        born="2026-01-02T00:00:00Z",
        containers=[cpu("app", "1"), cpu("log", "1")],
        statuses=[{"name": "log", "lastState": {"terminated": {"reason": "Error"}}}],
    )
    marks = {spec.name: spec.oom_killed for spec in newest_containers([killed, newer])}
    assert marks == {"app": True, "log": False}


def test_without_active_pods_the_template_speaks_and_without_it_the_newest_pod_that_was():
    ended = decoded(phase="Failed", containers=[cpu("app", "100m")])
    template = decoded(containers=[cpu("app", "200m")]).spec
    assert newest_containers([ended], template)[0].requests == Amounts(cpu_millicores=200)
    assert newest_containers([ended])[0].requests == Amounts(cpu_millicores=100)
    assert newest_containers([], template)[0].requests == Amounts(cpu_millicores=200)
    assert newest_containers([]) == ()


def test_native_sidecars_are_named_and_other_init_containers_are_not():
    made = decoded(
        initContainers=[
            cpu("migrate", "4"),
            cpu("proxy", "1", restart="Always"),
            cpu("log", "1", restart="Always"),
        ],
    )
    assert newest_sidecars([made]) == ("proxy", "log")
    assert newest_sidecars([], made.spec) == ("proxy", "log")
    assert newest_sidecars([]) == ()


@pytest.mark.parametrize(
    ("value", "injected"),
    [
        ("app, log", ["mesh"]),
        ("app,log", ["mesh"]),
        ("app, log, mesh", []),
        ("app, gone", ["log", "mesh"]),
        ("", ["app", "log", "mesh"]),
        (None, []),
        ("App Log", []),
        ("app,,log", []),
    ],
    ids=[
        "as VPA writes it",
        "without blanks",
        "all of them",
        "one that is gone",
        "none were there",
        "no annotation",
        "no container names",
        "an empty name",
    ],
)
def test_containers_that_came_after_admission_are_marked(value, injected):
    annotations = None if value is None else {"vpaObservedContainers": value}
    made = decoded(
        annotations=annotations, containers=[cpu(name, "1") for name in ("app", "log", "mesh")]
    )
    marked = [spec.name for spec in newest_containers([made]) if spec.is_injected]
    assert marked == injected


def test_containers_that_the_template_does_not_have_are_marked():
    made = decoded(containers=[cpu("app", "1"), cpu("mesh", "1")])
    template = decoded(containers=[cpu("app", "2"), cpu("gone", "1")]).spec
    found = [(spec.name, spec.in_template) for spec in newest_containers([made], template)]
    assert found == [("app", True), ("mesh", False)]


@pytest.mark.parametrize("containers", [None, []], ids=["none is known", "it has no container"])
def test_without_a_template_no_container_is_marked(containers):
    made = decoded(containers=[cpu("app", "1")])
    template = None if containers is None else decoded(containers=containers).spec
    assert [spec.in_template for spec in newest_containers([made], template)] == [True]


@pytest.mark.parametrize("quantity", ["NaN", "inf", "", "-1", "lots", "0x10", -5])
def test_what_is_no_quantity_or_below_zero_is_no_request(quantity):
    made = decoded(containers=[cpu("app", quantity), cpu("log", "100m")])
    assert newest_containers([made])[0].requests == Amounts()
    assert count_reserved(made.spec) == (100, 0)


@pytest.mark.parametrize(
    ("quantity", "millicores"),
    [("1e-9", 1), ("0", 0), (2, 2000), (0.25, 250), ("9E", 2**63 - 1)],
    ids=str,
)
def test_the_least_and_the_greatest_of_quantities_are_read_as_kubernetes_does(quantity, millicores):
    assert accept_amount(Amount(cpu=quantity)) == Amounts(cpu_millicores=millicores)


def test_a_pod_without_most_of_its_fields_is_a_pod_without_containers():
    bare = msgspec.json.decode(b'{"metadata": {"name": "x"}}', type=Pod)
    assert newest_containers([bare]) == ()
    assert count_reserved(bare.spec) == (0, 0)
