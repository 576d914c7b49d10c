"""Which workload of a report the user means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from recommender.errors import UnknownWorkloadError
from recommender.model.identity import WorkloadRef, is_meant
from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.model.report import Report, Skipped, WorkloadReport

_NEAR = 3


def find_workload(report: Report, text: str) -> WorkloadReport:
    """The workload named NAMESPACE/KIND/NAME, or NAMESPACE/NAME where only one has that name.

    KIND may be short (deploy), full, plural, or with its group; in any case. Raises
    UnknownWorkloadError, which offers near names, or says why the workload was skipped.
    """
    wanted = text.strip()
    found = [row for row in report.workloads if is_meant(_ref(row), wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(_full_name(_ref(row)) for row in found)
        raise UnknownWorkloadError(_line(f"{wanted} can be {names}; say which"))
    skipped = [row for row in report.skipped if is_meant(_ref(row), wanted)]
    if skipped:
        raise UnknownWorkloadError(_line(_describe_skips(skipped)))
    known = [_ref(row) for row in report.workloads] + [_ref(row) for row in report.skipped]
    known = list(dict.fromkeys(known))
    raise UnknownWorkloadError(_line(f"no workload {wanted}; {_offer(wanted, known)}"))


def _ref(row: WorkloadReport | Skipped) -> WorkloadRef:
    return WorkloadRef(row.namespace, row.kind, row.name)


def _full_name(ref: WorkloadRef) -> str:
    return f"{ref.namespace}/{ref.short}"


def _describe_skips(rows: Iterable[Skipped]) -> str:
    reasons = [
        f"container {row.container}: {row.reason}" if row.container else row.reason for row in rows
    ]
    first = next(iter(rows))
    return f"{_full_name(_ref(first))} was skipped: {'; '.join(reasons)}"


def _offer(text: str, known: list[WorkloadRef]) -> str:
    """What to type instead."""
    if not known:
        return "the report holds no workload at all; look at -n, -l and --recommender-name"
    near = _near_names(text, known)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"write NAMESPACE/KIND/NAME, for example {_full_name(known[0])}"


def _near_names(text: str, known: list[WorkloadRef]) -> list[str]:
    """Workloads of nearly this name, those first that are like the whole text.

    The name decides: namespace and kind are the same for many, and make all of them alike.
    """
    wanted = text.lower()
    name = wanted.rsplit("/", maxsplit=1)[-1]
    names = {ref.name.lower() for ref in known}
    close = [name] if name in names else difflib.get_close_matches(name, names, n=_NEAR, cutoff=0.7)
    near = [ref for ref in known if ref.name.lower() in close]
    near.sort(key=lambda ref: -_likeness(wanted, ref))
    return [_full_name(ref) for ref in near[:_NEAR]]


def _likeness(text: str, ref: WorkloadRef) -> float:
    spellings = (_full_name(ref), str(ref), f"{ref.namespace}/{ref.name}")
    return max(difflib.SequenceMatcher(None, text, each.lower()).ratio() for each in spellings)


def _line(text: str) -> str:
    return escape_controls(text)
