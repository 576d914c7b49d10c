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


def parse_endpoint(text: str, *, flag: str = "--store") -> Endpoint:
    """The endpoint of a URL. Raises UsageError for what is no http or https URL."""
    stripped = text.strip()
    try:
        parts = urlsplit(stripped)
        _refuse_misplaced(stripped, parts.netloc, flag)
        port = parts.port
    except ValueError:  # its text may hold a part of the password
        raise UsageError(f"{flag} is no URL: its host or port cannot be read; {_EXAMPLE}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{flag} {redact_url(text)!r} is no http or https URL; {_EXAMPLE}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = f"{host}:{port}" if port else host
    return Endpoint(
        urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", "")),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _refuse_misplaced(text: str, netloc: str, flag: str) -> None:
    """Refuse what would make another host, or a part of a password, out of the text."""
    if not text.isprintable() or " " in text:
        raise UsageError(f"{flag} has a space or an unprintable character in it; {_EXAMPLE}")
    if netloc and "@" in text.partition(netloc)[2]:
        raise UsageError(
            f"{flag} has an @ behind its host; in a user or a password write %2F for /, %3F for ?, "
            "%23 for # and %40 for @"
        )


_EXAMPLE = "write for example http://prometheus.monitoring:9090"


def redact_url(text: str) -> str:
    """A URL or what was meant as one, without user, password, query and fragment.

    A password may hold what ends a host, so all that stands before the last @ goes first.
    """
    before, at, after = text.rpartition("@")
    shown = after.split("?", 1)[0].split("#", 1)[0]
    return f"{before.split('://', 1)[0]}://{shown}" if at and "://" in before else shown
