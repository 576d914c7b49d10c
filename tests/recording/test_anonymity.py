"""An anonymous recording tells nothing of whose cluster it was, and the same numbers."""

import re
import zlib

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.errors import UsageError
from recommender.model.cluster import Amounts
from recommender.model.identity import ContainerRef, PodOwners
from recommender.recording import anonymize, choose_recorded_settings, write_recording
from recommender.settings import ClusterSettings, SizingSettings, StoreSettings, WindowSettings
from tests.recording.sample import NAMES, ROLLOUT, array_bits, make_recording, split_file

KEY = b"sixteen bytes ok"
OTHER = b"another 16 bytes"


@pytest.fixture
def hidden():
    return anonymize(make_recording(), key=KEY)


def _everything(path):
    """All bytes of a file, packed and plain."""
    data = path.read_bytes()
    _, _, packed = split_file(data)
    return data + b"".join(map(zlib.decompress, packed.values()))


def test_none_of_the_names_is_in_the_file(tmp_path):
    path = tmp_path / "week.joulefit"
    write_recording(path, make_recording())
    open_bytes = _everything(path).lower()
    assert [name for name in NAMES if name.encode() not in open_bytes] == []
    write_recording(path, anonymize(make_recording()))
    closed_bytes = _everything(path).lower()
    assert [name for name in NAMES if name.encode() in closed_bytes] == []


def test_one_name_has_one_pseudonym_wherever_it_stands(hidden):
    cluster, usage = hidden.cluster, hidden.history.usage
    cart = next(each for each in cluster.workloads if each.containers[0].oom_killed)
    vpa = next(each for each in cluster.vpas if each.target is not None)
    container = cart.containers[0].name
    assert vpa.target == cart.ref
    assert vpa.namespace == cart.ref.namespace
    assert vpa.policies[0].container == container
    entries = vpa.status["recommendation"]["containerRecommendations"]
    assert entries[0]["containerName"] == container
    assert ContainerRef(cart.ref, container) in usage.containers
    nodes = {node.name for node in cluster.nodes}
    assert nodes == set(hidden.history.nodes.nodes) == set(cluster.reserved) == set(cart.pods_on)


def test_pseudonyms_tell_what_they_name(hidden):
    cart = next(each for each in hidden.cluster.workloads if each.containers[0].oom_killed)
    looks = {
        "namespace": cart.ref.namespace,
        "workload": cart.ref.name,
        "container": cart.containers[0].name,
        "hpa": cart.hpa_on_cpu,
        "node": hidden.cluster.nodes[0].name,
        "vpa": hidden.cluster.vpas[0].name,
    }
    for role, pseudonym in looks.items():
        assert re.fullmatch(role + "-[0-9a-f]{12}", pseudonym)
    assert cart.scaler.container == cart.containers[0].name


def test_the_same_key_gives_the_same_pseudonyms_and_another_key_others():
    first, second = (anonymize(make_recording(), key=KEY) for _ in range(2))
    other = anonymize(make_recording(), key=OTHER)
    assert first.history.usage.containers == second.history.usage.containers
    assert not set(first.history.usage.containers) & set(other.history.usage.containers)


def test_without_a_key_each_time_is_another():
    first, second = (anonymize(make_recording()) for _ in range(2))
    assert not set(first.history.nodes.nodes) & set(second.history.nodes.nodes)


@pytest.mark.parametrize("key", [b"", b"fifteen bytes.."], ids=["empty", "short"])
def test_a_key_that_can_be_guessed_is_refused(key):
    with pytest.raises(UsageError, match="give at least 16"):
        anonymize(make_recording(), key=key)


def test_every_row_keeps_its_numbers_in_the_order_of_the_new_names():
    before = make_recording().history.usage
    old_rows = {ref.workload.kind: row for row, ref in enumerate(before.containers)}
    orders = set()
    for number in range(8):
        after = anonymize(make_recording(), key=bytes([number]) * 16).history.usage
        assert list(after.containers) == sorted(after.containers)
        # Kinds of Kubernetes are kept, the third one is the custom kind.
        kinds = [ref.workload.kind for ref in after.containers]
        rows = [old_rows.get(kind, old_rows[ROLLOUT.kind]) for kind in kinds]
        orders.add(tuple(rows))
        for name in array_bits(before):
            expected = getattr(before, name)[rows]
            assert np.array_equal(getattr(after, name), expected, equal_nan=True), name
    assert len(orders) > 1  # else the names of this test do not show that rows move


def test_every_node_keeps_its_numbers(hidden):
    before, after = make_recording().history.nodes, hidden.history.nodes
    assert array_bits(after) == array_bits(before)
    assert (after.quality, after.reach) == (before.quality, before.reach)
    assert after.cpu_model == before.cpu_model
    for node in hidden.cluster.nodes:
        assert node.cpu_model in ("", after.cpu_model[after.nodes.index(node.name)])


def test_what_cannot_name_anything_is_kept(hidden):
    recording = make_recording()
    assert hidden.is_anonymous
    assert hidden.created == recording.created
    assert hidden.history.usage.grid == recording.history.usage.grid
    assert hidden.history.queries == recording.history.queries
    models = {(node.cpu_model, node.instance_type) for node in hidden.cluster.nodes}
    assert models == {("AMD EPYC 7763", "m6a.16xlarge"), ("", "")}
    assert hidden.cluster.node_releaser == "karpenter"
    assert hidden.settings == {"history": "1209600.0"}
    vpa = next(each for each in hidden.cluster.vpas if each.target is not None)
    assert (vpa.generation, vpa.update_mode, vpa.work_class) == (3, "Off", "critical")
    assert vpa.policies[0].is_off
    assert vpa.policies[0].max_allowed.cpu_millicores == 2000
    assert vpa.policies[1].container == "*"


def test_the_rules_of_a_namespace_keep_their_numbers_under_its_pseudonym(hidden):
    cart = next(each for each in hidden.cluster.workloads if each.containers[0].oom_killed)
    (before,) = make_recording().cluster.limits.values()
    after = hidden.cluster.limits[cart.ref.namespace]
    assert [replace(each, name="ibex-range") for each in after.ranges] == list(before.ranges)
    assert [replace(each, name="bison-quota") for each in after.quotas] == list(before.quotas)


def test_rivals_keep_their_numbers_and_order_and_are_named_as_what_they_rival(hidden):
    cart = next(each for each in hidden.cluster.workloads if each.containers[0].oom_killed)
    stock, other = hidden.cluster.rivals
    assert {stock.target, other.target} == {cart.ref}
    assert stock.targets == {cart.containers[0].name: Amounts(512, 2**30)}
    assert stock.recommender == "default"
    assert re.fullmatch("recommender-[0-9a-f]{12}", other.recommender)
    assert re.fullmatch("vpa-[0-9a-f]{12}", other.name)


def test_a_status_keeps_its_numbers_and_loses_its_texts(hidden):
    vpa = next(each for each in hidden.cluster.vpas if each.target is not None)
    assert vpa.status["observedGeneration"] == 3
    entry = vpa.status["recommendation"]["containerRecommendations"][0]
    assert entry["target"] == {"cpu": "411m", "memory": "1181116006"}
    assert entry["lowerBound"] == {"cpu": "372m", "memory": "262144k"}
    assert entry["upperBound"] == {"cpu": "470m", "memory": "1.5Gi"}
    assert vpa.status["conditions"] == [
        {
            "type": "RecommendationProvided",
            "status": "True",
            "lastTransitionTime": "2025-12-31T23:55:00Z",
            "message": "text left out: this recording is anonymous",
        }
    ]


@pytest.mark.parametrize(
    "status",
    [
        {"recommendation": "okapi"},
        {"recommendation": {"containerRecommendations": "okapi"}},
        {"recommendation": {"containerRecommendations": ["okapi"]}},
        {"recommendation": {"containerRecommendations": [{"target": "okapi"}]}},
        {"recommendation": {"containerRecommendations": [{"target": {"cpu": "okapi"}}]}},
        {"recommendation": {"containerRecommendations": [{"target": {"okapi": "1"}}]}},
        {"observedGeneration": "okapi"},
        {"conditions": "okapi"},
        {"conditions": [{"type": "LowConfidence", "status": "okapi"}]},
        {"conditions": [{"type": "LowConfidence", "lastTransitionTime": "okapi"}]},
        {"conditions": [{"type": "LowConfidence", "status": ["okapi"]}]},
        {"conditions": [{"type": ["okapi"]}]},
        {"conditions": [7, None]},
    ],
    ids=str,
)
def test_a_status_of_any_form_gives_no_name_away(status):
    recording = make_recording()
    vpa = replace(recording.cluster.vpas[0], status=status)
    cluster = replace(recording.cluster, vpas=(vpa,))
    hidden = anonymize(replace(recording, cluster=cluster), key=KEY)
    assert "okapi" not in str(hidden.cluster.vpas[0].status)


def test_texts_are_replaced_by_what_is_missing(hidden):
    assert hidden.cluster.source == "anonymous: a cluster"
    assert hidden.store == "anonymous: a metric store"
    assert hidden.cluster.warnings == ("1 warning left out: this recording is anonymous",)
    assert hidden.history.warnings == ("2 warnings left out: this recording is anonymous",)
    assert [choice.schema for choice in hidden.history.sources] == ["cadvisor"]
    problems = [vpa.problem for vpa in hidden.cluster.vpas if vpa.problem]
    assert problems == ["text left out: this recording is anonymous"]
    assert hidden.cluster.owners == PodOwners()


def test_a_simulated_cluster_still_says_so():
    hidden = anonymize(make_recording(is_simulated=True), key=KEY)
    assert hidden.is_simulated
    assert hidden.cluster.source == "anonymous: a simulated cluster"
    assert hidden.store == "anonymous: a simulated metric store"


def test_an_unknown_releaser_of_nodes_is_not_named():
    cluster = replace(make_recording().cluster, node_releaser="okapi-scaler")
    assert anonymize(make_recording(cluster=cluster)).cluster.node_releaser == "a node releaser"


def test_a_work_class_that_is_none_stays_one_without_its_name():
    vpa = replace(make_recording().cluster.vpas[0], work_class="okapi")
    cluster = replace(make_recording().cluster, vpas=(vpa,))
    assert anonymize(make_recording(cluster=cluster)).cluster.vpas[0].work_class == "unknown"


def test_of_an_energy_profile_the_class_and_what_was_recommended_are_left(hidden):
    (vpa,) = [each for each in hidden.cluster.vpas if each.profile]
    profile, target = vpa.profile, vpa.target
    assert (profile.work_class, profile.objective) == ("critical", "energy")
    assert (profile.work_metric, profile.latency, profile.resource_version) == (None, None, "")
    assert profile.status["target"] == {"kind": target.kind, "name": target.name}
    (container,) = profile.status["containers"]
    (entry,) = vpa.status["recommendation"]["containerRecommendations"]
    assert {"containerName": container["name"], **container["recommended"]} == entry


@pytest.mark.parametrize("status", [{}, {"target": {"kind": "Deployment", "name": "okapi"}}])
def test_what_an_energy_profile_learnt_of_another_workload_is_left_out(status):
    vpa = make_recording().cluster.vpas[0]
    profile = replace(vpa.profile, status=status, work_class="okapi", objective="okapi")
    cluster = replace(make_recording().cluster, vpas=(replace(vpa, profile=profile),))
    found = anonymize(make_recording(cluster=cluster)).cluster.vpas[0].profile
    assert (found.status, found.work_class, found.objective) == ({}, "unknown", "")


def test_the_key_is_in_no_text_of_the_pseudonyms(hidden):
    assert KEY not in repr(hidden).encode()


def test_recorded_settings_say_what_was_read_and_hold_no_secret():
    store = StoreSettings(store_token="hunter2", store="http://reader:hunter2@metrics")
    cluster = ClusterSettings(recommender_name="clever", namespace=("shop", "data"))
    window = WindowSettings(history=86400.0)
    chosen = choose_recorded_settings(store, cluster, window, SizingSettings())
    assert chosen["recommender_name"] == "clever"
    assert chosen["namespace"] == "shop,data"
    assert chosen["history"] == "86400.0"
    assert chosen["step"] == "300"
    assert chosen["end"] == "None"
    assert "hunter2" not in str(chosen)
    assert "store" not in chosen
