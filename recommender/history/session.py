"""The HTTP session under PrometheusConnect: parameters in the body, limits, safe errors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import requests.utils
import urllib3

from recommender import __version__
from recommender.errors import UsageError
from recommender.history.credential import StoreAuth
from recommender.history.endpoint import parse_endpoint
from recommender.history.failure import LIBRARY_ERRORS, refuse_status, slow, translate_error
from recommender.history.reply import Reply, decode_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.history.endpoint import Endpoint
    from recommender.settings import StoreSettings

_PIECE = 1 << 20  # bytes asked of the socket at once
_LONGEST_ERROR = 1 << 16  # bytes of an error's body that are read


class StoreResponse:
    """As much of a response as PrometheusConnect looks at; `json` is decoded by us."""

    status_code = 200

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def json(self) -> dict[str, dict[str, Reply]]:
        return {"data": {"result": self._reply}}


class StoreSession(requests.Session):
    """Sends each query as a form in the body of a POST and reads it within the time limit.

    Nothing is taken from the environment but, for a store that is not near, HTTP_PROXY,
    HTTPS_PROXY and NO_PROXY: no netrc, no CA bundle; a near store is never asked through a
    proxy by surprise. Redirects are not followed: the body and extra headers would go to
    whoever is named.

    Raises StoreError and its kinds for whatever goes wrong, and UsageError for credentials
    that cannot be used.
    """

    def __init__(self, settings: StoreSettings, endpoint: Endpoint) -> None:
        super().__init__()
        self._store = endpoint.url
        self._timeout = settings.store_timeout
        self._connect_timeout = settings.store_connect_timeout
        self.trust_env = False
        self.auth = StoreAuth(settings, endpoint)
        self.proxies.update(_choose_proxies(settings, endpoint))
        self.verify = _choose_verification(settings)
        self.cert = _choose_certificate(settings)
        self.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": _choose_encoding(settings, endpoint),
                "User-Agent": f"joulefit/{__version__}",
            }
        )

    def request(  # type: ignore[override]
        self, method: str | bytes, url: str | bytes, **given: Any
    ) -> StoreResponse:
        """Send a query; `params` become the form. The only caller is PrometheusConnect."""
        given["data"] = given.pop("params", None)
        return StoreResponse(decode_reply(self._send(method, url, given), store=self._store))

    def fetch(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """The body that the API answers to a GET of a path, such as /api/v1/status/buildinfo."""
        return self._send("GET", self._store + path, {"params": dict(parameters)})

    def _send(self, method: str | bytes, url: str | bytes, given: dict[str, Any]) -> bytes:
        deadline = time.monotonic() + self._timeout
        given |= {
            "timeout": (self._connect_timeout, self._timeout),
            "stream": True,
            "allow_redirects": False,
        }
        try:
            with super().request(method, url, **given) as response:
                body = self._read_body(response, deadline)
        except LIBRARY_ERRORS as error:
            raise translate_error(error, self._store, timeout=self._timeout) from error
        if response.status_code != requests.codes.ok:
            location = response.headers.get("Location", "")
            raise refuse_status(response.status_code, body, self._store, location=location)
        return body

    def _read_body(self, response: requests.Response, deadline: float) -> bytes:
        """The body, however slowly it trickles in; of an error its beginning."""
        is_error = response.status_code != requests.codes.ok
        pieces, size = [], 0
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if is_error and size > _LONGEST_ERROR:
                break
            if time.monotonic() > deadline:
                raise slow(self._store, self._timeout)
        return b"".join(pieces)


def _choose_proxies(settings: StoreSettings, endpoint: Endpoint) -> Mapping[str, str]:
    if settings.store_proxy:
        proxy = parse_endpoint(settings.store_proxy, flag="--store-proxy")  # checks it
        del proxy
        return {"http": settings.store_proxy, "https": settings.store_proxy}
    if endpoint.is_near:
        return {}
    return requests.utils.get_environ_proxies(endpoint.url)


def _choose_encoding(settings: StoreSettings, endpoint: Endpoint) -> str:
    is_asked = settings.store_compression == "on" or (
        settings.store_compression == "auto" and not endpoint.is_near
    )
    return "gzip" if is_asked else "identity"


def _choose_verification(settings: StoreSettings) -> bool | str:
    if settings.store_insecure:
        # It was asked for: a warning for each query says nothing new.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return False
    if settings.store_ca_file:
        return _existing(settings.store_ca_file, "--store-ca-file")
    return True


def _choose_certificate(settings: StoreSettings) -> str | tuple[str, str] | None:
    if not settings.store_client_cert:
        if settings.store_client_key:
            raise UsageError("--store-client-key needs --store-client-cert")
        return None
    certificate = _existing(settings.store_client_cert, "--store-client-cert")
    if not settings.store_client_key:
        return certificate
    return certificate, _existing(settings.store_client_key, "--store-client-key")


def _existing(path: str, flag: str) -> str:
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path} for {flag}")
    return path
