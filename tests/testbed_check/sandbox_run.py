"""A test run in small, for test_sandbox.py: starts a sandbox or a node, says what is there, ends.

    python -m tests.testbed_check.sandbox_run sandbox|node return|raise|wait

Prints one JSON object when all runs; `wait` then waits to be killed.
"""

import json
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.testbed.node import KubernetesNode
from tests.testbed.process import Server, wait_until
from tests.testbed.sandbox import Sandbox

# A link like those of pods: one end in a network namespace of the sandbox, one in the machine's.
LINK = """
ip netns add pod
ip link add {link} type veth peer name eth0 netns pod
ip address add {gateway}/32 dev {link}
ip link set {link} up
ip route add {address}/32 dev {link}
mount -t tmpfs none /var/tmp
touch /var/tmp/ready
mv /var/tmp/ready /run/ready
exec ip netns exec pod sleep 1000
"""


@contextmanager
def sandbox_with_a_link():
    with tempfile.TemporaryDirectory(prefix="joulefit-testbed-") as folder:
        sandbox = Sandbox(Path(folder))
        try:
            sandbox.start()
            gateway, address = list(sandbox.subnet.hosts())[:2]
            link = f"veth{sandbox.pid}"
            script = LINK.format(link=link, gateway=gateway, address=address)
            inside = Server(sandbox.enter("sh", "-ec", script), sandbox.folder / "link.log")
            inside.wait_ready((sandbox.folder / "run" / "ready").exists)
            yield sandbox, sandbox.folder, [link]
        finally:
            sandbox.stop()


@contextmanager
def node_with_a_pod():
    with KubernetesNode() as node:
        node.run_pod("same")
        yield node.sandbox, node.folder, links_of(node.sandbox.subnet)


def links_of(subnet) -> list[str]:
    listed = subprocess.run(["ip", "-json", "route"], check=True, capture_output=True, text=True)
    routes = json.loads(listed.stdout)
    prefix = str(subnet.network_address).rsplit(".", 1)[0] + "."
    return [route["dev"] for route in routes if route["dst"].startswith(prefix)]


def namespaces_of(pid: int) -> dict[str, str]:
    return {kind: str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in ("mnt", "pid")}


def main(what: str, end: str) -> None:
    start = {"sandbox": sandbox_with_a_link, "node": node_with_a_pod}[what]
    with start() as (sandbox, folder, links):
        print(
            json.dumps(
                {
                    "folder": str(folder),
                    "cgroup": sandbox.name,
                    "links": links,
                    "namespaces": namespaces_of(sandbox.pid),
                }
            ),
            flush=True,
        )
        if end == "raise":
            raise RuntimeError("the test failed")
        if end == "wait":
            sys.stdin.read()
            wait_until(lambda: False, "the end", seconds=600)


if __name__ == "__main__":
    # A test run that was put into the background hands on that it is deaf to interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(*sys.argv[1:])
