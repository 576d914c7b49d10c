"""VPAs of other recommenders on our targets are read as far as a comparison needs, never harmful."""

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.fake import FakeApi
from recommender.cluster.reader import ClusterReader
from recommender.cluster.rival import decode_rivals
from recommender.cluster.vpa import VpaItem, claim_vpas
from recommender.model.cluster import Amounts, Rival
from recommender.model.identity import WorkloadRef
from recommender.settings import ClusterSettings
from recommender.units import MIB
from tests.cluster.builder import deployment_with_pods, vpa

WEB = WorkloadRef("shop", "Deployment", "web")
OURS = vpa("shop", "ours", target="web")


def status_of(**targets):
    entries = [{"containerName": name, "target": target} for name, target in targets.items()]
    return {"recommendation": {"containerRecommendations": entries}}


def stock_vpa(name="stock", *, target="web", recommenders=(), age="2026-01-01T00:00:00Z", **rest):
    made = vpa("shop", name, target=target, recommenders=recommenders, **rest)
    made["metadata"]["creationTimestamp"] = age
    return made


def rivals_of(*items, ours=OURS):
    decoded = [
        msgspec.json.decode(msgspec.json.encode(item), type=VpaItem) for item in (ours, *items)
    ]
    return decode_rivals(decoded, claim_vpas(decoded, "joulefit"))


def test_the_stock_vpa_beside_ours_is_a_rival_with_its_targets():
    item = stock_vpa(status=status_of(app={"cpu": "512m", "memory": "1Gi"}, log={"cpu": 2}))
    assert rivals_of(item) == (
        Rival(
            "stock",
            "default",
            WEB,
            {"app": Amounts(512, 1024 * MIB), "log": Amounts(2000, None)},
        ),
    )


def test_the_recommender_that_it_names_is_told():
    (found,) = rivals_of(stock_vpa(recommenders=("performance",)))
    assert found.recommender == "performance"
    (found,) = rivals_of(stock_vpa(recommenders=("b", "a")))
    assert found.recommender == "a, b"


def test_a_rival_that_recommends_nothing_yet_is_one_without_targets():
    (found,) = rivals_of(stock_vpa())
    assert found.targets == {}


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(stock_vpa(target="api"), id="another target"),
        pytest.param(stock_vpa(kind="StatefulSet"), id="another kind"),
        pytest.param(stock_vpa(version="apps.kruise.io/v1"), id="another group"),
        pytest.param(vpa("pay", "stock", target="web", recommenders=()), id="another namespace"),
        pytest.param(vpa("shop", "two", target="web"), id="a second one of ours"),
        pytest.param(
            vpa("shop", "both", target="web", recommenders=("joulefit", "x")),
            id="one that names us too",
        ),
    ],
)
def test_what_is_no_vpa_of_others_on_our_target_is_no_rival(item):
    assert rivals_of(item) == ()


def test_without_a_vpa_of_ours_there_is_no_rival():
    assert rivals_of(stock_vpa(), ours=stock_vpa("other")) == ()


def test_one_that_is_being_deleted_is_left_out():
    item = stock_vpa()
    item["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    assert rivals_of(item) == ()


@pytest.mark.parametrize("version", ["extensions/v1beta1", None])
def test_kubernetes_own_kinds_are_the_same_in_their_old_group_and_without_one(version):
    assert [rival.name for rival in rivals_of(stock_vpa(version=version))] == ["stock"]


def test_the_oldest_stands_first_and_the_name_decides_between_equals():
    items = (
        stock_vpa("young", age="2026-03-01T00:00:00Z"),
        stock_vpa("b-old", age="2026-02-01T00:00:00Z"),
        stock_vpa("a-old", age="2026-02-01T00:00:00Z"),
    )
    assert [rival.name for rival in rivals_of(*items)] == ["a-old", "b-old", "young"]


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ({"cpu": "lots", "memory": "1Mi"}, Amounts(None, MIB)),
        ({"cpu": "-5m", "memory": "0"}, None),
        ({"cpu": ["1"], "memory": {"a": 1}}, None),
        ({"cpu": None}, None),
        ({"cpu": "1e-9"}, Amounts(1, None)),  # rounded up, as Kubernetes does
        ("500m", None),
        (None, None),
    ],
    ids=str,
)
def test_of_a_target_what_is_no_quantity_above_zero_is_left_out(target, read):
    (found,) = rivals_of(stock_vpa(status=status_of(app=target)))
    assert found.targets == ({} if read is None else {"app": read})


@pytest.mark.parametrize(
    "status",
    [
        None,
        [],
        {"recommendation": None},
        {"recommendation": {"containerRecommendations": {}}},
        {"recommendation": {"containerRecommendations": [None, 7, {"target": {"cpu": "1"}}]}},
        {"recommendation": {"containerRecommendations": [{"containerName": 3, "target": {}}]}},
    ],
    ids=str,
)
def test_a_status_of_another_form_recommends_nothing(status):
    item = stock_vpa()
    item["status"] = status
    (found,) = rivals_of(item)
    assert found.targets == {}


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(spec=_ANYTHING, status=_ANYTHING)
def test_whatever_others_write_ours_are_read_as_without_them(spec, status):
    alone = FakeApi([*deployment_with_pods("shop", "web"), OURS])
    odd = copy.deepcopy(stock_vpa())
    odd["spec"], odd["status"] = spec, status
    beside = FakeApi([*deployment_with_pods("shop", "web"), OURS, odd])
    plain, found = (ClusterReader(each, ClusterSettings()).read() for each in (alone, beside))
    assert (found.vpas, found.workloads) == (plain.vpas, plain.workloads)
    assert found.rivals == ()
    assert not [each for each in beside.requests if not each.startswith("GET ")]
