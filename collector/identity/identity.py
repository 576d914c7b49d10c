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
    from collections.abc import Callable, Iterable

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
        self._sandboxes: set[int] = set()  # as far as one can tell: looked at again with news
        self._pods: dict[Owner, Pod] = {}
        self._containers: dict[int, Group] = {}
        self._measured: dict[int, Group] = {}
        self._facts: dict[Owner, ContainerFacts] = {}
        self._is_outdated = True
        self._problem = (hierarchy.problem,) if hierarchy.problem else ()

    def cast(self, groups: tuple[int, ...]) -> Cast:
        """Who these cgroups and all others on the node belong to.

        Costs 5 to 10 microseconds a container, and 5 a cgroup when one appeared or ended.
        """
        now = self._clock()
        has_changed = self._learn(groups)
        has_changed |= self._settle(has_news=False)  # tells what to ask for
        if self._book.refresh(self._unsettled.values(), now):
            has_changed |= self._settle(has_news=True)
        if has_changed:
            self._measured = {
                each: group
                for each, group in self._containers.items()
                if each not in self._sandboxes
            }
        renewed = self._usages.refresh(self._measured, now)
        self._facts = self._facts_of(self._measured) if has_changed else self._facts_with(renewed)
        return Cast(
            owners=MappingProxyType(self._owners),
            facts=MappingProxyType(self._facts),
            problems=self._problem + self._book.problems,
            failures=self._book.failed,
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

    def _learn(self, groups: tuple[int, ...]) -> bool:
        """Names of cgroups that are new; those that are gone and no longer asked for go.

        Whether there was anything to do.
        """
        new = [group for group in groups if group not in self._names]
        if not new and not self._is_outdated:
            return False
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
        return True

    def _name_of_vanished(self, group_id: int) -> GroupName | None:
        known = (self._names.get(above) for above in self._ancestors_of(group_id))
        return next((name for name in known if name is not None), None)

    def _is_container_folder(self, group: Group) -> bool:
        """The container's own, not one that it made below."""
        name = self._names[group.id]
        above = self._names.get(group.parent.id) if group.parent else None
        return bool(name and name.container_id) and not (above and above.container_id)

    def _settle(self, *, has_news: bool) -> bool:
        """Owners of cgroups that have none yet; with news also of those without a final one.

        Whether there was anything to do.
        """
        owned = self._owners.keys()
        open_ = {group for group, name in self._names.items() if name and group not in owned}
        gone = owned - self._names.keys()
        if has_news:
            open_ |= (self._unsettled.keys() | self._sandboxes) & self._names.keys()
        if not (open_ or gone or has_news):
            return False
        owners = {group: owner for group, owner in self._owners.items() if group not in gone}
        self._sandboxes -= gone
        for group in gone:
            self._unsettled.pop(group, None)
        for group in open_:
            if name := self._names[group]:
                self._settle_one(group, name, owners)
        self._owners = owners
        self._remember_pods()
        return True

    def _settle_one(self, group: int, name: GroupName, owners: dict[int, Owner]) -> None:
        owner, is_final = self._find_owner(name)
        before = owners.get(group)
        if before is None or owner.part == "container":  # a name is never lost again
            owners[group] = owner
        is_guess = bool(name.container_id) and not owner.container_id
        (self._sandboxes.add if is_guess else self._sandboxes.discard)(group)
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

    def _facts_with(self, renewed: Iterable[int]) -> dict[Owner, ContainerFacts]:
        return self._facts | self._facts_of_containers(renewed)

    def _facts_of(self, containers: Iterable[int]) -> dict[Owner, ContainerFacts]:
        """Of what is there now, so that a request counts once however often a container was
        restarted.
        """
        return self._facts_of_containers(containers) | self._facts_of_pods()

    def _facts_of_containers(self, containers: Iterable[int]) -> dict[Owner, ContainerFacts]:
        facts = {}
        for group_id in containers:
            owner, usage = self._owners[group_id], self._usages[group_id]
            pod = self._pods.get(owner)
            facts[owner] = ContainerFacts(
                request_cores=pod.requests.get(owner.container, 0.0) if pod else 0.0,
                working_set_bytes=usage.working_set_bytes,
                throttled_seconds=usage.throttled_seconds,
            )
        return facts

    def _facts_of_pods(self) -> dict[Owner, ContainerFacts]:
        asking = {
            owner: ContainerFacts(request_cores=pod.own_cores)
            for owner, pod in self._pods.items()
            if not owner.container and pod.own_cores
        }
        if not asking:
            return {}
        present = {self._owners.get(group.id) for group in self._tree}
        return {owner: facts for owner, facts in asking.items() if owner in present}


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
