"""LimitRanges and ResourceQuotas as the API server serves them."""

import msgspec
import pytest

from recommender.cluster.limit import convert_limits
from recommender.cluster.manifest import LimitRangeItem, QuotaItem
from recommender.model.cluster import Amounts, LimitRange, NamespaceLimits, Quota
from recommender.units import MIB

GIB = 1024 * MIB
SHOP = frozenset({"shop"})


def limit_range(*items, ns="shop"):
    made = {"metadata": {"name": "caps", "namespace": ns}, "spec": {"limits": list(items)}}
    return msgspec.json.decode(msgspec.json.encode(made), type=LimitRangeItem)


def quota(*, hard=None, used=None, ns="shop", **spec):
    made = {
        "metadata": {"name": "compute", "namespace": ns},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used},
    }
    return msgspec.json.decode(msgspec.json.encode(made), type=QuotaItem)


def ranges_of(*items):
    found = convert_limits([limit_range(*items)], [], SHOP)
    return found["shop"].ranges if found else ()


def quotas_of(*items):
    found = convert_limits([], items, SHOP)
    return found["shop"].quotas if found else ()


def test_items_for_containers_and_pods_are_read_whole():
    container = {
        "type": "Container",
        "min": {"cpu": "50m", "memory": "32Mi"},
        "max": {"cpu": "2", "memory": "1Gi"},
        "default": {"cpu": "1"},
        "defaultRequest": {"cpu": "100m"},
        "maxLimitRequestRatio": {"cpu": "2500m", "memory": "4"},
    }
    claim = {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}
    pod = {"type": "Pod", "max": {"cpu": "4"}}
    assert ranges_of(container, claim, pod) == (
        LimitRange(
            "caps",
            minimum=Amounts(50, 32 * MIB),
            maximum=Amounts(2000, GIB),
            default=Amounts(1000),
            cpu_ratio=2.5,
            memory_ratio=4.0,
        ),
        LimitRange("caps", is_of_pods=True, maximum=Amounts(4000)),
    )


def test_only_the_namespaces_that_are_asked_for_are_kept():
    found = convert_limits(
        [limit_range({"type": "Pod"}), limit_range({"type": "Pod"}, ns="other")],
        [quota(ns="other"), quota(ns="third")],
        frozenset({"shop", "other", "empty"}),
    )
    assert list(found) == ["other", "shop"]
    assert found["shop"] == NamespaceLimits((LimitRange("caps", is_of_pods=True),))


@pytest.mark.parametrize("ratio", ["0", "-1", "lots", ""])
def test_a_ratio_that_can_be_none_is_none(ratio):
    (found,) = ranges_of({"type": "Container", "maxLimitRequestRatio": {"cpu": ratio}})
    assert found.cpu_ratio is None


def test_what_is_no_quantity_or_below_zero_is_absent():
    (found,) = ranges_of({"type": "Pod", "max": {"cpu": "NaN", "memory": "-1Gi"}})
    assert found.maximum == Amounts()


def test_hard_and_used_are_read_by_either_name_of_requests():
    hard = {"cpu": "4", "requests.memory": "8Gi", "limits.cpu": "10", "pods": "9"}
    used = {"cpu": "1500m", "requests.memory": "0", "limits.cpu": "3", "pods": "2"}
    assert quotas_of(quota(hard=hard, used=used)) == (
        Quota("compute", Amounts(4000, 8 * GIB), Amounts(10_000), Amounts(1500, 0), Amounts(3000)),
    )


def test_of_two_names_of_one_resource_the_tighter_binds():
    (found,) = quotas_of(quota(hard={"cpu": "4", "requests.cpu": "2"}))
    assert found.requests == Amounts(2000)


@pytest.mark.parametrize(
    ("spec", "is_kept"),
    [
        ({}, True),
        ({"scopes": ["NotBestEffort"]}, True),
        ({"scopes": ["NotTerminating", "NotBestEffort"]}, True),
        ({"scopes": ["Terminating"]}, False),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass"}]}}, False),
    ],
    ids=["all pods", "with requests", "and no deadline", "deadline", "no requests", "a class"],
)
def test_quotas_that_count_some_pods_only_are_left_out(spec, is_kept):
    assert bool(quotas_of(quota(hard={"cpu": "1"}, **spec))) is is_kept
