"""The address of a store: what is shown of it, and whether it is near."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from recommender.errors import UsageError

# Names that only resolve inside of a cluster or on a local network.
_NEAR_SUFFIXES = (".svc", ".local", ".internal", ".localhost")


@dataclass(frozen=True)
class Endpoint:
    """A store's URL without credentials and without a slash at its end.

    `user` and `password` are those of the URL (http://user:password@host), "" without.
    """

    url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def is_near(self) -> bool:
        """Whether the host is this one, on a private network or inside of a cluster.

        By its name or address alone: nothing is resolved.
        """
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return "." not in self.host or self.host.endswith(_NEAR_SUFFIXES)
        return address.is_private or address.is_loopback or address.is_link_local

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


def parse_endpoint(text: str, *, flag: str = "--store") -> Endpoint:
    """The endpoint of a URL. Raises UsageError for what is no http or https URL."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{flag} is not a URL ({error}); {_EXAMPLE}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{flag} {redact_url(text)!r} is no http or https URL; {_EXAMPLE}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = f"{host}:{port}" if port else host
    return Endpoint(
        urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", "")),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


_EXAMPLE = "write for example http://prometheus.monitoring:9090"


def redact_url(text: str) -> str:
    """A URL or what was meant as one, without user, password, query and fragment."""
    shown = text.split("?", 1)[0].split("#", 1)[0]
    before, at, after = shown.rpartition("@")
    return f"{before.split('://', 1)[0]}://{after}" if at and "://" in before else after or shown
