"""How a request proves who sends it; none of it is ever shown."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from requests.auth import AuthBase

from recommender.errors import UsageError

if TYPE_CHECKING:
    from requests import PreparedRequest

    from recommender.history.endpoint import Endpoint
    from recommender.settings import StoreSettings


class StoreAuth(AuthBase):
    """Authorization and extra headers of each request.

    One of: bearer token, token file (read again for each request, since tokens of service
    accounts rotate), basic authentication (also from the URL). Raises UsageError when a
    request is prepared and the file cannot be read.
    """

    def __init__(self, settings: StoreSettings, endpoint: Endpoint) -> None:
        _refuse_several(settings)
        self._token = settings.store_token
        self._token_file = settings.store_token_file
        self._basic = settings.store_basic_auth
        if not self._basic and endpoint.user:
            self._basic = f"{endpoint.user}:{endpoint.password}"
        self._headers = dict(_parse_header(text) for text in settings.store_header)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        authorization = self._authorization()
        if authorization:
            request.headers["Authorization"] = authorization
        request.headers.update(self._headers)
        return request

    def _authorization(self) -> str:
        if self._token_file:
            return f"Bearer {_checked(_read_token(self._token_file), '--store-token-file')}"
        if self._token:
            return f"Bearer {_checked(self._token.strip(), '--store-token')}"
        if self._basic:
            return f"Basic {b64encode(self._basic.encode()).decode('ascii')}"
        return ""


def _refuse_several(settings: StoreSettings) -> None:
    given = [
        flag
        for flag, value in (
            ("--store-token", settings.store_token),
            ("--store-token-file", settings.store_token_file),
            ("--store-basic-auth", settings.store_basic_auth),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other; give one of them")
    if settings.store_basic_auth and ":" not in settings.store_basic_auth:
        raise UsageError("--store-basic-auth has no colon; write USER:PASSWORD")


def _read_token(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"cannot read --store-token-file {path}: {reason}") from error


def _checked(token: str, flag: str) -> str:
    """A token that can stand in a header: the error must not come from a library, with it."""
    if not token or not token.isascii() or not token.isprintable():
        raise UsageError(f"{flag} holds no token (it is empty or has unprintable characters)")
    return token


def _parse_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    is_sound = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not colon or not is_sound or not (value.isascii() and value.isprintable()):
        raise UsageError(
            "a --store-header is not 'NAME: VALUE'; write for example 'X-Scope-OrgID: a'"
        )
    return name, value
