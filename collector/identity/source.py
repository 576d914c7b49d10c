"""The node's pods from the kubelet or from the API server. Both verify TLS unless told not to."""

from __future__ import annotations

import os
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from collector.identity.failure import PodListError
from collector.identity.pod import decode_pods

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """One GET over a connection of its own. Python's own client: `requests` takes 9 MB more, of
    the 45 that the collector may have. Neither proxies nor .netrc stand between a node and its
    kubelet.
    """

    def __init__(self, who: str, url: str, access: Access) -> None:
        self._who = who
        self._url = url.rstrip("/")
        self._access = access

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        where = f"{self._who} at {self._url}{path}"
        target = urlsplit(self._url).path + path + ("?" + urlencode(query) if query else "")
        try:
            connection, headers = self._prepare()
            with closing(connection):
                connection.request("GET", target, headers=headers)
                with connection.getresponse() as answer:
                    if answer.status != 200:
                        raise PodListError(self._explain(answer.status, where))
                    return self._read(answer, where)
        except ssl.SSLCertVerificationError as error:
            raise PodListError(
                f"the certificate of {where} is not trusted: name its CA file, or let the kubelet"
                " take a certificate of the cluster (serverTLSBootstrap)",
                detail=str(error),
            ) from error
        except (OSError, HTTPException) as error:
            raise PodListError(f"{where} does not answer", detail=repr(error)) from error

    def _prepare(self) -> tuple[HTTPConnection, dict[str, str]]:
        """A connection, not yet open, and what to say on it; no token where all can read it."""
        parts, access = urlsplit(self._url), self._access
        headers = {"Accept": "application/json"}
        if parts.scheme != "https":
            return HTTPConnection(parts.netloc, timeout=access.timeout), headers
        try:
            if access.token_file:
                headers["Authorization"] = f"Bearer {_read_token(access.token_file)}"
            context = _tls(access)
        except OSError as error:
            what = error.filename or access.ca_file
            raise PodListError(f"{what}: {error.strerror or error}") from error
        return HTTPSConnection(parts.netloc, timeout=access.timeout, context=context), headers

    def _read(self, answer: HTTPResponse, where: str) -> bytes:
        """Bounded in time and size: one that trickles or never ends must not stop the loop."""
        until = time.monotonic() + self._access.timeout
        body = bytearray()
        while chunk := answer.read1(_CHUNK):  # what is there: read() would wait for all of it
            body += chunk
            if len(body) > _MOST_BYTES or time.monotonic() > until:
                raise PodListError(f"{where} does not come to an end")
        if answer.length:
            raise PodListError(f"{where} does not answer: {answer.length} bytes are missing")
        return bytes(body)

    def _explain(self, status: int, where: str) -> str:
        if status == 401:
            return f"{where} does not accept the token (401)"
        if status == 403:
            return f"{where} forbids it (403): the role needs {_NEEDS[self._who]}"
        return f"{where} answers {status}"


def _read_token(path: str) -> str:
    """A text that would make a bad header is told apart here: errors about headers quote them."""
    text = Path(path).read_bytes().strip()
    if not text or not all(0x21 <= byte <= 0x7E for byte in text):
        raise PodListError(f"{path} holds no token")
    return text.decode("ascii")


def _tls(access: Access) -> ssl.SSLContext:
    """Made anew for each request, since CA files rotate too; 1 ms."""
    context = ssl.create_default_context(cafile=access.ca_file or None)
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
