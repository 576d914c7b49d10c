"""HTTP failures of the API server as errors that say what to do."""

from __future__ import annotations

import re

import msgspec

from recommender.cluster.resource import Address, parse_path
from recommender.errors import ClusterError, ClusterForbiddenError, ClusterReplyError

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_USER = re.compile(r'User "([^"]*)"')


class _Status(msgspec.Struct):
    """meta/v1 Status, the body of the API server's errors."""

    message: str | None = None


_STATUS_DECODER = msgspec.json.Decoder(_Status)  # before any thread: see api.decode


def translate_failure(method: str, path: str, *, status: int, body: bytes) -> ClusterError:
    """The error of an answer whose HTTP status is 300 or more; it is for the caller to raise."""
    said = _message(body)
    if status == 401:
        return ClusterForbiddenError(
            "the API server does not accept these credentials (401 Unauthorized); log in again,"
            " or choose others with --context or --kubeconfig",
            detail=f"{method} {path}: {said}",
        )
    if status == 403:
        return _forbidden(method, path, said)
    return ClusterReplyError(
        f"the API server answered {status} to {method} {path}: {said}{_advice(status)}",
        status=status,
        detail=f"{method} {path}",
    )


def _advice(status: int) -> str:
    if status < 400:
        return "; is this the address of an API server, without a login page before it?"
    return "; try again later" if status == 429 or status >= 500 else ""


def _forbidden(method: str, path: str, said: str) -> ClusterForbiddenError:
    address = parse_path(path)
    user = _USER.search(said)
    who = user[1] if user else "this user"
    if address is None:
        return ClusterForbiddenError(f"{method} {path} is forbidden for {who}", detail=said)
    verb = "list" if method == "GET" and not address.name else _VERBS[method]
    where = f"in namespace {address.namespace}" if address.namespace else "cluster-wide"
    return ClusterForbiddenError(
        f"{_resource_name(address)}: {verb} is forbidden for {who} {where}; grant it in a role:"
        f" apiGroups [{address.resource.group!r}], resources [{_resource_name(address)!r}],"
        f" verbs [{verb!r}]",
        detail=f"{method} {path}: {said}",
    )


def _resource_name(address: Address) -> str:
    plural = address.resource.plural
    return f"{plural}/{address.subresource}" if address.subresource else plural


def _message(body: bytes) -> str:
    try:
        said = _STATUS_DECODER.decode(body).message
    except msgspec.DecodeError:
        said = None
    words = (said or body[:200].decode(errors="replace")).split()
    return " ".join(words) or "(no text)"
