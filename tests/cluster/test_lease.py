"""One writer: whoever holds the Lease, for as long as it can be sure of it."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.cluster.connection import connect
from recommender.cluster.lease import Lease, LeaseTimes, boot_seconds, find_namespace
from recommender.cluster.resource import LEASES
from recommender.errors import ClusterForbiddenError, ClusterReplyError
from recommender.settings import ClusterSettings, LeaseSettings
from tests.cluster import builder

TIMES = LeaseTimes(duration=15.0, renew_within=10.0, retry=2.0)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shop(control_plane):
    name = builder.unique("lease")
    control_plane.apply([builder.namespace(name)])
    return name


@pytest.fixture
def client(control_plane):
    with connect(ClusterSettings(kubeconfig=str(control_plane.kubeconfig))) as connection:
        yield connection


@pytest.fixture
def replica(client, shop, clock):
    """`replica(identity)`: one that competes for the Lease of this test."""
    return lambda identity: Lease(
        client, namespace=shop, name="joulefit", identity=identity, times=TIMES, clock=clock
    )


def read(control_plane, shop):
    return control_plane.api.get(LEASES.path(shop, "joulefit"))["spec"]


def test_the_first_to_come_holds_it_and_others_do_not(replica, control_plane, shop):
    one, other = replica("one"), replica("other")
    assert one.try_once()
    assert not other.try_once()
    assert (one.is_held, other.is_held, other.holder) == (True, False, "one")
    spec = read(control_plane, shop)
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("one", 15)
    assert spec.get("leaseTransitions", 0) == 0


def test_its_holder_trusts_it_for_ten_seconds_and_no_longer(replica, clock):
    one = replica("one")
    one.try_once()
    clock.now += 9.9
    assert one.is_held
    clock.now += 0.2
    assert not one.is_held


def test_a_renewed_lease_is_never_taken(replica, clock):
    one, other = replica("one"), replica("other")
    for _ in range(20):
        assert one.try_once()
        assert not other.try_once()
        clock.now += 2.0


def test_one_that_is_not_renewed_is_taken_after_its_duration(replica, clock, control_plane, shop):
    one, other = replica("one"), replica("other")
    one.try_once()
    other.try_once()
    clock.now += 14.9
    assert not other.try_once()
    clock.now += 0.1
    assert other.try_once()
    assert not one.is_held
    assert read(control_plane, shop)["leaseTransitions"] == 1


def test_a_holder_that_was_frozen_does_not_take_it_back_from_who_has_it(replica, clock):
    one, other = replica("one"), replica("other")
    one.try_once()
    other.try_once()
    clock.now += 60.0
    assert other.try_once()
    assert not one.is_held
    assert not one.try_once()
    assert (one.is_held, one.holder) == (False, "other")


def test_a_holder_that_was_frozen_alone_goes_on(replica, clock):
    one = replica("one")
    one.try_once()
    clock.now += 60.0
    assert not one.is_held
    assert one.try_once()
    assert one.is_held


def test_one_that_is_given_back_is_taken_at_once(replica):
    one, other = replica("one"), replica("other")
    one.try_once()
    other.try_once()
    one.release()
    assert not one.is_held
    assert other.try_once()


def test_giving_back_what_another_holds_changes_nothing(replica, clock, control_plane, shop):
    one, other = replica("one"), replica("other")
    one.try_once()
    other.try_once()
    clock.now += 15.0
    other.try_once()
    one.release()
    assert read(control_plane, shop)["holderIdentity"] == "other"


def test_a_lease_of_another_program_with_its_own_duration_is_respected(
    replica, clock, control_plane, shop
):
    control_plane.apply(
        [
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "joulefit", "namespace": shop},
                "spec": {"holderIdentity": "stranger", "leaseDurationSeconds": 40},
            }
        ]
    )
    one = replica("one")
    assert not one.try_once()
    clock.now += 39.0
    assert not one.try_once()
    clock.now += 1.0
    assert one.try_once()


def test_a_missing_permission_is_named(control_plane, shop, clock):
    kubeconfig = control_plane.new_user(builder.unique("reader"), [])
    with connect(ClusterSettings(kubeconfig=str(kubeconfig))) as connection:
        one = Lease(connection, namespace=shop, name="joulefit", identity="one", clock=clock)
        with pytest.raises(ClusterForbiddenError, match=r"leases: get is forbidden .* grant it"):
            one.try_once()
        assert not one.is_held


def test_kept_until_the_end_and_then_given_back(replica, control_plane, shop):
    one, end, heard = replica("one"), threading.Event(), []

    def on_change(is_held):
        heard.append(is_held)
        end.set()

    one.keep(end, on_change=on_change)
    assert heard == [True]
    assert not one.is_held
    assert "holderIdentity" not in read(control_plane, shop)


def test_time_goes_on_while_a_process_is_stopped():
    """The clock is the one that counts since the machine's start, not the process' own."""
    assert boot_seconds() > 0.0
    assert LeaseTimes().renew_within < LeaseTimes().duration


class Server:
    """A Lease in memory: versions are checked as the API server does."""

    source = "memory"

    def __init__(self):
        self.body = None
        self.version = 0

    def request(self, method, _path, *, body=None, **_):
        import msgspec

        if method == "GET":
            if self.body is None:
                raise ClusterReplyError("not found", status=404)
            return self.body
        content = msgspec.json.decode(body)
        seen = content["metadata"].get("resourceVersion", "")
        if (method == "POST") != (self.body is None) or seen != str(self.version or ""):
            raise ClusterReplyError("conflict", status=409)
        self.version += 1
        content["metadata"]["resourceVersion"] = str(self.version)
        self.body = msgspec.json.encode(content)
        return self.body


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0.0, 20.0), st.sampled_from(["try", "release"])),
        max_size=60,
    )
)
def test_no_two_ever_hold_it_at_once(steps):
    """Three replicas that try at any times, with stops of any length between."""
    clock, server = Clock(), Server()
    replicas = [
        Lease(server, namespace="a", name="b", identity=str(n), times=TIMES, clock=clock)
        for n in range(3)
    ]
    for number, seconds, what in steps:
        clock.now += seconds
        if what == "try":
            replicas[number].try_once()
        else:
            replicas[number].release()
        assert sum(each.is_held for each in replicas) <= 1


@pytest.mark.parametrize(
    ("given_name", "of_the_pod", "found"),
    [
        pytest.param("", None, "joulefit", id="outside of a pod"),
        pytest.param("", "energy\n", "energy", id="that of the pod"),
        pytest.param("", "\n", "joulefit", id="a pod that does not know it"),
        pytest.param("ops", "energy\n", "ops", id="what the option says"),
    ],
)
def test_the_lease_is_where_the_option_or_the_pod_says(tmp_path, given_name, of_the_pod, found):
    if of_the_pod is not None:
        (tmp_path / "namespace").write_text(of_the_pod)
    assert find_namespace(LeaseSettings(lease_namespace=given_name), tmp_path) == found
