"""The node's pods from the kubelet or from the API server. Both verify TLS unless told not to."""

from __future__ import annotations

import os
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import urllib3

from collector.identity.failure import PodListError
from collector.identity.pod import decode_pods

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collector.identity.pod import PodListing

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CHUNK = 1 << 16
_MOST_BYTES = 64 << 20
"""250 pods with all their annotations take 5 MB."""
_NEEDS = {
    "the kubelet": "get on nodes/proxy (or nodes/pods, Kubernetes 1.33)",
    "the API server": "list on pods",
}


@dataclass(frozen=True)
class Access:
    """How to reach a server.

    token_file   bearer token, read again for each request, since it rotates; "" for none
    ca_file      CA bundle that signed the server's certificate; "" for the system's
    insecure     do not verify the certificate
    timeout      seconds for the whole answer
    """

    token_file: str = str(SERVICE_ACCOUNT / "token")
    ca_file: str = str(SERVICE_ACCOUNT / "ca.crt")
    insecure: bool = False
    timeout: float = 3.0


class KubeletPods:
    """`/pods` of the kubelet: the first to know, static pods too; costs the API server nothing."""

    name = "the kubelet"

    def __init__(self, url: str = "https://127.0.0.1:10250", access: Access | None = None) -> None:
        self._fetcher = _Fetcher(self.name, url, access or Access())

    def read_pods(self) -> PodListing:
        return decode_pods(self._fetcher.fetch("/pods", {}))


class ApiServerPods:
    """Pods of one node from the API server, out of its cache."""

    name = "the API server"

    def __init__(self, node: str, url: str = "", access: Access | None = None) -> None:
        self._node = node
        self._fetcher = _Fetcher(self.name, url or _url_in_cluster(), access or Access())

    def read_pods(self) -> PodListing:
        query = {"fieldSelector": f"spec.nodeName={self._node}", "resourceVersion": "0"}
        return decode_pods(self._fetcher.fetch("/api/v1/pods", query))


def _url_in_cluster() -> str:
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class _Fetcher:
    def __init__(self, who: str, url: str, access: Access) -> None:
        self._who = who
        self._url = url.rstrip("/")
        self._access = access
        self._session = requests.Session()
        # Neither a proxy nor .netrc of the environment stands between a node and its kubelet.
        self._session.trust_env = False

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        where = f"{self._who} at {self._url}{path}"
        try:
            with _quiet(is_quiet=self._access.insecure), self._get(path, query) as answer:
                if answer.status_code != 200:
                    raise PodListError(self._explain(answer.status_code, where))
                return self._read(answer, where)
        except requests.exceptions.SSLError as error:
            raise PodListError(
                f"the certificate of {where} is not trusted: name its CA file, or let the kubelet"
                " take a certificate of the cluster (serverTLSBootstrap)",
                detail=str(error),
            ) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise PodListError(f"{where} does not answer", detail=str(error)) from error
        except OSError as error:  # token or CA file
            what = error.filename or self._access.ca_file
            raise PodListError(f"{what}: {error.strerror or error}") from error

    def _get(self, path: str, query: Mapping[str, str]) -> requests.Response:
        access = self._access
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if access.token_file:
            headers["Authorization"] = "Bearer " + Path(access.token_file).read_text().strip()
        return self._session.get(
            self._url + path,
            params=dict(query),
            headers=headers,
            verify=False if access.insecure else access.ca_file or True,
            timeout=access.timeout,
            allow_redirects=False,
            stream=True,
        )

    def _read(self, answer: requests.Response, where: str) -> bytes:
        """Bounded in time and size: one that trickles or never ends must not stop the loop."""
        until = time.monotonic() + self._access.timeout
        body = bytearray()
        while chunk := answer.raw.read1(_CHUNK):  # what is there: read() would wait for all of it
            body += chunk
            if len(body) > _MOST_BYTES or time.monotonic() > until:
                raise PodListError(f"{where} does not come to an end")
        return bytes(body)

    def _explain(self, status: int, where: str) -> str:
        if status == 401:
            return f"{where} does not accept the token (401)"
        if status == 403:
            return f"{where} forbids it (403): the role needs {_NEEDS[self._who]}"
        return f"{where} answers {status}"


@contextmanager
def _quiet(*, is_quiet: bool) -> Iterator[None]:
    """Not to verify was asked for: to say so once is enough."""
    with warnings.catch_warnings():
        if is_quiet:
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        yield
