"""The real API server: configuration and authentication by the `kubernetes` package, bytes out.

The package is imported in `connect` only: 0.15 s and 16 MB. Of it the configuration loaders and
the connection pool are used, never its generated models: they turn 5,000 pods into objects in
5.2 s and 526 MB, msgspec in 0.04 s and 11 MB.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import msgspec
import urllib3

from recommender.cluster.api import JSON
from recommender.cluster.failure import translate_failure
from recommender.cluster.kubeconfig import load_configuration
from recommender.errors import ClusterConfigError, ClusterUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recommender.errors import ClusterError
    from recommender.settings import ClusterSettings

_CONNECT_SECONDS = 5.0
_RETRIED = frozenset({429, 500, 502, 503, 504})


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how long to wait after 429, 5xx and broken connections.

    Few and short: a recommender comes again in a minute. Every request here may be repeated:
    reads, merge patches that give the same object however often they are applied, and Events,
    whose names are chosen before they are sent. A 409 is an answer: the object is another by now
    than the patch was made for. A server that asks (Retry-After) for more patience than `longest`
    is not waited for.
    """

    attempts: int = 3
    first: float = 0.2  # seconds, doubled each time
    longest: float = 10.0

    def delay(self, attempt: int, asked: str | None) -> float | None:
        """Seconds to wait after the attempt (from 1); None: give up."""
        if attempt >= self.attempts:
            return None
        own = self.first * 2 ** (attempt - 1)
        wanted = float(asked) if asked and asked.isdecimal() else 0.0
        return None if wanted > self.longest else max(own, wanted)


@dataclass(frozen=True)
class Credentials:
    """Where the API server is and who we are, for a client of another kind; "" where not used.

    `token` comes after `scheme` (Bearer, Basic) in the Authorization header.
    """

    server: str
    ca_file: str = ""
    is_insecure: bool = False
    scheme: str = ""
    token: str = field(default="", repr=False)
    certificate_file: str = ""
    key_file: str = ""
    proxy: str = field(default="", repr=False)


class _Failure(msgspec.Struct, frozen=True):
    error: ClusterError
    may_pass: bool
    retry_after: str | None = None


def connect(settings: ClusterSettings) -> ApiConnection:
    """The API server that kubectl would talk to, or the one of the pod this runs in.

    Raises ClusterConfigError where kubeconfig, context or credentials cannot be used. No
    request is sent yet.
    """
    loaded = load_configuration(settings)
    return ApiConnection(
        loaded.configuration,
        source=loaded.source,
        timeout=settings.cluster_timeout,
        is_near=loaded.is_near,
    )


class ApiConnection:
    """Requests to one API server: kept-alive connections, time limits, retries.

    Safe to use from several threads. `configuration` is a `kubernetes.client.Configuration`;
    `is_near` says that compressing replies costs more than it saves.
    """

    def __init__(
        self,
        configuration: Any,
        *,
        source: str,
        timeout: float,
        is_near: bool = False,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from kubernetes.client.rest import RESTClientObject  # noqa: PLC0415 - see the module

        self._configuration = configuration
        self._pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
        self._timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, timeout), read=timeout)
        self._seconds = timeout
        self._encoding = "identity" if is_near else "gzip"
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._authenticating = threading.Lock()
        self.source = source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._pool.clear()

    def credentials(self) -> Credentials:
        """What `request` uses, renewed where it must be. Raises ClusterConfigError."""
        known, headers = self._configuration, self._authenticate()
        scheme, _, token = next(iter(headers.values()), "").partition(" ")
        return Credentials(
            server=known.host,
            ca_file=known.ssl_ca_cert or "",
            is_insecure=not known.verify_ssl,
            scheme=scheme,
            token=token,
            certificate_file=known.cert_file or "",
            key_file=known.key_file or "",
            proxy=known.proxy or "",
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        """The body of a successful answer.

        Raises ClusterForbiddenError (401, 403), ClusterReplyError (any other HTTP error) and
        ClusterUnreachableError.
        """
        url = self._configuration.host + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Accept-Encoding": self._encoding, "User-Agent": "joulefit"}
        if body is not None:
            headers["Content-Type"] = content_type
        attempt = 1
        while True:
            answer = self._try(method, path, url, body=body, headers=headers)
            if isinstance(answer, bytes):
                return answer
            delay = self._retry.delay(attempt, answer.retry_after) if answer.may_pass else None
            if delay is None:
                raise answer.error
            self._sleep(delay)
            attempt += 1

    def _try(
        self, method: str, path: str, url: str, *, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes | _Failure:
        try:
            reply = self._pool.request(
                method,
                url,
                body=body,
                headers={**headers, **self._authenticate()},
                timeout=self._timeout,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            # What was too slow once is not asked again: three time limits are no time limit.
            may_pass = not isinstance(
                error, urllib3.exceptions.SSLError | urllib3.exceptions.ReadTimeoutError
            )
            return _Failure(self._unreachable(error, f"{method} {path}"), may_pass=may_pass)
        if reply.status < 300:
            return reply.data
        return _Failure(
            translate_failure(method, path, status=reply.status, body=reply.data),
            may_pass=reply.status in _RETRIED,
            retry_after=reply.headers.get("Retry-After"),
        )

    def _authenticate(self) -> dict[str, str]:
        """Headers of authentication; may renew a token, so one thread at a time."""
        with self._authenticating:
            parts = self._configuration.auth_settings().values()
        headers = {part["key"]: part["value"].strip() for part in parts if part.get("value")}
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            # Checked here: the error of the library below would show the token.
            raise ClusterConfigError(
                "the token of the kubeconfig has characters that no token has; log in again, or"
                " choose others with --context or --kubeconfig"
            )
        return headers

    def _unreachable(self, error: urllib3.exceptions.HTTPError, what: str) -> ClusterError:
        host = self._configuration.host
        if isinstance(error, urllib3.exceptions.SSLError):
            return ClusterConfigError(
                f"no trusted TLS connection to the API server {host} ({error}); check"
                " certificate-authority and client-certificate of the kubeconfig",
                detail=what,
            )
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            return ClusterUnreachableError(
                f"the API server {host} did not answer within {self._seconds:g} s; give it more"
                " with --cluster-timeout",
                detail=f"{what}: {error}",
            )
        if isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.DecodeError):
            return ClusterUnreachableError(
                f"the API server {host} broke off its answer ({_cause(error)}); is a proxy in"
                " between too short of patience?",
                detail=f"{what}: {error}",
            )
        return ClusterUnreachableError(
            f"the API server {host} cannot be reached ({_cause(error)}); is the address of the"
            " kubeconfig's cluster right, is it up?",
            detail=f"{what}: {error}",
        )


def _cause(error: Exception) -> str:
    """The plain reason inside urllib3's sentence: `Connection refused`, not objects' addresses."""
    inner: BaseException = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    reason = inner.strerror if isinstance(inner, OSError) else None
    return reason or type(inner).__name__
