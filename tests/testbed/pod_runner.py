"""What tests do with pods: run, wait, list, delete, in namespaces that come and go with a test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.testbed.api import ApiError
from tests.testbed.control_plane import ControlPlane
from tests.testbed.pod import container, is_ready, pod
from tests.testbed.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PODS_SECONDS = 60.0
POLL_SECONDS = 0.1

Object = dict[str, Any]


class PodRunner(ControlPlane):
    """A control plane with something that runs pods; `_runs` says whether it still does."""

    def __init__(self) -> None:
        super().__init__()
        self._namespaces = 0

    def _runs(self, item: Mapping[str, Any]) -> bool:
        raise NotImplementedError

    @contextmanager
    def namespace(self, name: str) -> Iterator[str]:
        """A new namespace, its name made unique; no process of its pods outlives the context."""
        self._namespaces += 1
        unique = f"{name}-{self._namespaces}"
        self.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique}}])
        try:
            yield unique
        finally:
            pods = self.list_pods(namespace=unique)
            self.api.delete(f"/api/v1/namespaces/{unique}")  # no new pods from here on
            # Its controller waits five seconds before it deletes what is in it; we need not.
            self.api.delete(f"/api/v1/namespaces/{unique}/pods", grace_seconds=1)
            wait_until(
                lambda: not any(self._runs(item) for item in pods),
                f"the pods of {unique} have ended",
                pause=POLL_SECONDS,
            )

    def run_pod(
        self,
        name: str,
        *,
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        spec: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Object:
        """Create a pod of one container and wait until it is ready; the pod as it is then.

        `options` are those of `pod.container`: `command`, `cpu_request` and so on; `spec` are other
        fields of the pod's spec.
        """
        wanted = pod(name, container(**options), namespace=namespace, labels=labels, **(spec or {}))
        self.apply([wanted])
        return self.wait_ready(name, namespace=namespace)

    def find_pod(self, name: str, *, namespace: str = "default") -> Object | None:
        try:
            return self.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def list_pods(self, selector: str = "", *, namespace: str = "default") -> list[Object]:
        """The pods with these labels, written as for `kubectl -l`."""
        query = f"?labelSelector={quote(selector)}"
        found: list[Object] = self.api.get(f"/api/v1/namespaces/{namespace}/pods{query}")["items"]
        return found

    def wait_ready(
        self, name: str, *, namespace: str = "default", seconds: float = PODS_SECONDS
    ) -> Object:
        """The pod, as soon as it is ready.

        Raises:
            TimeoutError: it is not in time; the notes hold what its events say.
        """
        try:
            wait_until(
                lambda: is_ready(self.find_pod(name, namespace=namespace) or {}),
                f"pod {namespace}/{name} is ready",
                seconds=seconds,
                pause=POLL_SECONDS,
            )
        except TimeoutError as error:
            error.add_note(self.kubectl("-n", namespace, "describe", "pod", name))
            raise
        found = self.find_pod(name, namespace=namespace)
        assert found is not None
        return found

    def delete_pod(
        self, name: str, *, namespace: str = "default", seconds: float = PODS_SECONDS
    ) -> None:
        """Delete the pod as `kubectl delete` does, and wait until the kubelet has ended it."""
        before = self.find_pod(name, namespace=namespace)
        if before is None:
            return
        self.api.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", grace_seconds=1)
        wait_until(
            lambda: _uid(self.find_pod(name, namespace=namespace)) != _uid(before),
            f"pod {namespace}/{name} is gone",
            seconds=seconds,
            pause=POLL_SECONDS,
        )


def _uid(item: Mapping[str, Any] | None) -> str:
    return item["metadata"]["uid"] if item else ""
