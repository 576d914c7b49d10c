"""What pods reserve, and what a workload's containers look like in its newest pods."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from recommender.cluster.manifest import Amount, Container, Quantity
from recommender.errors import UsageError
from recommender.model.cluster import Amounts, ContainerSpec, NodeLoad
from recommender.units import parse_bytes, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from recommender.cluster.manifest import Pod, PodSpec

_NO_AMOUNT = Amount()
_OOM = "OOMKilled"
_OBSERVED = "vpaObservedContainers"
_CONTAINER_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_ENDED = frozenset({"Succeeded", "Failed"})

# A cluster has few different quantities, and parsing one costs 2 microseconds.
_millicores = lru_cache(4096)(parse_millicores)
_bytes = lru_cache(4096)(parse_bytes)


def convert_amount(amount: Amount | None) -> Amounts:
    """Millicores and bytes. Raises UsageError for what is no quantity."""
    if amount is None:
        return Amounts()
    return Amounts(_convert(amount.cpu, _millicores), _convert(amount.memory, _bytes))


def accept_amount(amount: Amount | None) -> Amounts:
    """As `convert_amount`; what is no quantity or below zero is absent, for one object's nonsense
    must not keep the others from an answer.
    """
    if amount is None:
        return Amounts()
    return Amounts(_accept(amount.cpu, _millicores), _accept(amount.memory, _bytes))


def _convert(quantity: Quantity, parse: Callable[[str], int]) -> int | None:
    return None if quantity is None else parse(str(quantity))


def _accept(quantity: Quantity, parse: Callable[[str], int]) -> int | None:
    try:
        amount = _convert(quantity, parse)
    except UsageError:
        return None
    return None if amount is None or amount < 0 else amount


def has_ended(pod: Pod) -> bool:
    """Whether all its containers have ended for good; it reserves nothing then."""
    return pod.status.phase in _ENDED


def is_active(pod: Pod) -> bool:
    """Whether it runs or waits to run, and is not being deleted."""
    return not has_ended(pod) and pod.metadata.deletion_timestamp is None


def count_reserved(spec: PodSpec) -> tuple[int, int]:
    """Millicores and bytes that the scheduler reserves for a pod.

    The larger of what runs together in the end (containers and sidecars) and of what each init
    container needs beside the sidecars started before it, plus the overhead of the pod's
    runtime; requests of the pod as a whole (Kubernetes 1.34) take the place of its containers'.
    Source: Kubernetes documentation, "Init Containers", "Sidecar Containers", "Pod Overhead",
    "Assign Pod-level CPU and memory resources".
    """
    return _reserved(spec, "cpu", _millicores), _reserved(spec, "memory", _bytes)


def _reserved(spec: PodSpec, resource: str, parse: Callable[[str], int]) -> int:
    def amount_of(amount: Amount | None) -> int:
        return _accept(getattr(amount or _NO_AMOUNT, resource), parse) or 0

    def requested(container: Container) -> int:
        return amount_of(container.resources.requests)

    whole = spec.resources.requests if spec.resources else None
    total = amount_of(whole)
    if not total:
        sidecars = highest = 0
        for container in spec.init_containers or ():
            if container.restart_policy == "Always":
                sidecars += requested(container)
                highest = max(highest, sidecars)
            else:
                highest = max(highest, sidecars + requested(container))
        total = max(sum(map(requested, spec.containers or ())) + sidecars, highest)
    return total + amount_of(spec.overhead)


class Reservations:
    """Sums by node of what the scheduler counts."""

    def __init__(self) -> None:
        self._millicores: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, pod: Pod) -> None:
        if pod.spec.node_name and not has_ended(pod):
            millicores, amount = count_reserved(pod.spec)
            self._millicores[pod.spec.node_name] += millicores
            self._bytes[pod.spec.node_name] += amount

    def by_node(self) -> dict[str, NodeLoad]:
        return {
            node: NodeLoad(cores=millicores / 1000, memory_bytes=self._bytes[node])
            for node, millicores in sorted(self._millicores.items())
        }


def newest_containers(
    pods: Sequence[Pod], template: PodSpec | None = None
) -> tuple[ContainerSpec, ...]:
    """The containers of the newest active pod, in its order.

    Without one those of the template, and without that too those of the newest pod that was.
    A container that was killed for memory in any of the pods is marked, one that was not
    yet in the newest pod when VPA's admission controller saw that, and one that the template does
    not have.
    """
    newest = _newest(pods, template)
    spec = template if newest is None else newest.spec
    killed = {name for pod in pods for name in _oom_killed(pod)}
    observed = None if newest is None else _observed_containers(newest)
    written = {each.name for each in (template.containers or () if template else ())}
    return tuple(
        ContainerSpec(
            name=container.name,
            requests=accept_amount(container.resources.requests),
            limits=accept_amount(container.resources.limits),
            oom_killed=container.name in killed,
            is_injected=observed is not None and container.name not in observed,
            in_template=not written or container.name in written,
        )
        for container in (spec.containers or () if spec else ())
    )


def newest_sidecars(pods: Sequence[Pod], template: PodSpec | None = None) -> tuple[str, ...]:
    """Names of the native sidecars of the same pod: init containers that never end."""
    newest = _newest(pods, template)
    spec = template if newest is None else newest.spec
    listed = (spec.init_containers if spec else None) or ()
    return tuple(each.name for each in listed if each.restart_policy == "Always")


def _newest(pods: Sequence[Pod], template: PodSpec | None) -> Pod | None:
    """The pod that speaks for its workload; None: the template does."""
    candidates = [pod for pod in pods if is_active(pod)] or ([] if template else list(pods))
    return max(candidates, key=lambda pod: (_born(pod), pod.metadata.name), default=None)


def _observed_containers(pod: Pod) -> frozenset[str] | None:
    """The containers that the pod had when VPA's admission controller saw it; None: not said.

    An annotation that lists no container names is ignored, as VPA's updater does.
    """
    text = (pod.metadata.annotations or {}).get(_OBSERVED)
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")] if text else []
    return frozenset(names) if all(map(_CONTAINER_NAME.fullmatch, names)) else None


def count_by_node(pods: Iterable[Pod]) -> dict[str, int]:
    """Active pods of each node."""
    counts: defaultdict[str, int] = defaultdict(int)
    for pod in pods:
        if pod.spec.node_name and is_active(pod):
            counts[pod.spec.node_name] += 1
    return dict(sorted(counts.items()))


def _born(pod: Pod) -> str:
    return pod.metadata.creation_timestamp or ""


def _oom_killed(pod: Pod) -> Iterable[str]:
    for status in pod.status.container_statuses or ():
        for state in (status.state, status.last_state):
            if state and state.terminated and state.terminated.reason == _OOM:
                yield status.name
