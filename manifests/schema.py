"""values.schema.json of the chart: what helm takes, in the terms of the two commands' own options.

A setting that no option has, or a choice that an option does not offer, is refused by helm before
anything is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from collector.cli import main as collector_main
from recommender.cli import main as recommender_main

if TYPE_CHECKING:
    from collections.abc import Collection

Schema = dict[str, Any]

# Options that other values of the chart set, or that no pod may be given.
RECOMMENDER_OWN = frozenset(
    {
        *("store", "recommender-name"),
        *("once", "dry-run", "strict", "end", "verbose"),
        *("kubeconfig", "context", "lease-namespace"),
        *("store-token", "store-basic-auth"),  # a Secret's: store.secretName, recommender.extraEnv
    }
)
COLLECTOR_OWN = frozenset(
    {
        *("node-name", "sysfs-root", "procfs-root", "cgroup-root", "state"),
        *("kubelet", "kubelet-token-file", "kubelet-ca-file", "kubelet-insecure", "api-server"),
        *("print-bpf", "verbose"),
    }
)

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
LIST: Schema = {"type": "array"}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|[kKMGT]i?)?$"
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"
NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
LABELS: Schema = {"type": "object", "additionalProperties": STRING}


def values_schema() -> Schema:
    """The schema, as JSON Schema draft 7 has it."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart joulefit",
        **_closed(
            image=_image(),
            apiServer=_closed(host=STRING, port={"type": ["integer", "string"]}),
            namespace=_closed(create=BOOLEAN, labels=LABELS),
            recommender=_recommender(),
            store=_closed(url={"type": "string", "pattern": "^(https?://.+)?$"}, secretName=STRING),
            collector=_collector(),
            rbac=_closed(create=BOOLEAN),
            podDisruptionBudget=_closed(enabled=BOOLEAN),
            networkPolicy=_closed(
                enabled=BOOLEAN,
                scrapers=LIST,
                apiServerPorts={"type": "array", "items": PORT},
                storePorts={"type": "array", "items": PORT},
            ),
            monitoring=_closed(
                prometheusOperator={"enum": ["auto", True, False]},
                labels=LABELS,
                interval={"type": "string", "pattern": DURATION},
                endpoint=OBJECT,
                relabelings={"type": "array", "items": OBJECT},
            ),
            dashboards=_closed(enabled=BOOLEAN, labels=LABELS, annotations=LABELS),
            openshift=_closed(enabled=BOOLEAN),
        ),
    }


def list_settings(command: click.Command, *, own: Collection[str]) -> Schema:
    """The options of a command that may be set by name, each with the values that it takes.

    Raises:
        ValueError: an option's variable is not that of its flag, which the chart goes by.
    """
    options = {}
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        name = max(option.opts, key=len).removeprefix("--")
        if name in own:
            continue
        if option.envvar != "JOULEFIT_" + name.replace("-", "_").upper():
            raise ValueError(f"--{name} has the variable {option.envvar}, which no chart can guess")
        options[name] = _values_of(option) | {"description": option.help or ""}
    return _closed(**dict(sorted(options.items())))


def _values_of(option: click.Option) -> Schema:
    kind = option.type
    if option.is_flag:
        return BOOLEAN
    if isinstance(kind, click.Choice):
        return {"enum": [str(choice) for choice in kind.choices]}
    if isinstance(kind, click.IntRange):
        limits = {"minimum": kind.min, "maximum": kind.max}
        return {"type": "integer"} | {key: at for key, at in limits.items() if at is not None}
    if kind.name in {"duration", "step"}:
        return {"type": "string", "pattern": DURATION}
    return {"type": ["string", "number"]}


def _closed(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _named(*required: str) -> Schema:
    """A list of what Kubernetes knows best, of which only these must be there."""
    return {"type": "array", "items": {"type": "object", "required": list(required)}}


def _image() -> Schema:
    return _closed(
        repository={"type": "string", "minLength": 1},
        tag=STRING,
        digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
        pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
        pullSecrets={"type": "array", "items": _closed(name=STRING)},
    )


def _recommender() -> Schema:
    return _closed(
        name={"type": "string", "pattern": NAME, "maxLength": 200},
        replicas={"type": "integer", "minimum": 1, "maximum": 10},
        settings=list_settings(recommender_main.commands["run"], own=RECOMMENDER_OWN),
        runAsUser={"type": ["integer", "null"], "minimum": 1},
        serviceAccountAnnotations=LABELS,
        affinity=OBJECT,
        **_pod(),
    )


def _collector() -> Schema:
    return _closed(
        enabled=BOOLEAN,
        namespace=STRING,
        createNamespace=BOOLEAN,
        namespaceLabels=LABELS,
        identity={"enum": ["apiServer", "kubelet", "none"]},
        kubelet=_closed(port=PORT, insecure=BOOLEAN),
        settings=list_settings(collector_main.commands["run"], own=COLLECTOR_OWN),
        seccompProfile=_closed(
            type={"enum": ["RuntimeDefault", "Localhost", "Unconfined"]}, localhostProfile=STRING
        ),
        seLinuxOptions=LABELS,
        hostPaths=_closed(
            headers={"type": "array", "items": {"type": "string", "pattern": "^/"}},
            state={"type": "string", "pattern": "^/"},
        ),
        **_pod(),
    )


def _pod() -> dict[str, Schema]:
    quantities = {
        "type": "object",
        "additionalProperties": {"type": ["string", "number"], "pattern": QUANTITY},
    }
    return {
        "resources": _closed(requests=quantities, limits=quantities),
        "podAnnotations": LABELS,
        "podLabels": LABELS,
        "nodeSelector": LABELS,
        "tolerations": LIST,
        "priorityClassName": STRING,
        "extraEnv": LIST,
        "extraVolumes": _named("name"),
        "extraVolumeMounts": _named("name", "mountPath"),
    }
