"""The status of a VPA: the numbers that VPA's updater and admission controller act on, and why.

Pure. Nothing downstream checks how fresh or how sane a status is: a number once written stays
live until it is replaced, so every entry is checked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.condition import (
    CONFIG_UNSUPPORTED,
    FETCHING_HISTORY,
    LOW_CONFIDENCE,
    NO_PODS_MATCHED,
    RECOMMENDATION_PROVIDED,
    Condition,
    conditions_differ,
    stamp_conditions,
)
from recommender.cluster.entry import (
    Entry,
    entries_differ,
    keep_entries,
    publish_entry,
    read_entries,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recommender.model.cluster import Vpa
    from recommender.model.report import ContainerReport, Skipped, WorkloadReport

OWNED_KEYS = ("recommendation", "conditions", "observedGeneration")
"""Keys of a status that a recommender writes; any other is someone else's."""

_PASSING = frozenset({"Job", "CronJob"})
_NO_PODS = "No pods match this VPA object"
_KEPT = "kept from an earlier run"


class _Note(msgspec.Struct, frozen=True):
    """Why the number of a container deserves less trust, or why it has none."""

    container: str
    reason: str
    text: str


def build_status(
    vpa: Vpa, report: WorkloadReport | None, skipped: Sequence[Skipped], *, now: str
) -> dict[str, Any]:
    """The whole status of a VPA after a run; `vpa.status` is what it was, `now` RFC 3339.

    `report` holds the sized containers of its target, None where there are none; `skipped` the
    rows about this VPA. What was skipped keeps its last recommendation; what is switched off
    (mode Off, a resource not controlled) or no longer in the pods loses it. Keys that are not
    a recommender's stay as they are.
    """
    rows = [row for row in skipped if not (row.is_deliberate or _is_switched_off(vpa, row))]
    left_out = [row for row in skipped if row.is_deliberate and not _is_switched_off(vpa, row)]
    sized, refused = _publish(vpa, report)
    if vpa.problem or report is not None or rows or not left_out:
        kept = keep_entries(vpa, _names_to_keep(vpa, report, rows, refused))
    else:  # all that there is has been left out
        kept = {}
    entries = kept | sized
    status = {key: value for key, value in vpa.status.items() if key not in OWNED_KEYS}
    if entries:
        status["recommendation"] = {
            "containerRecommendations": [entries[name] for name in sorted(entries)]
        }
    tiers = {each.name: each for each in report.containers if each.name in sized} if report else {}
    notes = [
        *_note_refused(refused),
        *_note_rows(rows),
        *_note_tiers(tiers.values()),
        *_note_limits(tiers.values()),
        *_note_conflicts(report),
    ]
    conditions = [
        *_say_faults(vpa, rows, is_provided=bool(entries)),
        _say_provided(vpa, entries, tiers, notes, left_out=left_out),
        *_say_confidence(vpa, notes, is_provided=bool(entries)),
    ]
    status["conditions"] = stamp_conditions(conditions, vpa.status, now=now)
    status["observedGeneration"] = vpa.generation
    return status


def status_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a new status says something else than the old one.

    Quantities count by value, conditions without their times and without small changes of
    numbers in their messages. An observedGeneration that is absent was pruned by the CRD of a
    VPA before 1.7, which would prune it again: that alone is no reason to write.
    """
    observed = old.get("observedGeneration")
    return (
        entries_differ(read_entries(old), read_entries(new))
        or conditions_differ(old, new)
        or (observed is not None and observed != new.get("observedGeneration"))
    )


def _publish(vpa: Vpa, report: WorkloadReport | None) -> tuple[dict[str, Entry], list[str]]:
    """Entries of the sized containers, and the names of those that would break a rule."""
    entries: dict[str, Entry] = {}
    refused: list[str] = []
    for container in report.containers if report else ():
        policy = vpa.policy(container.name)
        if policy.is_off or not policy.controlled or vpa.problem:
            continue
        entry = publish_entry(container, policy.controlled)
        if entry is None:
            refused.append(container.name)
        else:
            entries[container.name] = entry
    return entries, refused


def _names_to_keep(
    vpa: Vpa, report: WorkloadReport | None, rows: Sequence[Skipped], refused: Sequence[str]
) -> set[str] | None:
    """Containers whose last recommendation stays where they have no new one; None: all."""
    is_whole = vpa.problem or any(row.container is None for row in rows)
    if is_whole or (report is None and not rows):
        return None
    return {*refused, *(row.container for row in rows if row.container is not None)}


def _is_switched_off(vpa: Vpa, row: Skipped) -> bool:
    if row.container is None:
        return False
    policy = vpa.policy(row.container)
    return policy.is_off or not policy.controlled


def _note_refused(names: Iterable[str]) -> list[_Note]:
    text = "its bounds do not hold its target, which is a defect of joulefit; please report it"
    return [_Note(name, "NotSized", text) for name in names]


def _note_rows(rows: Iterable[Skipped]) -> list[_Note]:
    return [
        _Note(row.container or "", "NotSized", row.reason)
        for row in rows
        if row.condition in {"", LOW_CONFIDENCE}
    ]


def _note_tiers(containers: Iterable[ContainerReport]) -> list[_Note]:
    """Numbers of the stock rule, with what is missing, and those that rest on modelled power."""
    notes = []
    for container in containers:
        tier = next((step for step in container.reasons if step.step == "tier"), None)
        rule = f"{container.tier} {container.basis}"
        if container.tier == "T0":
            missing = f", {tier.why}" if tier else ""
            notes.append(_Note(container.name, "StockRule", rule + missing))
        elif "modelled" in container.basis:
            text = f"{rule}; no power curve of a pool that it runs on was learnt from a meter"
            notes.append(_Note(container.name, "ModelledPower", text))
    return notes


def _note_limits(containers: Iterable[ContainerReport]) -> list[_Note]:
    """Limits that would fall below an observed peak, for they follow the request."""
    return [
        _Note(container.name, "LimitBelowPeak", f"{step.step} {step.value}: {step.why}")
        for container in containers
        for step in container.reasons
        if step.step in {"cpu limit", "memory limit"}
    ]


def _note_conflicts(report: WorkloadReport | None) -> list[_Note]:
    """Targets that will not be what is published, or whose pods will be refused."""
    return [
        _Note(each.container or "", each.source, each.reason)
        for each in (report.conflicts if report else ())
    ]


def _say_faults(vpa: Vpa, rows: Iterable[Skipped], *, is_provided: bool) -> list[Condition]:
    said = {row.condition: row.reason for row in rows}
    found = []
    problem = vpa.problem or said.get(CONFIG_UNSUPPORTED)
    if problem:
        found.append(Condition(CONFIG_UNSUPPORTED, True, CONFIG_UNSUPPORTED, problem))
    if FETCHING_HISTORY in said:
        reason = said[FETCHING_HISTORY]
        found.append(Condition(FETCHING_HISTORY, True, FETCHING_HISTORY, reason))
    # Pods of a (Cron)Job come and go: between two runs their absence is no news.
    is_passing = is_provided and vpa.target is not None and vpa.target.kind in _PASSING
    if not vpa.matches_pods and not problem and not is_passing:
        found.append(Condition(NO_PODS_MATCHED, True, NO_PODS_MATCHED, _NO_PODS))
    return found


def _say_provided(
    vpa: Vpa,
    entries: Iterable[str],
    tiers: Mapping[str, ContainerReport],
    notes: Sequence[_Note],
    *,
    left_out: Iterable[Skipped],
) -> Condition:
    rules: dict[str, list[str]] = {}
    for name in sorted(entries):
        sized = tiers.get(name)
        rules.setdefault(f"{sized.tier} {sized.basis}" if sized else _KEPT, []).append(name)
    if rules:
        for row in left_out:
            rules.setdefault(f"not sized, {row.reason}", []).append(str(row.container))
        message = "; ".join(f"{', '.join(names)}: {rule}" for rule, names in rules.items())
        return Condition(RECOMMENDATION_PROVIDED, True, RECOMMENDATION_PROVIDED, message)
    if vpa.problem:
        return Condition(RECOMMENDATION_PROVIDED, False, CONFIG_UNSUPPORTED, vpa.problem)
    if not vpa.matches_pods:
        return Condition(RECOMMENDATION_PROVIDED, False, NO_PODS_MATCHED, _NO_PODS)
    left = [_Note(str(row.container), "", row.reason) for row in left_out]
    missing = _summarise([*notes, *left]) or "no container is left to be sized"
    return Condition(RECOMMENDATION_PROVIDED, False, "NoRecommendation", missing)


def _say_confidence(vpa: Vpa, notes: Sequence[_Note], *, is_provided: bool) -> list[Condition]:
    if not notes or not is_provided or vpa.problem:
        return []
    return [Condition(LOW_CONFIDENCE, True, notes[0].reason, _summarise(notes))]


def _summarise(notes: Sequence[_Note]) -> str:
    """One sentence for each finding, with all the containers that it is about."""
    about: dict[str, list[str]] = {}
    for note in notes:
        about.setdefault(note.text, []).append(note.container)
    return "; ".join(
        f"{', '.join(names)}: {text}" if any(names) else text for text, names in about.items()
    )
