"""The new requests as strategic merge patches, for manifests that live in a repository.

One YAML document for each workload whose requests change, as `kubectl patch` and the `patches`
of a kustomization take them. Only what differs stands in it; the reason is a comment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recommender.model.identity import WorkloadRef
from recommender.report.notation import NONE, format_change, format_cpu, format_memory
from recommender.report.table import SIMULATED, describe_count, describe_skip
from recommender.report.yaml_text import format_yaml_documents
from recommender.text import escape_controls
from recommender.units import format_bytes, format_millicores, parse_bytes, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recommender.model.report import ContainerReport, Quantities, Report, WorkloadReport

_POD_SPEC = ("spec", "template", "spec")
_CRON_POD_SPEC = ("spec", "jobTemplate", *_POD_SPEC)

# Where each kind of Kubernetes' own that may be changed in place has its pods' containers. Custom
# kinds take no strategic merge patch: one would replace their whole list of containers.
_PLACES = {
    "CronJob": ("batch/v1", _CRON_POD_SPEC),
    "DaemonSet": ("apps/v1", _POD_SPEC),
    "Deployment": ("apps/v1", _POD_SPEC),
    "ReplicaSet": ("apps/v1", _POD_SPEC),
    "ReplicationController": ("v1", _POD_SPEC),
    "StatefulSet": ("apps/v1", _POD_SPEC),
}
_FIXED = ("Job", "Pod")


@dataclass
class _Change:
    """What becomes of one container, and what is to be said of it."""

    requests: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def format_patches(report: Report) -> str:
    """The documents; comments alone where nothing changes.

    A limit is touched only where the new request would be above it, which Kubernetes refuses:
    then it keeps its proportion to the request. A container that its workload's template does not
    have is left out: merged into that it would be a container without an image.
    """
    parts = [_comments(_head(report))]
    left_out = list(warn_of_injected(report))
    count = 0
    for workload in report.workloads:
        changes = {each.name: _change_of(each) for each in workload.containers if each.in_template}
        changes = {name: change for name, change in changes.items() if change.requests}
        if not changes:
            continue
        if workload.kind in _PLACES:
            parts.append(_document(workload, changes))
            count += 1
        else:
            left_out.append(f"left out: {_name(workload)}: {_why_left_out(workload)}")
    if not count:
        left_out.insert(0, "nothing to patch")
    left_out += [f"skipped: {describe_skip(row)}" for row in report.skipped]
    return "".join([*parts, _comments(left_out)])


def warn_of_injected(report: Report) -> Iterator[str]:
    """A line for each container whose request changes, and that no manifest of its workload has."""
    for workload in report.workloads:
        for container in workload.containers:
            if not container.in_template and _change_of(container).requests:
                yield (
                    f"left out: {_name(workload)}, container {container.name}: the workload's "
                    "template does not have it; set its requests where it is injected"
                )


def _head(report: Report) -> Iterator[str]:
    if report.source.is_simulated:
        yield SIMULATED
    yield f"joulefit report: {describe_count(report)}"
    yield report.savings.sentence


def _why_left_out(workload: WorkloadReport) -> str:
    if workload.kind in _FIXED:
        return f"the requests of a {workload.kind} cannot be changed once it is there"
    return "its kind takes no strategic merge patch; set the requests in its manifest"


def _document(workload: WorkloadReport, changes: dict[str, _Change]) -> str:
    version, place = _PLACES[workload.kind]
    node: Any = {
        "containers": [
            {"name": name, "resources": _resources(change)} for name, change in changes.items()
        ]
    }
    for key in reversed(place):
        node = {key: node}
    identity = {"namespace": workload.namespace, "name": workload.name}
    document = {"apiVersion": version, "kind": workload.kind, "metadata": identity, **node}
    mark, _, body = format_yaml_documents([document]).partition("\n")
    return f"{mark}\n{_comments(_words(workload, changes))}{body}"


def _resources(change: _Change) -> dict[str, dict[str, str]]:
    limits = {"limits": change.limits} if change.limits else {}
    return {"requests": change.requests, **limits}


def _words(workload: WorkloadReport, changes: dict[str, _Change]) -> Iterator[str]:
    yield f"{_name(workload)} x{workload.replicas}"
    for name, change in changes.items():
        yield f"{name}: {'; '.join(change.words)}"
        yield from (f"{name}: {each}" for each in change.remarks)
    keeps_limits = any(change.requests.keys() - change.limits.keys() for change in changes.values())
    if keeps_limits and all(map(_is_guaranteed, workload.containers)):
        yield "limits stay as they are, so its pods are no longer of QoS class Guaranteed"
    if workload.hpa:
        yield f"scaled on CPU by HPA {workload.hpa}: a lower request makes more replicas"
    for conflict in workload.conflicts:
        about = f"{conflict.container}: " if conflict.container else ""
        yield f"{about}{conflict.reason}"


def _change_of(container: ContainerReport) -> _Change:
    """Both resources; the reason and the watts at the end."""
    change = _Change()
    _change_resource(
        change,
        container,
        name="cpu",
        parse=parse_millicores,
        write=format_millicores,
        show=format_cpu,
    )
    _change_resource(
        change, container, name="memory", parse=parse_bytes, write=format_bytes, show=format_memory
    )
    if not change.requests:
        return change
    change.words.append(container.why or container.basis)
    watts = format_change(container.watts_saved)
    if watts != NONE:
        change.words.append(f"{watts} W")
    return change


def _change_resource(
    change: _Change,
    container: ContainerReport,
    *,
    name: str,
    parse: Callable[[str], int],
    write: Callable[[int], str],
    show: Callable[[Quantities | None], str],
) -> None:
    current, target = container.current, container.recommended.target
    ours, now, limit = (
        None if (text := _text_of(each, name)) is None else parse(text)
        for each in (target, current.requests, current.limits)
    )
    if ours is None or ours == now:
        return
    change.requests[name] = write(ours)
    change.words.append(f"{name} {show(current.requests)} > {show(target)}")
    if limit is None or ours <= limit:
        return
    raised = -(-limit * ours // now) if now else ours  # up: never below the request
    change.limits[name] = write(raised)
    change.remarks.append(f"its {name} limit rises in proportion: the request would be above it")


def _is_guaranteed(container: ContainerReport) -> bool:
    """Whether both limits are set and equal to the requests, as all of a pod's must be."""
    limits = container.current.limits
    return None not in (limits.cpu, limits.memory) and limits == container.current.requests


def _text_of(quantities: Quantities, name: str) -> str | None:
    return quantities.cpu if name == "cpu" else quantities.memory


def _name(workload: WorkloadReport) -> str:
    ref = WorkloadRef(workload.namespace, workload.kind, workload.name)
    return f"{ref.namespace}/{ref.short}"


def _comments(lines: Iterator[str] | list[str]) -> str:
    return "".join(f"# {escape_controls(each)}\n" for each in lines)
