"""What the libraries below and the store's statuses mean, in one line with what to do."""

from __future__ import annotations

import http.client
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

import requests
import urllib3.exceptions

from recommender.errors import (
    StoreError,
    StoreRefusedError,
    StoreReplyError,
    StoreUnreachableError,
)
from recommender.history.endpoint import redact_url
from recommender.history.reply import (
    describe_failure,
    describe_html,
    describe_truncated,
    is_html,
)
from recommender.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)

_CUT_OFF = (
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.DecodeError,
)
_TIMEOUTS = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)


def translate_error(error: Exception, store: str, *, timeout: float) -> StoreError:
    """The error of LIBRARY_ERRORS as one of ours. `store` is shown, so without credentials."""
    if isinstance(error, requests.exceptions.SSLError):
        return _explain_tls(error, store)
    if isinstance(error, requests.exceptions.ProxyError):
        return StoreUnreachableError(
            f"the proxy before store {store} does not work ({_reason(error)}); look at "
            "--store-proxy, or at HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return StoreUnreachableError(
            f"store {store} is unreachable (no connection in time); give another address with "
            "--store, or a longer --store-connect-timeout"
        )
    if isinstance(error, _TIMEOUTS):
        return slow(store, timeout)
    if isinstance(error, _CUT_OFF):
        return StoreReplyError(describe_truncated(store), detail=_reason(error))
    return _explain_lost(error, store)


def _explain_tls(error: Exception, store: str) -> StoreUnreachableError:
    reason = _reason(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return StoreUnreachableError(
            f"store {store} has a certificate that does not verify ({reason}); give the CA that "
            "signed it with --store-ca-file"
        )
    return StoreUnreachableError(
        f"no TLS connection to store {store} ({reason}); does it speak plain http://, or want "
        "another --store-client-cert or --store-ca-file?"
    )


def _explain_lost(error: Exception, store: str) -> StoreUnreachableError:
    if any(isinstance(cause, http.client.HTTPException) for cause in _causes(error)):
        return StoreUnreachableError(
            f"store {store} closed the connection without an answer in HTTP; is --store the right "
            "address, with http:// or https:// before it as the store speaks?"
        )
    return StoreUnreachableError(
        f"store {store} is unreachable ({_reason(error)}); give its address with --store, or "
        "start what forwards it (kubectl port-forward)"
    )


def slow(store: str, timeout: float) -> StoreUnreachableError:
    """The answer took longer than the time limit."""
    return StoreUnreachableError(
        f"store {store} took longer than {format_duration(timeout)} to answer; give a longer "
        "--store-timeout, or a shorter --history"
    )


def refuse_status(status: int, body: bytes, store: str, *, location: str = "") -> StoreError:
    """The error that an answer with another status than 200 means."""
    shown = _describe_status(status)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return StoreRefusedError(
            f"store {store} answered {shown}; give --store-token-file, --store-basic-auth or "
            "--store-header"
        )
    if location:
        elsewhere = redact_url(location.partition("?")[0])
        return StoreReplyError(
            f"store {store} answered {shown} to {elsewhere}; give the address behind it with "
            "--store (a login page needs --store-token-file or --store-basic-auth)"
        )
    if status == HTTPStatus.NOT_FOUND:
        return StoreReplyError(
            f"store {store} answered {shown}; is this the address of Prometheus' API? Mimir "
            "wants /prometheus behind it, a VictoriaMetrics cluster /select/0/prometheus"
        )
    if is_html(body):
        return StoreReplyError(f"{describe_html(store)} ({shown})")
    said = describe_failure(body)
    return StoreReplyError(
        f"store {store} answered {shown}{': ' * bool(said)}{said}{_advice(status)}"
    )


def _advice(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "; try later, or with --store-parallel 1"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "; try later, or with a shorter --history"
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:  # Prometheus: the query asks too much of it
        return "; try with a shorter --history, or fewer namespaces (-n)"
    return "; is --store the address of a Prometheus-compatible API?"


def _describe_status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: BaseException) -> str:
    """The words of the innermost cause that has some: libraries wrap each other three deep."""
    words = ""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            words = cause.strerror
    return (words or type(error).__name__).lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, as cause, as context, or as libraries do: in its arguments."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [each for each in inner if isinstance(each, BaseException)]
