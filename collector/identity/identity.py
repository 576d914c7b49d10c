"""Who is who on this node at one moment."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from collector.identity.book import PodBook
from collector.identity.facts import UsageBook
from collector.identity.name import GroupName, parse_path
from collector.identity.tree import CgroupTree
from collector.identity.workload import find_workload
from collector.model import Cast, ContainerFacts, Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.identity.book import Schedule
    from collector.identity.hierarchy import Hierarchy
    from collector.identity.pod import Pod, PodSource
    from collector.identity.tree import Group

KERNEL = Owner("kernel", container="kernel")
PODS_ROOT = Owner("unknown", container="kubepods")
"""The folders above the pods: nothing runs there, but the kernel's accounting leaves the last
moments of ended pods with them."""


class Identity:
    """Owners and facts of all cgroups, asked once per interval.

    source         None where there is no Kubernetes: containers are `unknown` then
    ancestors_of   cgroup ids above one, nearest first, from the probe: a cgroup that was gone
                   before its folder was seen is its nearest known ancestor's

    A pod's own cgroup, its sandbox (pause) and what cannot be told from it yet (a container
    that the kubelet has not reported) are its pod's, with container "". A name once found stays
    as long as the cgroup is asked for, whatever becomes of the source.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        source: PodSource | None = None,
        *,
        ancestors_of: Callable[[int], tuple[int, ...]] = lambda _: (),
        schedule: Schedule | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tree = CgroupTree(hierarchy.groups)
        self._ancestors_of = ancestors_of
        self._clock = clock
        self._book = PodBook(source, schedule)
        self._usages = UsageBook(hierarchy)
        self._names: dict[int, GroupName | None] = {}
        self._owners: dict[int, Owner] = {}
        self._unsettled: dict[int, str] = {}
        self._pods: dict[Owner, Pod] = {}
        self._containers: dict[int, Group] = {}
        self._is_outdated = True
        self._problem = (hierarchy.problem,) if hierarchy.problem else ()

    def cast(self, groups: tuple[int, ...]) -> Cast:
        """Who these cgroups and all others on the node belong to.

        Costs 5 to 10 microseconds a container, and 5 a cgroup when one appeared or ended.
        """
        now = self._clock()
        self._learn(groups)
        has_news = self._book.refresh(self._unsettled.values(), now)
        self._settle(has_news=has_news)
        self._usages.refresh(self._containers, now)
        return Cast(
            owners=MappingProxyType(self._owners),
            facts=self._facts(),
            problems=self._problem + self._book.problems,
        )

    def ended(self, groups: tuple[int, ...]) -> frozenset[int]:
        """Those of `groups` whose cgroup is gone, for `Probe.forget` once they are accounted for.

        5 microseconds each: ask for those that did nothing in the last interval.
        """
        gone = frozenset(
            group for group in groups if group in self._names and not self._tree.exists(group)
        ) - {0}
        self._is_outdated |= bool(gone)
        return gone

    def _learn(self, groups: tuple[int, ...]) -> None:
        """Names of cgroups that are new; those that are gone and no longer asked for go."""
        new = [group for group in groups if group not in self._names]
        if not new and not self._is_outdated:
            return
        self._is_outdated = False
        self._tree.refresh()
        names = self._names
        for group in self._tree:
            if group.id not in names:
                names[group.id] = parse_path(group.path)
        for group_id in new:
            if group_id not in names:
                names[group_id] = self._name_of_vanished(group_id)
        asked = frozenset(groups)
        for group_id in [each for each in names if each not in asked and each not in self._tree]:
            del names[group_id]
        self._containers = {
            group.id: group for group in self._tree if self._is_container_folder(group)
        }

    def _name_of_vanished(self, group_id: int) -> GroupName | None:
        known = (self._names.get(above) for above in self._ancestors_of(group_id))
        return next((name for name in known if name is not None), None)

    def _is_container_folder(self, group: Group) -> bool:
        """The container's own, not one that it made below."""
        name = self._names[group.id]
        above = self._names.get(group.parent.id) if group.parent else None
        return bool(name and name.container_id) and not (above and above.container_id)

    def _settle(self, *, has_news: bool) -> None:
        """Owners of cgroups that have none yet; with news also of those without a final one."""
        open_ = self._names.keys() - self._owners.keys()
        gone = self._owners.keys() - self._names.keys()
        if has_news:
            open_ |= self._unsettled.keys() & self._names.keys()
        if not (open_ or gone or has_news):
            return
        owners = {group: owner for group, owner in self._owners.items() if group not in gone}
        for group in gone:
            self._unsettled.pop(group, None)
        for group in open_:
            self._settle_one(group, owners)
        self._owners = owners
        self._remember_pods()

    def _settle_one(self, group: int, owners: dict[int, Owner]) -> None:
        name = self._names[group]
        if name is None:
            return
        owner, is_final = self._find_owner(name)
        before = owners.get(group)
        if before is None or owner.part == "container":  # a name is never lost again
            owners[group] = owner
        if is_final:
            self._unsettled.pop(group, None)
        else:
            self._unsettled[group] = name.container_id or name.pod_uid

    def _find_owner(self, name: GroupName) -> tuple[Owner, bool]:
        """The owner as far as it is known, and whether it will not become better known."""
        if found := self._book.container(name.container_id):
            pod, container = found
            return _owner_in(pod, container, name.container_id), True
        if pod_or_none := self._book.pod(name.pod_uid):
            owner = _owner_in(pod_or_none, "", "")
            if not name.container_id:
                return owner, True
            # Asked twice, lest a container that is being restarted is taken for the sandbox.
            is_sandbox = pod_or_none.has_all_ids and self._book.attempts(name.container_id) > 1
            return owner, is_sandbox
        if name.pod_uid or name.container_id:
            return Owner("unknown", uid=name.pod_uid, container_id=name.container_id), False
        if name.is_pods_root:
            return PODS_ROOT, True
        return (Owner("system", container=name.service) if name.service else KERNEL), True

    def _remember_pods(self) -> None:
        """A pod that the source no longer tells keeps its requests while its cgroups are there."""
        named = {owner for owner in self._owners.values() if owner.part == "container"}
        known = {owner: self._book.pod(owner.uid) or self._pods.get(owner) for owner in named}
        self._pods = {owner: pod for owner, pod in known.items() if pod is not None}

    def _facts(self) -> dict[Owner, ContainerFacts]:
        """Of containers that are there now, so that a request counts once however often a
        container was restarted.
        """
        facts = {}
        for group_id in self._containers:
            owner = self._owners.get(group_id)
            if owner is None or (owner.part == "container" and not owner.container):
                continue  # a sandbox: what is requested for the pod follows
            usage = self._usages[group_id]
            pod = self._pods.get(owner)
            facts[owner] = ContainerFacts(
                request_cores=pod.requests.get(owner.container, 0.0) if pod else 0.0,
                working_set_bytes=usage.working_set_bytes,
                throttled_seconds=usage.throttled_seconds,
            )
        return facts | self._facts_of_pods()

    def _facts_of_pods(self) -> dict[Owner, ContainerFacts]:
        return {
            owner: ContainerFacts(request_cores=pod.own_cores)
            for owner, pod in self._pods.items()
            if not owner.container and pod.own_cores
        }


def _owner_in(pod: Pod, container: str, container_id: str) -> Owner:
    workload, kind = find_workload(pod)
    return Owner(
        "container",
        namespace=pod.namespace,
        pod=pod.name,
        container=container,
        workload=workload,
        workload_kind=kind,
        uid=pod.uid,
        container_id=container_id,
    )
