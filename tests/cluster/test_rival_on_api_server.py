"""On the real API server: a stock VPA and one of ours on one Deployment."""

import json

from recommender.model.cluster import Amounts, Rival
from recommender.model.identity import WorkloadRef
from tests.cluster.builder import deployment_with_pods, vpa

TARGET = {"cpu": "512m", "memory": "262144k"}
STATUS = {
    "recommendation": {"containerRecommendations": [{"containerName": "app", "target": TARGET}]}
}


def _shadowed(shop):
    return [
        *deployment_with_pods(shop, "web"),
        vpa(shop, "web", updatePolicy={"updateMode": "Off"}),
        vpa(shop, "web-stock", target="web", recommenders=(), status=STATUS),
    ]


def test_a_rival_is_read_from_the_list_of_vpas_and_kept_as_it_was(read_shop, shop, control_plane):
    state = read_shop(*_shadowed(shop))
    ref = WorkloadRef(shop, "Deployment", "web")
    assert state.rivals == (Rival("web-stock", "default", ref, {"app": Amounts(512, 262144000)}),)
    assert [vpa.name for vpa in state.vpas] == ["web"]
    text = control_plane.kubectl("get", "vpa", "web-stock", "-n", shop, "-o", "json")
    found = json.loads(text)
    assert found["status"] == STATUS
    assert found["metadata"]["generation"] == 1


def test_a_rival_of_a_workload_that_is_not_chosen_is_left_out(read_shop, shop):
    assert read_shop(*_shadowed(shop), selector="app=another").rivals == ()


def test_beside_a_vpa_of_ours_that_gets_no_answer_nothing_is_a_rival(read_shop, shop):
    state = read_shop(
        vpa(shop, "gone", target="gone"),
        vpa(shop, "gone-stock", target="gone", recommenders=()),
    )
    assert state.vpas[0].problem
    assert state.rivals == ()
