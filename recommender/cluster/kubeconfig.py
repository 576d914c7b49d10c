"""Which API server and which credentials: kubeconfig files, contexts, exec plugins, in-cluster."""

from __future__ import annotations

import ipaddress
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from recommender.errors import ClusterConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.settings import ClusterSettings

_DEFAULT = "~/.kube/config"
_MALFORMED = (AttributeError, LookupError, TypeError)  # what foreign YAML makes of the loader
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and its cluster's CA."""


class LoadedConfiguration(msgspec.Struct, frozen=True):
    """A `kubernetes.client.Configuration`, who that is in words, and whether it is near."""

    configuration: Any
    source: str
    is_near: bool


def load_configuration(
    settings: ClusterSettings, *, service_account: Path = SERVICE_ACCOUNT
) -> LoadedConfiguration:
    """As kubectl: --kubeconfig, else KUBECONFIG, else ~/.kube/config; else the pod's own.

    Raises ClusterConfigError.
    """
    paths = settings.kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT
    exists = any(Path(part).expanduser().is_file() for part in paths.split(os.pathsep) if part)
    if exists:
        return _load_file(paths, settings.context)
    if settings.kubeconfig or settings.context or "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise ClusterConfigError(
            f"no kubeconfig {paths}; give --kubeconfig FILE, set KUBECONFIG, or work without a"
            " cluster with --no-cluster"
        )
    return _load_in_cluster(service_account)


def _load_file(paths: str, context: str) -> LoadedConfiguration:
    import yaml  # noqa: PLC0415 - comes with kubernetes
    from kubernetes.client import Configuration  # noqa: PLC0415 - 0.15 s
    from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415

    configuration = Configuration()
    try:
        with _collect_complaints() as complaints:
            load_kube_config(paths, context=context or None, client_configuration=configuration)
    except (ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        raise _unusable(paths, context, _one_line(error)) from error
    except _MALFORMED as error:
        # The package takes the form of the file on trust; its words are about Python's types.
        raise _unusable(paths, context, "it has not the form of a kubeconfig") from error
    if complaints:
        raise ClusterConfigError(
            f"kubeconfig {paths}: no credentials from its exec plugin: {complaints[0]}; run what"
            " it names by hand to see why, or choose others with --context"
        )
    if not _is_url(configuration.host):
        raise _unusable(paths, context, f"its server {configuration.host!r} is no https URL")
    named = f" (context {context})" if context else ""
    return LoadedConfiguration(
        configuration,
        source=f"API server {configuration.host}{named}",
        is_near=_is_loopback(configuration.host),
    )


def _unusable(paths: str, context: str, reason: str) -> ClusterConfigError:
    known = _list_contexts(paths) if context else []
    if known and context not in known:
        return ClusterConfigError(
            f"kubeconfig {paths} has no context {context!r}; it has {', '.join(known)}"
        )
    chosen = f" (context {context!r})" if context else ""
    return ClusterConfigError(
        f"kubeconfig {paths} cannot be used{chosen}: {reason}; correct it, or choose another with"
        " --kubeconfig or --context"
    )


def _list_contexts(paths: str) -> list[str]:
    """The names that --context may have; empty where the file does not even say those."""
    import yaml  # noqa: PLC0415 - comes with kubernetes
    from kubernetes.config import ConfigException, list_kube_config_contexts  # noqa: PLC0415

    try:
        return [str(each["name"]) for each in list_kube_config_contexts(paths)[0]]
    except (ConfigException, yaml.YAMLError, OSError, ValueError, *_MALFORMED):
        return []


def _load_in_cluster(folder: Path) -> LoadedConfiguration:
    from kubernetes.client import Configuration  # noqa: PLC0415 - 0.15 s
    from kubernetes.config import ConfigException  # noqa: PLC0415
    from kubernetes.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415

    configuration = Configuration()
    try:
        # The token rotates: the loader reads its file again when it is a minute old.
        InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt")).load_and_set(
            configuration
        )
    except (ConfigException, OSError) as error:
        raise ClusterConfigError(
            f"no kubeconfig, and this pod's service account cannot be used: {_one_line(error)};"
            " is automountServiceAccountToken off?"
        ) from error
    return LoadedConfiguration(
        configuration, source=f"API server {configuration.host} (in-cluster)", is_near=True
    )


@contextmanager
def _collect_complaints() -> Iterator[list[str]]:
    """The errors that the package logs on the root logger where it should raise them.

    A failed exec plugin is one: it then goes on without credentials.
    """
    complaints: list[str] = []

    def is_for_others(record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return True
        complaints.append(" ".join(record.getMessage().split()))
        return False

    root = logging.getLogger()
    silent = logging.NullHandler()  # without any handler logging.error() installs one for good
    root.addHandler(silent)
    root.addFilter(is_for_others)
    try:
        yield complaints
    finally:
        root.removeFilter(is_for_others)
        root.removeHandler(silent)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _is_url(text: object) -> bool:
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
