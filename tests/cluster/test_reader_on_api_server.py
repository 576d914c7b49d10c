"""What is read from a real API server is what was put into it."""

import pytest
from msgspec.structs import replace

from recommender.cluster.reader import ClusterReader
from recommender.errors import UsageError
from recommender.model.cluster import (
    Amounts,
    ContainerPolicy,
    ContainerSpec,
    CpuScaler,
    Node,
    NodeLoad,
    Vpa,
    Workload,
)
from recommender.model.identity import WorkloadRef
from recommender.settings import ClusterSettings
from recommender.units import MIB
from tests.cluster import builder
from tests.cluster.builder import deployment_with_pods, vpa

HALF = ContainerSpec("app", Amounts(500, 512 * MIB))


def ref(shop, name, kind="Deployment"):
    return WorkloadRef(shop, kind, name)


def test_a_deployment_with_a_vpa_of_ours_is_read_with_its_pods(read_shop, shop):
    state = read_shop(
        *deployment_with_pods(shop, "web", node="n1"),
        vpa(
            shop,
            "web-vpa",
            target="web",
            updatePolicy={"updateMode": "Initial"},
            resourcePolicy=builder.policy("app", minAllowed={"cpu": "50m"}),
            annotations={"joulefit.io/work-class": "critical"},
        ),
    )
    assert state.workloads == (Workload(ref(shop, "web"), (HALF,), replicas=2, pods_on={"n1": 2}),)
    (found,) = state.vpas
    assert found.uid
    assert found.resource_version
    assert replace(found, uid="", resource_version="") == Vpa(
        shop,
        "web-vpa",
        generation=1,
        target=ref(shop, "web"),
        update_mode="Initial",
        policies=(ContainerPolicy("app", min_allowed=Amounts(cpu_millicores=50)),),
        work_class="critical",
    )
    assert state.warnings == ()
    assert state.source.startswith("API server https://127.0.0.1:")


def test_only_workloads_that_a_vpa_of_ours_targets_are_read(read_shop, shop):
    state = read_shop(
        *deployment_with_pods(shop, "ours"),
        *deployment_with_pods(shop, "theirs"),
        *deployment_with_pods(shop, "nobodys"),
        vpa(shop, "ours"),
        vpa(shop, "theirs", recommenders=()),
    )
    assert [workload.ref.name for workload in state.workloads] == ["ours"]
    assert [each.name for each in state.vpas] == ["ours"]


def test_all_workloads_are_every_topmost_controller_that_lasts_or_runs(read_shop, shop):
    state = read_shop(
        *deployment_with_pods(shop, "deploy"),
        builder.controller("StatefulSet", shop, "sts"),
        builder.controller("DaemonSet", shop, "ds"),
        builder.replication_controller(shop, "rc"),
        builder.cron_job(shop, "cron"),
        builder.job(shop, "cron-28800000", owners=builder.owned_by("CronJob", "cron", "batch/v1")),
        builder.pod(
            shop,
            "cron-28800000-bcdfg",
            owners=builder.owned_by("Job", "cron-28800000", "batch/v1"),
        ),
        builder.job(shop, "done"),
        builder.job(shop, "once"),
        builder.pod(shop, "once-bcdfg", owners=builder.owned_by("Job", "once", "batch/v1")),
        builder.controller("ReplicaSet", shop, "rs-empty"),
        builder.pod(shop, "alone"),
        all_workloads=True,
    )
    assert {(each.ref.kind, each.ref.name, each.replicas) for each in state.workloads} == {
        ("CronJob", "cron", 1),
        ("DaemonSet", "ds", 0),
        ("Deployment", "deploy", 2),
        ("Job", "once", 1),
        ("ReplicationController", "rc", 0),
        ("StatefulSet", "sts", 0),
    }
    assert all(each.containers == (HALF,) for each in state.workloads)
    assert state.vpas == ()


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("StatefulSet", lambda ns: builder.controller("StatefulSet", ns, "x")),
        ("DaemonSet", lambda ns: builder.controller("DaemonSet", ns, "x")),
        ("ReplicaSet", lambda ns: builder.controller("ReplicaSet", ns, "x")),
        ("ReplicationController", lambda ns: builder.replication_controller(ns, "x")),
        ("Job", lambda ns: builder.job(ns, "x")),
        ("CronJob", lambda ns: builder.cron_job(ns, "x")),
    ],
)
def test_each_kind_of_kubernetes_can_be_a_target_without_pods(read_shop, shop, kind, make):
    state = read_shop(make(shop), vpa(shop, "x", kind=kind, version=None))
    assert state.workloads == (Workload(ref(shop, "x", kind), (HALF,)),)
    assert [each.matches_pods for each in state.vpas] == [False]


def test_the_selector_of_the_command_line_chooses_workloads_and_their_vpas(read_shop, shop):
    objects = [
        *deployment_with_pods(shop, "web", labels={"tier": "front"}),
        *deployment_with_pods(shop, "db", labels={"tier": "back"}),
        *deployment_with_pods(shop, "bare"),
        *(vpa(shop, name) for name in ("web", "db", "bare")),
        vpa(shop, "lost", target="nothing"),
    ]
    state = read_shop(*objects, selector="tier notin (back)")
    assert [each.ref.name for each in state.workloads] == ["bare", "web"]
    assert [each.name for each in state.vpas] == ["bare", "web"]
    state = read_shop(selector="tier=back", all_workloads=True)
    assert [each.ref.name for each in state.workloads] == ["db"]


def test_a_bad_selector_is_refused_before_anything_is_asked(connection):
    with pytest.raises(UsageError, match="write for example"):
        ClusterReader(connection, ClusterSettings(selector="app in web"))


def test_nodes_carry_what_all_pods_reserve_on_them_also_those_of_other_namespaces(
    control_plane, read_shop, shop
):
    other, name = builder.unique("system"), builder.unique("node")
    control_plane.apply([builder.namespace(other), builder.pod(other, "agent", node=name)])
    state = read_shop(
        builder.node(name, cpu="8", memory="16Gi"),
        *deployment_with_pods(shop, "web", node=name, count=3),
        vpa(shop, "web"),
    )
    assert Node(name, 8.0, 16 * 1024 * MIB) in state.nodes
    assert state.reserved[name] == NodeLoad(cores=2.0, memory_bytes=2048 * MIB)


@pytest.mark.parametrize(
    ("metrics", "name"),
    [
        pytest.param(None, "scaler", id="utilisation of the pods"),
        pytest.param(
            [
                {
                    "type": "ContainerResource",
                    "containerResource": {
                        "name": "cpu",
                        "container": "app",
                        "target": {"type": "Utilization", "averageUtilization": 50},
                    },
                }
            ],
            "scaler",
            id="utilisation of a container",
        ),
        pytest.param(
            [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "memory",
                        "target": {"type": "Utilization", "averageUtilization": 50},
                    },
                }
            ],
            "",
            id="memory only",
        ),
    ],
)
def test_an_hpa_on_cpu_is_named(read_shop, shop, metrics, name):
    state = read_shop(
        *deployment_with_pods(shop, "web"),
        vpa(shop, "web"),
        builder.hpa(shop, "scaler", target="web", metrics=metrics),
    )
    assert [each.hpa_on_cpu for each in state.workloads] == [name]


def test_oom_kills_are_found_in_running_and_in_failed_pods(read_shop, shop):
    killed = builder.pod(
        shop,
        "done-bcdfg",
        owners=builder.owned_by("Job", "done", "batch/v1"),
        phase="Failed",
    )
    ended = {"exitCode": 137, "reason": "OOMKilled"}
    killed["status"]["containerStatuses"] = [
        {
            "name": "app",
            "image": "x",
            "imageID": "x",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
    ]
    state = read_shop(
        builder.job(shop, "done"), killed, vpa(shop, "done", kind="Job", version="batch/v1")
    )
    (workload,) = state.workloads
    assert (workload.replicas, workload.containers[0].oom_killed) == (0, True)


def test_a_namespace_in_which_nothing_is_found_is_named(read_shop):
    missing = builder.unique("missing")
    state = read_shop(namespace=(missing,))
    assert state.warnings == (f"nothing was found in namespace {missing}; is its name right?",)


def test_few_lists_are_asked_for_and_only_of_kinds_in_play(control_plane, connection, shop):
    asked = []

    class Counting:
        source = "counting"

        def request(self, method, path, **options):
            asked.append(path.rpartition("/")[2])
            return connection.request(method, path, **options)

    control_plane.apply([*deployment_with_pods(shop, "web"), vpa(shop, "web")])
    ClusterReader(Counting(), ClusterSettings(namespace=(shop,))).read()
    assert sorted(asked) == [
        "deployments",
        "energyprofiles",
        "horizontalpodautoscalers",
        "limitranges",
        "nodes",
        "pods",
        "replicasets",
        "resourcequotas",
        "verticalpodautoscalers",
    ]


def test_an_hpa_without_metrics_is_one_on_cpu_for_the_api_server_says_so(read_shop, shop):
    scaler = builder.hpa(shop, "scaler", target="web")
    del scaler["spec"]["metrics"]
    state = read_shop(*deployment_with_pods(shop, "web"), vpa(shop, "web"), scaler)
    (workload,) = state.workloads
    assert workload.hpa_on_cpu == "scaler"
    assert workload.scaler == CpuScaler(0.8, least=1, most=10)  # the API server's own default


def test_sidecars_and_injected_containers_are_told_from_those_that_can_be_sized(read_shop, shop):
    made = builder.pod(
        shop,
        "db-0",
        owners=builder.owned_by("StatefulSet", "db"),
        containers=[builder.container("app", cpu="500m"), builder.container("mesh", cpu="100m")],
        initContainers=[
            builder.container("migrate", cpu="1"),
            builder.container("log", cpu="50m", restart="Always"),
        ],
    )
    made["metadata"]["annotations"] = {"vpaObservedContainers": "app"}
    state = read_shop(
        builder.controller("StatefulSet", shop, "db"), made, vpa(shop, "db", kind="StatefulSet")
    )
    (workload,) = state.workloads
    assert [(each.name, each.is_injected, each.in_template) for each in workload.containers] == [
        ("app", False, True),
        ("mesh", True, False),
    ]
    assert workload.sidecars == ("log",)


@pytest.mark.parametrize(
    "mode", ["Off", "Initial", "Recreate", "InPlace", "InPlaceOrRecreate", "Auto"]
)
def test_a_vpa_of_every_update_mode_is_answered(read_shop, shop, mode):
    state = read_shop(
        *deployment_with_pods(shop, "web"), vpa(shop, "web", updatePolicy={"updateMode": mode})
    )
    assert [(each.update_mode, each.problem) for each in state.vpas] == [(mode, "")]


def test_policies_with_the_wildcard_and_zero_quantities_are_read_as_they_stand(read_shop, shop):
    listed = [
        {"containerName": "app", "minAllowed": {"cpu": "0"}, "maxAllowed": {"memory": "0"}},
        {"containerName": "*", "maxAllowed": {"cpu": "1"}, "controlledResources": ["memory"]},
    ]
    state = read_shop(
        *deployment_with_pods(shop, "web"),
        vpa(shop, "web", resourcePolicy={"containerPolicies": listed}),
    )
    (claim,) = state.vpas
    assert claim.policy("app") == ContainerPolicy("app")
    assert claim.policy("log") == ContainerPolicy(
        "*", max_allowed=Amounts(cpu_millicores=1000), controlled=frozenset({"memory"})
    )


def test_two_hundred_containers_are_read(read_shop, shop):
    names = [f"c{number}" for number in range(200)]
    state = read_shop(
        *deployment_with_pods(
            shop, "web", count=1, containers=[builder.container(name) for name in names]
        ),
        vpa(shop, "web"),
    )
    assert [each.name for each in state.workloads[0].containers] == names


def test_quantities_at_the_edge_are_read_from_the_real_api_server(read_shop, shop):
    odd = builder.container(cpu="1e-9", memory="1m", limits={"cpu": "9E"})
    state = read_shop(*deployment_with_pods(shop, "web", containers=[odd]), vpa(shop, "web"))
    (spec,) = state.workloads[0].containers
    assert spec.requests == Amounts(1, 1)
    assert spec.limits.cpu_millicores >= 2**63 - 1000
