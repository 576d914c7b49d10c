"""What doctor says of a cluster, each finding by itself and all of them by a fake API server."""

from __future__ import annotations

import re

import pytest

from recommender.cluster.check import examine_cluster
from recommender.cluster.component import ADMISSION, UPDATER, Components
from recommender.cluster.fake import FakeApi
from recommender.cluster.judgement import (
    judge_components,
    judge_nodes,
    judge_permissions,
    judge_profile_crd,
    judge_releaser,
    judge_requests,
    judge_vpa_crd,
    judge_vpas,
)
from recommender.cluster.permission import ACCESS_REVIEWS, SELF_REVIEWS, Permission
from recommender.cluster.resource import PROFILES, VPAS
from recommender.errors import UsageError
from recommender.model.cluster import (
    Amounts,
    ClusterState,
    ContainerSpec,
    Node,
    Vpa,
    Workload,
)
from recommender.model.identity import WorkloadRef
from recommender.settings import ClusterSettings
from tests.cluster import builder

WHOLE = Amounts(500, 2**29)
VPA_GROUP = "/apis/autoscaling.k8s.io/v1"


def workload(name, *requests):
    containers = tuple(ContainerSpec(f"c{i}", each) for i, each in enumerate(requests))
    return Workload(WorkloadRef("shop", "Deployment", name), containers)


def claimed(name, problem="", *, matches_pods=True):
    target = WorkloadRef("shop", "Deployment", name)
    return Vpa("shop", name, 1, target, problem=problem, matches_pods=matches_pods)


def healthy():
    """A cluster in which nothing is missing."""
    return [
        builder.node("n1"),
        *builder.deployment_with_pods("shop", "web", node="n1"),
        builder.vpa("shop", "web"),
        builder.pod("kube-system", "cluster-autoscaler-1"),
        builder.pod("kube-system", "vpa-updater-1"),
        builder.pod("kube-system", "vpa-admission-controller-1"),
    ]


def examine(fake, **settings):
    return examine_cluster(fake, ClusterSettings(**settings))


def levels(findings):
    return {check.subject: check.level for check in findings.checks}


ALL = {
    "api server",
    "api server clock",
    "vpa crd",
    "energy profiles",
    "permissions",
    "lease",
    "nodes",
    "autoscaler",
    "vpas",
    "requests",
    "vpa parts",
    "recommenders",
}


def test_a_healthy_cluster_is_ok_in_every_line():
    findings = examine(FakeApi(healthy()))
    assert levels(findings) == dict.fromkeys(ALL, "ok")
    assert [node.name for node in findings.state.nodes] == ["n1"]


def test_nothing_is_written():
    fake = FakeApi(healthy())
    examine(fake)
    written = [asked for asked in fake.requests if not asked.startswith("GET ")]
    reviews = {f"POST {each.path()}" for each in (ACCESS_REVIEWS, SELF_REVIEWS)}
    assert set(written) == reviews


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_api_server_that_answers_nothing_is_one_line(status):
    asked = ("GET /version", f"POST {SELF_REVIEWS.path()}")
    findings = examine(FakeApi(failures=dict.fromkeys(asked, status)))
    assert levels(findings) == {"api server": "fail"}
    assert findings.state is None


def test_a_version_that_may_not_be_asked_for_is_not_told():
    findings = examine(FakeApi(healthy(), failures={"GET /version": 403}))
    assert findings.checks[0].level == "ok"
    assert findings.checks[0].found == "a fake API server, as fake-user"


@pytest.mark.parametrize(
    ("failure", "subjects"),
    [
        (f"GET {VPA_GROUP}", {"vpa crd"}),
        (f"GET /apis/{PROFILES.group}/{PROFILES.version}", {"energy profiles"}),
        (f"POST {ACCESS_REVIEWS.path()}", {"permissions", "lease"}),
        ("GET /api/v1/nodes", {"workloads"}),
        ("GET /apis/autoscaling/v2/horizontalpodautoscalers", {"workloads"}),
        ("GET /api/v1/pods", {"workloads", "vpa parts"}),
    ],
)
def test_what_fails_is_a_line_and_all_other_checks_are_made(failure, subjects):
    found = levels(examine(FakeApi(healthy(), failures={failure: 500})))
    assert {subject for subject, level in found.items() if level == "fail"} == subjects
    rest = ALL - {"workloads", "nodes", "autoscaler", "vpas", "requests", "recommenders"}
    assert rest <= found.keys()


def test_an_object_with_a_quantity_that_is_none_does_not_end_the_page():
    nonsense = builder.node("n2", cpu="many")
    found = {check.subject: check for check in examine(FakeApi([*healthy(), nonsense])).checks}
    assert found["nodes"].found == "1 node with 32 cores"
    assert found["requests"].level == found["vpa parts"].level == "ok"


def test_a_selector_that_cannot_be_meant_is_the_users_error():
    with pytest.raises(UsageError):
        examine(FakeApi(healthy()), selector="a in b")


@pytest.mark.parametrize(
    ("offset", "level", "said"),
    [
        (0.0, "ok", "within"),
        (-8.0, "ok", "within"),
        (60.0, "warn", "1 min ahead of this machine's"),
        (-600.0, "fail", "10 min behind this machine's"),
    ],
)
def test_the_clock_of_the_api_server_is_compared(offset, level, said):
    fake = FakeApi(healthy(), clock=lambda: 1_700_000_000.0 + offset)
    findings = examine_cluster(fake, ClusterSettings(), clock=lambda: 1_700_000_000.5)
    [check] = [each for each in findings.checks if each.subject == "api server clock"]
    assert check.level == level
    assert check.found.startswith(said)


def test_a_server_that_does_not_tell_its_time_is_not_judged_by_it():
    fake = FakeApi(healthy(), failures={f"POST {SELF_REVIEWS.path()}": 404})
    assert levels(examine(fake)) == dict.fromkeys(ALL - {"api server clock"}, "ok")


class TestCrds:
    def test_without_the_crd_of_vpa_nothing_can_be_written_and_the_report_still_works(self):
        check = judge_vpa_crd(frozenset())
        assert (check.level, "no VerticalPodAutoscaler" in check.found) == ("fail", True)
        assert "install VPA's CRDs" in check.advice
        assert "--all-workloads" in check.advice

    def test_without_the_status_subresource_no_recommender_can_write(self):
        check = judge_vpa_crd(frozenset({VPAS.plural}))
        assert (check.level, "no status subresource" in check.found) == ("fail", True)
        assert "VPA 1.0" in check.advice

    def test_with_both_it_is_ok(self):
        assert judge_vpa_crd(frozenset({VPAS.plural, f"{VPAS.plural}/status"})).level == "ok"

    @pytest.mark.parametrize("resources", [frozenset(), frozenset({"energyprofiles"})], ids=str)
    def test_energy_profiles_are_optional(self, resources):
        assert judge_profile_crd(resources).level == "ok"

    def test_a_missing_crd_is_said_once(self):
        failures = {f"GET {VPA_GROUP}{end}": 404 for end in ("", "/verticalpodautoscalers")}
        found = examine(FakeApi(healthy()[:-3], failures=failures)).checks
        assert sum("no VerticalPodAutoscaler" in check.found for check in found) == 1


class TestPermissions:
    LIST, PATCH = Permission("", "pods", "list"), Permission("g", "vpas/status", "patch")
    SCALE = Permission("*", "*/scale", "get", loss="nothing is scaled")

    def test_all_granted_is_a_count(self):
        [check] = judge_permissions([self.LIST, self.PATCH], [], user="alice")
        assert check.level == "ok"
        assert check.found == "all 2 needed verbs are granted to alice"

    def test_what_is_refused_is_named_for_whom_with_the_rule(self):
        [check] = judge_permissions([self.LIST, self.PATCH], [self.PATCH], user="alice")
        assert check.level == "fail"
        assert check.found == "forbidden for alice: patch vpas/status"
        assert [each["kind"] for each in check.manifests] == ["ClusterRole", "ClusterRoleBinding"]

    def test_what_can_be_done_without_is_a_warning_that_says_what_is_lost(self):
        good, check = judge_permissions([self.LIST, self.SCALE], [self.SCALE], user="alice")
        assert (good.level, check.level) == ("ok", "warn")
        assert good.found.startswith("all 1 needed")
        assert "get */scale (nothing is scaled)" in check.found
        assert check.manifests

    def test_an_unknown_user_gets_a_role_to_bind(self):
        [check] = judge_permissions([self.LIST], [self.LIST], user="")
        assert check.advice == "let an administrator bind this role"
        assert [each["kind"] for each in check.manifests] == ["ClusterRole"]

    def test_they_are_asked_of_the_api_server(self):
        refused = "patch verticalpodautoscalers/status"
        fake = FakeApi(healthy(), refused=[refused], user="alice")
        [check] = [each for each in examine(fake).checks if each.level == "fail"]
        assert check.found == f"forbidden for alice: {refused}"


class TestState:
    def test_without_nodes_there_is_no_price_and_else_they_are_counted_with_their_cores(self):
        assert judge_nodes(ClusterState("x")).level == "warn"
        state = ClusterState("x", nodes=(Node("a", 64, 1), Node("b", 32, 1)))
        assert judge_nodes(state).found == "2 nodes with 96 cores"

    def test_without_an_autoscaler_that_removes_nodes_savings_stay_small(self):
        check = judge_releaser(ClusterState("x"))
        assert check.level == "warn"
        assert "savings stay small" in check.found
        seen = judge_releaser(ClusterState("x", node_releaser="karpenter"))
        assert (seen.level, seen.found) == ("ok", "karpenter removes nodes that become empty")

    def test_no_vpa_of_ours_is_told_how_to_name_us(self):
        check = judge_vpas(ClusterState("x"), "clever")
        assert check.level == "warn"
        assert "no VPA names clever" in check.found
        assert "recommenders: [{name: clever}]" in check.advice

    def test_vpas_are_counted(self):
        one = ClusterState("x", vpas=(claimed("a"),))
        two = ClusterState("x", vpas=(claimed("a"), claimed("b")))
        assert judge_vpas(one, "joulefit").found == "1 VPA names joulefit"
        assert judge_vpas(two, "joulefit").found == "2 VPAs name joulefit"

    def test_the_first_problems_of_vpas_are_named_and_the_others_counted(self):
        vpas = [claimed(name, "bad spec") for name in "abcd"]
        vpas.append(claimed("e", matches_pods=False))
        check = judge_vpas(ClusterState("x", vpas=tuple(vpas)), "joulefit")
        assert check.level == "warn"
        assert check.found == (
            "5 VPAs name joulefit; 5 of them cannot be answered: shop/a: bad spec; shop/b: bad"
            " spec; shop/c: bad spec; and 2 more"
        )
        alone = judge_vpas(ClusterState("x", vpas=(claimed("e", matches_pods=False),)), "joulefit")
        assert "shop/e: no pod of its target runs" in alone.found

    def test_workloads_without_requests_are_named_with_what_they_lack(self):
        workloads = (
            workload("whole", WHOLE),
            workload("no-cpu", WHOLE, Amounts(None, 1)),
            workload("nothing", Amounts()),
        )
        check = judge_requests(workloads)
        assert check.level == "warn"
        assert check.found == (
            "2 of 3 workloads lack requests (shop/deploy/no-cpu cpu, shop/deploy/nothing cpu and"
            " memory)"
        )
        assert judge_requests(workloads[:1]).found == "1 workload, all with requests"
        assert judge_requests(()).level == "warn"

    def test_a_namespace_that_is_empty_is_a_warning(self):
        found = examine(FakeApi(healthy()), namespace=("shoop",))
        [warning] = [check for check in found.checks if check.subject == "cluster"]
        assert warning.level == "warn"
        assert "namespace shoop" in warning.found


class TestComponents:
    REF = WorkloadRef("kube-system", "Deployment", "x")
    TWIN = WorkloadRef("other", "Deployment", "y")

    def parts(self, *names):
        return Components(dict.fromkeys(names, frozenset({self.REF})), {})

    @pytest.mark.parametrize(
        ("seen", "missing"),
        [
            ((), "no VPA updater and no admission controller seen"),
            ((UPDATER,), "no VPA admission controller seen"),
            ((ADMISSION,), "no VPA updater seen"),
        ],
    )
    def test_without_a_part_what_is_written_is_not_applied(self, seen, missing):
        check = judge_components(self.parts(*seen), "joulefit")[0]
        assert check.level == "warn"
        assert check.found.startswith(missing)

    def test_with_both_it_says_where(self):
        check = judge_components(self.parts(UPDATER, ADMISSION), "joulefit")[0]
        assert (check.level, check.found) == (
            "ok",
            "updater and admission controller run in kube-system",
        )

    def test_two_recommenders_of_one_name_overwrite_each_other(self):
        both = Components({}, {"joulefit": frozenset({self.REF, self.TWIN})})
        check = judge_components(both, "joulefit")[1]
        assert check.level == "fail"
        assert re.search("kube-system/deploy/x, other/deploy/y", check.found)
        assert judge_components(both, "clever")[1].level == "ok"

    def test_one_recommender_of_our_name_is_well(self):
        one = Components({}, {"joulefit": frozenset({self.REF})})
        check = judge_components(one, "joulefit")[1]
        assert (check.level, check.found) == ("ok", "kube-system/deploy/x answers to joulefit")

    def test_pods_that_may_not_be_listed_are_a_warning(self):
        found = levels(examine(FakeApi(healthy(), failures={"GET /api/v1/pods": 403})))
        assert found["vpa parts"] == "warn"
