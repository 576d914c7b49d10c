"""Who is charged, from cgroups and pods together, whatever comes, goes and fails."""

import pytest

from collector.identity.fake import FakePods
from collector.identity.identity import KERNEL, PODS_ROOT, Identity
from collector.identity.pod import decode_pods
from collector.model import ContainerFacts, Owner
from tests.collector.identity.build import (
    UID,
    CgroupFolders,
    a_pod,
    body_of,
    container_folder,
    container_id,
    pod_folder,
)

DEPLOYED = {"pod-template-hash": "7c5d"}
RUN = container_id("web-7c5d-x1/app")
OTHER_UID = "0a0b0c0d-1111-2222-3333-444455556666"


def owner(container="app", run=RUN, **more):
    fields = {"namespace": "shop", "pod": "web-7c5d-x1", "uid": UID}
    fields |= {"workload": "web", "workload_kind": "Deployment"}
    return Owner(
        **({"part": "container", "container": container, "container_id": run} | fields | more)
    )


POD = owner("", "")


class Node:
    """A tree of cgroups, a list of pods and a clock, with the Identity over them."""

    def __init__(self, folder):
        folder.mkdir()
        self.folders = CgroupFolders(folder)
        self.source = FakePods()
        self.now = 100.0
        self.lineages = {}
        self.identity = Identity(
            self.folders.hierarchy,
            self.source,
            ancestors_of=lambda group: self.lineages.get(group, ()),
            clock=lambda: self.now,
        )

    def tell(self, *pods):
        self.source.pods = decode_pods(body_of(*pods)).pods

    def cast(self, *groups, after=5.0):
        self.now += after
        return self.identity.cast(groups)


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path / "cgroup")


def test_container_pod_service_and_kernel(node):
    container = node.folders.add(container_folder(RUN))
    service = node.folders.add("/system.slice/kubelet.service")
    node.tell(a_pod(labels=DEPLOYED))
    owners = node.cast(container).owners

    assert owners[container] == owner()
    assert owners[(node.folders.root / pod_folder().lstrip("/")).stat().st_ino] == POD
    assert owners[service] == Owner("system", container="kubelet.service")
    assert owners[node.folders.root.stat().st_ino] == KERNEL
    assert owners[(node.folders.root / "kubepods.slice").stat().st_ino] == PODS_ROOT


def test_sub_cgroups_of_a_container_are_the_containers(node):
    nested = node.folders.add(container_folder(RUN) + "/init.scope/deeper")
    node.tell(a_pod(labels=DEPLOYED))

    assert node.cast(nested).owners[nested] == owner()


def test_sandbox_is_the_pods(node):
    node.folders.add(container_folder(RUN))
    sandbox = node.folders.add(container_folder(container_id("pause")))
    node.tell(a_pod(labels=DEPLOYED))

    for _ in range(3):
        cast = node.cast(sandbox)
        assert cast.owners[sandbox] == POD
    reads = node.source.reads
    for _ in range(9):
        node.cast(sandbox)
    assert node.source.reads == reads  # it is looked for no more


def test_container_that_the_kubelet_has_not_reported_is_its_pods_until_then(node):
    container = node.folders.add(container_folder(RUN))
    node.tell(a_pod(labels=DEPLOYED, runs={}))
    assert node.cast(container).owners[container] == POD

    node.tell(a_pod(labels=DEPLOYED))
    assert node.cast(container).owners[container] == owner()


def test_restarted_container_taken_for_the_sandbox_is_mended_with_later_news(node):
    """The kubelet still tells the run before, so that every container seems to be known."""
    again = container_id("second run")
    container = node.folders.add(container_folder(again))
    node.tell(a_pod(labels=DEPLOYED))
    for _ in range(4):
        assert node.cast(container).owners[container] == POD

    node.tell(a_pod(labels=DEPLOYED, runs={"app": again}))
    assert node.cast(container, after=60.0).owners[container] == owner(run=again)


def test_two_runs_of_a_container_are_two_owners(node):
    first = node.folders.add(container_folder(RUN))
    node.tell(a_pod(labels=DEPLOYED))
    node.cast(first)
    again = container_id("second run")
    second = node.folders.add(container_folder(again))
    node.tell(a_pod(labels=DEPLOYED, runs={"app": again}))
    owners = node.cast(first, second).owners

    assert (owners[first], owners[second]) == (owner(), owner(run=again))


def test_unknown_container_stays_visible_and_is_mended(node):
    container = node.folders.add(container_folder(RUN))
    before = node.cast(container).owners[container]
    assert before == Owner("unknown", uid=UID, container_id=RUN)

    node.tell(a_pod(labels=DEPLOYED))
    assert node.cast(container).owners[container] == owner()


def test_kubelet_gone_names_kept_new_ones_unknown_and_mended_later(node):
    old = node.folders.add(container_folder(RUN))
    node.tell(a_pod(labels=DEPLOYED))
    node.cast(old)
    node.source.failure = "the kubelet does not answer"
    run = container_id("new")
    new = node.folders.add(container_folder(run, OTHER_UID))
    cast = node.cast(old, new)

    assert cast.owners[old] == owner()
    assert cast.owners[new] == Owner("unknown", uid=OTHER_UID, container_id=run)
    assert cast.problems == (
        "the kubelet does not answer; pods keep their names, new ones are `unknown`",
    )

    node.source.failure = ""
    late = a_pod("db-0", uid=OTHER_UID, owner=("StatefulSet", "db"), runs={"app": run})
    node.tell(a_pod(labels=DEPLOYED), late)
    cast = node.cast(old, new)
    assert cast.owners[new] == owner(
        run=run, pod="db-0", uid=OTHER_UID, workload="db", workload_kind="StatefulSet"
    )
    assert cast.problems == ()


def test_pod_that_is_told_no_more_keeps_its_name_and_its_request(node):
    container = node.folders.add(container_folder(RUN))
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "500m"}))
    node.cast(container)
    node.tell()
    cast = node.cast(container, after=60.0)

    assert cast.owners[container] == owner()
    assert cast.facts[owner()].request_cores == 0.5


def test_ended_cgroup_keeps_its_owner_while_it_is_asked_for_and_has_no_facts(node):
    container = node.folders.add(container_folder(RUN), memory=1000)
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "500m"}))
    assert owner() in node.cast(container).facts
    assert node.identity.ended((container,)) == frozenset()
    node.folders.end(container_folder(RUN))

    assert node.identity.ended((container,)) == {container}
    cast = node.cast(container)
    assert cast.owners[container] == owner()
    assert owner() not in cast.facts
    node.cast()
    node.folders.add("/another")
    assert container not in node.cast(node.folders.add("/third")).owners


def test_cgroup_gone_before_it_was_seen_is_its_nearest_known_ancestors(node):
    node.folders.add(container_folder(RUN))
    pod = (node.folders.root / pod_folder().lstrip("/")).stat().st_ino
    node.tell(a_pod(labels=DEPLOYED))
    short, stranger = 10**15 + 1, 10**15 + 2
    node.lineages = {short: (10**15, pod), stranger: (10**15,)}
    owners = node.cast(short, stranger).owners

    assert owners[short] == POD
    assert stranger not in owners
    assert node.identity.ended((short, stranger)) == {short, stranger}


def test_overflow_row_has_no_owner_and_never_ends(node):
    assert 0 not in node.cast(0).owners
    assert node.identity.ended((0,)) == frozenset()


def test_facts_of_containers_that_did_nothing_yet_are_told_too(node):
    """An idle container reserves its request all the same."""
    node.folders.add(container_folder(RUN), memory=5000, cache=1000, throttled=250_000)
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "250m"}))

    assert node.cast().facts == {
        owner(): ContainerFacts(0.25, working_set_bytes=4000, throttled_seconds=0.25)
    }


def test_facts_follow_usage_and_requests(node):
    node.folders.add(container_folder(RUN), memory=5000)
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "250m"}))
    node.cast()
    node.folders.add(container_folder(RUN), memory=7000)
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "750m"}))
    facts = node.cast(after=60.0).facts[owner()]

    assert (facts.request_cores, facts.working_set_bytes) == (0.75, 7000)


def test_request_of_a_restarted_container_counts_once(node):
    node.folders.add(container_folder(RUN))
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "500m"}))
    node.cast()
    again = container_id("second run")
    node.folders.end(container_folder(RUN))
    new = node.folders.add(container_folder(again))
    node.tell(a_pod(labels=DEPLOYED, requests={"app": "500m"}, runs={"app": again}))
    facts = node.cast(new).facts

    assert sum(each.request_cores for each in facts.values()) == 0.5


def test_request_of_the_pod_beyond_its_containers_is_the_pods_while_it_is_there(node):
    container = node.folders.add(container_folder(RUN))
    pod = a_pod(labels=DEPLOYED, requests={"app": "500m"}, spec={"overhead": {"cpu": "250m"}})
    node.tell(pod)
    assert node.cast(container).facts[POD] == ContainerFacts(0.25)
    pod_id = (node.folders.root / pod_folder().lstrip("/")).stat().st_ino
    node.folders.end(pod_folder())
    node.identity.ended((container, pod_id))

    assert node.cast(container, pod_id).facts == {}


def test_without_kubernetes_containers_are_unknown_and_services_are_not(tmp_path):
    folders = CgroupFolders(tmp_path)
    container = folders.add(f"/system.slice/docker-{RUN}.scope")
    service = folders.add("/system.slice/ssh.service")
    owners = Identity(folders.hierarchy).cast((container, service)).owners

    assert owners[container] == Owner("unknown", container_id=RUN)
    assert owners[service] == Owner("system", container="ssh.service")


def test_cast_that_was_handed_out_does_not_change(node):
    container = node.folders.add(container_folder(RUN), memory=1)
    before = node.cast(container)
    node.tell(a_pod(labels=DEPLOYED))
    node.cast(container)

    assert before.owners[container].part == "unknown"
    assert [each.part for each in before.facts] == ["unknown"]


def test_root_that_is_not_the_machines_is_a_problem(tmp_path):
    folders = CgroupFolders(tmp_path)
    (tmp_path / "cgroup.type").touch()
    (problem,) = Identity(folders.hierarchy).cast(()).problems

    assert "mount the host's /sys/fs/cgroup" in problem
