"""The kubelet is gone for a while: names stay, new containers are visible without one until later."""

import contextlib
import subprocess
import uuid

import pytest

from tests.collector.real.watcher import Watcher, find_falls, find_imbalances
from tests.testbed.pod import BURN

CPU = "joulefit_container_cpu_seconds_total"
FAILURES = "joulefit_collector_failures_total"


@pytest.fixture
def token(node, tmp_path):
    """What the collector shows the kubelet; it reads the file for each request."""
    file = tmp_path / "token"
    file.write_text(node.kubelet_token)
    return file


@pytest.fixture
def mine(node, tree, token, start_collector):
    return start_collector(
        tree,
        *("--kubelet", node.kubelet_url, "--kubelet-ca-file", node.kubelet_ca),
        *("--kubelet-token-file", token),
    )


@pytest.fixture
def without_kubelet(node):
    """`without_kubelet()` ends it; it runs again when the test has ended."""
    gone = []

    def stop():
        node.stop_kubelet()
        gone.append(True)

    def start():
        if gone:
            node.start_kubelet()
            gone.clear()

    yield stop, start
    start()


@pytest.fixture
def orphan(node):
    """`orphan(beside)`: the uid of a pod that no kubelet knows, which has burnt for half a second."""
    folders = []

    def burn(beside):
        pod = node.pod_cgroup(beside).parent / f"pod{uuid.uuid4()}"
        container = pod / f"{uuid.uuid4().hex}{uuid.uuid4().hex}"
        folders.extend([container, pod])
        container.mkdir(parents=True)
        join = f"echo $$ > {container / 'cgroup.procs'} && exec timeout 0.5 sh -c 'while :; do :; done'"
        subprocess.run(["sh", "-c", join], check=False)
        return pod.name.removeprefix("pod")

    yield burn
    for folder in folders:  # unless the kubelet has removed it, which it does with orphans
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()


def of(scrape, item):
    metadata = item["metadata"]
    return scrape.total(CPU, namespace=metadata["namespace"], pod=metadata["name"])


def test_names_are_kept_and_new_ones_are_unknown_until_the_kubelet_tells(
    node, node_namespace, mine, token, without_kubelet, orphan
):
    stop_kubelet, start_kubelet = without_kubelet
    old = node.run_pod("old", namespace=node_namespace, command=BURN, cpu_limit="200m")
    with Watcher(mine) as watcher:
        mine.wait_named([old])
        stop_kubelet()
        begin = mine.scrape_next()
        stranger = orphan(old)
        away = mine.wait_for(lambda scrape: scrape.total(FAILURES, kind="pods") > 0, "a failure")
        page_away = mine.get("/").text
        token.write_text("expired")  # when the kubelet is back it will not talk to us yet
        start_kubelet()
        new = node.run_pod("new", namespace=node_namespace, command=BURN, cpu_limit="200m")
        uid = new["metadata"]["uid"]
        unknown = mine.wait_for(
            lambda scrape: scrape.total(CPU, namespace="unknown", pod=uid) > 0.1, "new is seen"
        )
        refused = mine.wait_for(lambda _: "(401)" in mine.get("/").text, "it is refused")
        page_refused = mine.get("/").text
        token.write_text(node.kubelet_token)
        mine.wait_named([new], seconds=90.0)
        mended = mine.scrape_next()

    assert away.total(CPU, namespace="unknown", pod=stranger) > 0.0
    assert "does not answer; pods keep their names, new ones are `unknown`" in page_away
    assert of(away, old) >= of(begin, old) > 0.0
    assert of(unknown, old) > of(begin, old)
    assert of(unknown, new) == 0.0
    assert (
        "does not accept the token (401); pods keep their names, new ones are `unknown`"
        in page_refused
    )
    assert mine.get("/readyz").status_code == 200
    assert of(mended, new) > 0.0
    assert of(mended, old) > of(refused, old)
    assert find_falls(watcher.scrapes) == []
    assert find_imbalances(watcher.scrapes) == {}
