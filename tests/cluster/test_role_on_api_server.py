"""The role is enough to read and to write, and holds nothing that is not needed."""

import subprocess

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.reader import ClusterReader
from recommender.cluster.role import list_rules
from recommender.cluster.status import build_status
from recommender.cluster.writer import StatusWriter
from recommender.errors import ClusterForbiddenError
from recommender.settings import ClusterSettings
from tests.cluster import builder
from tests.cluster.builder import custom, deployment_with_pods, vpa
from tests.cluster.verdict import report, sized
from tests.testbed.process import wait_until

GROUP = "role.testbed.invalid"
NOW = "2026-05-01T12:00:00Z"
SCALE = {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]}
EVENTS = {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]}
OPTIONAL = ("limitranges", "resourcequotas", "energyprofiles", "energyprofiles/status")
RAISING = [
    rule
    for rule in list_rules()
    if rule not in (SCALE, EVENTS) and rule["resources"][0] not in OPTIONAL
]


@pytest.fixture(scope="module")
def busy_namespace(control_plane):
    """A namespace with a Deployment and a scalable custom object, each with a VPA of ours."""
    shop = builder.unique("role")
    control_plane.apply([builder.custom_definition("Ship", GROUP)])
    control_plane.kubectl(
        "wait", "--for=condition=Established", "--timeout=30s", f"crd/ships.{GROUP}"
    )
    control_plane.apply(
        [
            builder.namespace(shop),
            *deployment_with_pods(shop, "web"),
            custom("Ship", GROUP, shop, "boat", selector="app=boat"),
            builder.pod(shop, "deck", labels={"app": "boat"}),
            vpa(shop, "web"),
            vpa(shop, "boat", kind="Ship", version=f"{GROUP}/v1"),
        ]
    )
    return shop


def read_and_write(kubeconfig, shop, **settings):
    """As `joulefit run --once --all-workloads`; what came of each VPA."""
    settings = ClusterSettings(kubeconfig=str(kubeconfig), all_workloads=True, **settings)
    with connect(settings) as opened:
        state = ClusterReader(opened, settings).read()
        writer = StatusWriter(opened)
        written = [
            writer.write(each, build_status(each, report(sized()), [], now=NOW))
            for each in state.vpas
            if each.namespace == shop
        ]
        return state, written


def test_the_role_is_enough_to_read_and_to_write(control_plane, busy_namespace):
    kubeconfig = control_plane.new_user(builder.unique("role"), list_rules())
    state, written = read_and_write(kubeconfig, busy_namespace)
    ours = [each for each in state.vpas if each.namespace == busy_namespace]
    assert [(each.name, each.problem) for each in ours] == [("boat", ""), ("web", "")]
    assert written == ["written", "written"]
    assert state.warnings == ()


def described(rule):
    return f"{rule['resources'][0]} {','.join(rule['verbs'])}"


@pytest.mark.parametrize("missing", RAISING, ids=described)
def test_without_any_one_of_its_rules_the_error_names_that_rule(
    control_plane, busy_namespace, missing
):
    rules = [rule for rule in list_rules() if rule != missing]
    kubeconfig = control_plane.new_user(builder.unique("role"), rules)
    for name in ("web", "boat"):
        address = "/apis/autoscaling.k8s.io/v1/namespaces/{}/verticalpodautoscalers/{}/status"
        control_plane.api.patch(address.format(busy_namespace, name), {"status": None})
    with pytest.raises(ClusterForbiddenError) as caught:
        read_and_write(kubeconfig, busy_namespace)
    verb = "list" if "list" in missing["verbs"] else missing["verbs"][0]
    resource = missing["resources"][0]
    assert str(caught.value).startswith(f"{resource}: {verb} is forbidden for system:service")


def test_without_the_rule_for_scale_the_vpas_of_other_kinds_say_so(control_plane, busy_namespace):
    rules = [rule for rule in list_rules() if rule != SCALE]
    kubeconfig = control_plane.new_user(builder.unique("role"), rules)
    state, _ = read_and_write(kubeconfig, busy_namespace)
    problems = {each.name: each.problem for each in state.vpas if each.namespace == busy_namespace}
    assert problems["boat"].startswith("targetRef cannot be read: ships/scale: get is forbidden")
    assert problems["web"] == ""


def test_without_the_rules_for_energy_profiles_all_works_and_it_is_said_once(
    control_plane, busy_namespace
):
    rules = [rule for rule in list_rules() if rule["apiGroups"] != ["joulefit.io"]]
    kubeconfig = control_plane.new_user(builder.unique("role"), rules)
    state, _ = read_and_write(kubeconfig, busy_namespace)
    assert [each.problem for each in state.vpas if each.namespace == busy_namespace] == ["", ""]
    (warning,) = state.warnings
    assert warning.startswith("EnergyProfiles are not read: energyprofiles: list is forbidden for")
    assert "apiGroups ['joulefit.io'], resources ['energyprofiles'], verbs ['list']" in warning


def test_the_role_holds_no_secret_no_wildcard_and_no_write_but_status_and_events():
    allowed = {
        "verticalpodautoscalers/status": {"patch"},
        "energyprofiles/status": {"patch"},
        "events": {"create"},
    }
    for rule in list_rules():
        assert "secrets" not in rule["resources"]
        assert "*" not in rule["resources"] + rule["verbs"]
        writes = set(rule["verbs"]) - {"get", "list", "watch"}
        (resource,) = rule["resources"]
        assert writes == allowed.get(resource, set())


@pytest.fixture(scope="module")
def team_kubeconfig(control_plane, busy_namespace):
    """A user who may look into one namespace only."""
    name = builder.unique("team")
    kubeconfig = control_plane.new_user(name, [])
    rules = [rule for rule in list_rules() if rule["resources"] != ["nodes"]]
    rbac = "rbac.authorization.k8s.io"
    control_plane.apply(
        [
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "Role",
                "metadata": {"name": name, "namespace": busy_namespace},
                "rules": rules,
            },
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": name, "namespace": busy_namespace},
                "subjects": [
                    {"kind": "ServiceAccount", "name": name, "namespace": "testbed-users"}
                ],
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            },
        ]
    )
    account = f"system:serviceaccount:testbed-users:{name}"
    allowed = ("auth", "can-i", "list", "pods", "-n", busy_namespace, f"--as={account}")

    def may_list():
        try:
            return control_plane.kubectl(*allowed).strip() == "yes"
        except subprocess.CalledProcessError:
            return False

    wait_until(may_list, "the role binding is in force")
    return kubeconfig


def test_who_sees_one_namespace_only_gets_its_state_and_warnings(team_kubeconfig, busy_namespace):
    state, _ = read_and_write(team_kubeconfig, busy_namespace, namespace=(busy_namespace,))
    assert {each.ref.name for each in state.workloads} == {"web", "boat"}
    assert state.nodes == ()
    prices, pods = sorted(state.warnings, reverse=True)
    assert prices.startswith("without nodes there is no price of a core: nodes: list is forbidden")
    assert pods.startswith(
        "what pods of other namespaces reserve is not known, so a core is priced"
    )
    assert state.reserved == {}


def test_who_sees_one_namespace_only_is_told_so_when_asking_for_all(
    team_kubeconfig, busy_namespace
):
    with pytest.raises(ClusterForbiddenError, match=r"list is forbidden for .* cluster-wide"):
        read_and_write(team_kubeconfig, busy_namespace)
