"""What is said of what was read of a cluster: pure, one check for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.cluster.component import ADMISSION, UPDATER, Components
from recommender.cluster.permission import Permission, grant
from recommender.cluster.resource import PROFILES, VPAS
from recommender.model.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recommender.model.cluster import ClusterState, Workload


_SHOWN = 3  # examples in a line


def judge_api_server(source: str, *, version: str, user: str) -> Check:
    """That it answers; `version` and `user` are "" where it does not tell them."""
    known = f"Kubernetes {version.removeprefix('v')} at {source}" if version else source
    return Check("ok", "api server", known + (f", as {user}" if user else ""))


def judge_vpa_crd(resources: frozenset[str]) -> Check:
    """By the names that are served of autoscaling.k8s.io/v1."""
    if VPAS.plural not in resources:
        return Check(
            "fail",
            "vpa crd",
            "this cluster has no VerticalPodAutoscaler (autoscaling.k8s.io/v1)",
            "install VPA's CRDs (vpa-v1-crd-gen.yaml); until then joulefit report"
            " --all-workloads shows what it would recommend",
        )
    if f"{VPAS.plural}/status" not in resources:
        return Check(
            "fail",
            "vpa crd",
            "VerticalPodAutoscaler v1 has no status subresource, so no recommender can write",
            "install the CRD of VPA 1.0 or later (vpa-v1-crd-gen.yaml), or add"
            " subresources.status to its version v1",
        )
    return Check("ok", "vpa crd", "VerticalPodAutoscaler v1 with status subresource")


def judge_profile_crd(resources: frozenset[str]) -> Check:
    """By the names that are served of joulefit.io/v1alpha1; the CRD is optional."""
    if PROFILES.plural in resources:
        return Check("ok", "energy profiles", "EnergyProfile CRD installed")
    return Check(
        "ok",
        "energy profiles",
        "EnergyProfile CRD not installed; it is optional, work classes come from annotations",
    )


def judge_permissions(
    wanted: Sequence[Permission], refused: Sequence[Permission], *, user: str
) -> Iterator[Check]:
    """What is refused of what is wanted, with the rule that grants it."""
    who = user or "this user"
    needed = [each for each in refused if not each.loss]
    useful = [each for each in refused if each.loss]
    if not needed:
        count = len(wanted) - len(useful)
        yield Check("ok", "permissions", f"all {count} needed verbs are granted to {who}")
    advice = "let an administrator apply this" if user else "let an administrator bind this role"
    if needed:
        yield Check(
            "fail",
            "permissions",
            f"forbidden for {who}: {', '.join(map(str, needed))}",
            advice,
            grant(needed, user),
        )
    if useful:
        losses = [f"{each} ({each.loss})" for each in useful]
        yield Check(
            "warn",
            "permissions",
            f"forbidden for {who}, and can be done without: {', '.join(losses)}",
            advice,
            grant(useful, user),
        )


def judge_lease(namespace: str, refused: Sequence[Permission], *, user: str) -> Check:
    """What is refused of the Lease's verbs; only `joulefit run` needs them, with the rule."""
    who = user or "this user"
    if not refused:
        return Check("ok", "lease", f"{who} may hold the Lease in namespace {namespace}")
    return Check(
        "warn",
        "lease",
        f"forbidden for {who}: {', '.join(map(str, refused))}; as this user joulefit run writes"
        " nothing but with --no-lease",
        f"if the service runs as {who}, let an administrator apply this; if its Lease is"
        " elsewhere, give --lease-namespace",
        grant(refused, user),
    )


def judge_state(state: ClusterState, recommender_name: str) -> Iterator[Check]:
    """Nodes and who releases them, VPAs of ours, workloads; state of all workloads."""
    yield judge_nodes(state)
    yield judge_releaser(state)
    yield judge_vpas(state, recommender_name)
    yield judge_requests(state.workloads)
    for warning in state.warnings:
        if "no VerticalPodAutoscaler" not in warning:  # the CRD's own check says it
            yield Check("warn", "cluster", warning)


def judge_nodes(state: ClusterState) -> Check:
    if not state.nodes:
        return Check(
            "warn",
            "nodes",
            "no node is known, so a reserved core has no price and the stock rule decides",
            "is this the right cluster, and may nodes be listed?",
        )
    cores = sum(node.cores for node in state.nodes)
    return Check("ok", "nodes", f"{_count(len(state.nodes), 'node')} with {cores:,.0f} cores")


def judge_releaser(state: ClusterState) -> Check:
    if state.node_releaser:
        return Check("ok", "autoscaler", f"{state.node_releaser} removes nodes that become empty")
    return Check(
        "warn",
        "autoscaler",
        "no autoscaler that removes nodes was seen: savings stay small while emptied nodes stay on",
        "run cluster-autoscaler or karpenter, or switch emptied nodes off by hand; one that your"
        " provider runs outside of the cluster cannot be seen",
    )


def judge_vpas(state: ClusterState, recommender_name: str) -> Check:
    """How many name us, and what keeps some from an answer."""
    if not state.vpas:
        return Check(
            "warn",
            "vpas",
            f"no VPA names {recommender_name}, so there is nothing to write",
            f"set spec.recommenders: [{{name: {recommender_name}}}] in a VPA, with updateMode: Off"
            " to look first",
        )
    problems = [
        f"{vpa.namespace}/{vpa.name}: {vpa.problem or 'no pod of its target runs'}"
        for vpa in state.vpas
        if vpa.problem or not vpa.matches_pods
    ]
    name_us = (
        f"{_count(len(state.vpas), 'VPA')} {_verb(len(state.vpas), 'name')} {recommender_name}"
    )
    if not problems:
        return Check("ok", "vpas", name_us)
    return Check(
        "warn",
        "vpas",
        f"{name_us}; {len(problems)} of them cannot be answered: {_some(problems, '; ')}",
        "joulefit report lists all that is skipped, with the reasons",
    )


def judge_requests(workloads: Sequence[Workload]) -> Check:
    """Workloads whose containers ask for no CPU or no memory."""
    lacking = {
        workload.ref: missing for workload in workloads if (missing := _missing_requests(workload))
    }
    if not workloads:
        return Check("warn", "requests", "no workload was found", "is -n or -l right?")
    of_all = f"{len(lacking)} of {_count(len(workloads), 'workload')}"
    if not lacking:
        return Check("ok", "requests", f"{_count(len(workloads), 'workload')}, all with requests")
    named = [f"{ref.namespace}/{ref.short} {missing}" for ref, missing in lacking.items()]
    return Check(
        "warn",
        "requests",
        f"{of_all} {_verb(len(lacking), 'lack')} requests ({_some(named, ', ')})",
        "the scheduler counts nothing for them, so their nodes look emptier than they are and no"
        " saving can be said: set requests, or give each a VPA",
    )


def _missing_requests(workload: Workload) -> str:
    missing = [
        name
        for name, is_missing in (
            ("cpu", any(c.requests.cpu_millicores is None for c in workload.containers)),
            ("memory", any(c.requests.memory_bytes is None for c in workload.containers)),
        )
        if is_missing
    ]
    return " and ".join(missing)


def judge_components(components: Components, recommender_name: str) -> list[Check]:
    """Whether something applies what is written, and nobody else writes it."""
    missing = [part for part in (UPDATER, ADMISSION) if part not in components.parts]
    if missing:
        applied = Check(
            "warn",
            "vpa parts",
            f"no VPA {' and no '.join(missing)} seen: what is written is not applied to pods",
            "install VPA's updater and admission controller; what your provider runs outside of"
            " the cluster cannot be seen",
        )
    else:
        running = components.parts[UPDATER] | components.parts[ADMISSION]
        where = sorted({ref.namespace for ref in running})
        applied = Check(
            "ok", "vpa parts", f"updater and admission controller run in {', '.join(where)}"
        )
    return [applied, _judge_twins(components, recommender_name)]


def _judge_twins(components: Components, recommender_name: str) -> Check:
    running = sorted(components.recommenders.get(recommender_name, ()))
    named = ", ".join(f"{ref.namespace}/{ref.short}" for ref in running)
    if len(running) > 1:
        return Check(
            "fail",
            "recommenders",
            f"{len(running)} recommenders answer to {recommender_name} and overwrite each other:"
            f" {named}",
            "remove one, or give it another --recommender-name",
        )
    said = (
        f"{named} answers to {recommender_name}"
        if running
        else (f"none that answers to {recommender_name} runs in the cluster")
    )
    return Check("ok", "recommenders", said)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _verb(number: int, verb: str) -> str:
    return verb + "s" * (number == 1)


def _some(names: Sequence[str], separator: str) -> str:
    more = len(names) - _SHOWN
    shown = separator.join(names[:_SHOWN])
    return f"{shown}{separator}and {more} more" if more > 0 else shown
