"""The savings in words: watts, and what has to happen before they are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.report.notation import format_amount, format_change

if TYPE_CHECKING:
    from recommender.model.report import Watts


def describe_savings(released: Watts | None, kept: Watts | None, *, node_releaser: str) -> str:
    """One sentence on the watts of the whole report.

    `released` None: no workload has energy evidence; `kept` None: what emptied nodes draw is not
    known.

    Requests alone change no node's power: what they free is saved when a node is switched off
    (Barroso and Hoelzle, "The Case for Energy-Proportional Computing", IEEE Computer 2007).
    """
    if released is None:
        return "no watts are claimed: no workload here has energy evidence"
    if node_releaser:
        return (
            f"{_change(released)} when emptied nodes are released ({node_releaser} seen), "
            f"{_kept(kept)} when they stay on"
        )
    return (
        f"{_change(released)} if emptied nodes were switched off, {_kept(kept)} while they "
        "stay on (no autoscaler that removes nodes was seen)"
    )


def _kept(saved: Watts | None) -> str:
    return "little of it" if saved is None else _change(saved)


def _change(saved: Watts) -> str:
    return f"{format_change(saved)} W" + (" (more than now)" if saved.value < 0 else "")


def describe_container_savings(
    saved: Watts | None, *, nodes_freed: float | None, node_releaser: str
) -> str:
    """One sentence on the watts of one container in all its replicas.

    nodes_freed: the share of a node, or the number of nodes, that the change frees; None where
    the pool is not known.
    """
    if saved is None:
        return "no watts are claimed: there is no energy evidence for it"
    amount = f"{format_amount(saved)} W"
    if saved.low <= 0 <= saved.high:
        return f"{format_change(saved)} W, which cannot be told from no change"
    if saved.value < 0:
        return f"takes {amount} more than now"
    freed = "emptied nodes are switched off" if not nodes_freed else _freed(nodes_freed)
    condition = (
        f"it needs an autoscaler that removes nodes (seen: {node_releaser})"
        if node_releaser
        else "it needs an autoscaler that removes nodes, and none was seen"
    )
    return f"saves {amount} once {freed}; {condition}"


def _freed(nodes: float) -> str:
    if nodes < 0.05:
        return "a small part of a node is freed, with what others free"
    return f"about {nodes:.1f} {'node is' if nodes <= 1 else 'nodes are'} freed"


_MODES = {
    "Off": "nothing is applied by itself; set the request in the workload, or change the mode",
    "Initial": "applied when a pod is created; running pods keep what they have",
    "Recreate": "applied when the VPA updater evicts a pod whose request is outside the bounds",
    "Auto": "applied when the VPA updater evicts a pod whose request is outside the bounds",
    "InPlace": "applied in place when a pod's request is outside the bounds and its node has room; "
    "nothing is evicted",
    "InPlaceOrRecreate": "applied when a pod's request is outside the bounds: in place where the "
    "node has room, else by eviction",
}


def describe_update(vpa: str | None, update_mode: str | None) -> str:
    """When the request of running pods changes, by the VPA's updateMode."""
    if vpa is None:
        return "no VPA of ours targets it: nothing is applied"
    if update_mode is None:
        return f"VPA {vpa} applies it as its updateMode says"
    when = _MODES.get(update_mode, "applied as this mode says")
    return f"VPA {vpa} has updateMode {update_mode}: {when}"
