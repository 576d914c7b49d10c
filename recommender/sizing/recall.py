"""What was recommended before: in the VPA's own status, else in that of its EnergyProfile.

A VPA that is deleted and made again, as GitOps does it, or whose status was wiped, has no
recommendation; its EnergyProfile still has it. So nothing gaps and nothing jumps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recommender.sizing.hysteresis import parse_previous

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.model.cluster import Vpa

Entry = dict[str, Any]

_MAPS = ("target", "lowerBound", "upperBound", "uncappedTarget")


def recall_status(vpa: Vpa) -> Mapping[str, Any]:
    """The VPA's status, with the recommendations that only its EnergyProfile has filled in.

    A container's own recommendation is taken as long as it can be used; the EnergyProfile's only
    where it is about the same workload.
    """
    remembered = _read_remembered(vpa)
    filled = {
        name: entry
        for name, entry in remembered.items()
        if not _is_usable(vpa.status, name) and _is_usable(_status_of([entry]), name)
    }
    if not filled:
        return vpa.status
    own = [entry for entry in _read_own(vpa.status) if entry.get("containerName") not in filled]
    return {**vpa.status, **_status_of([*own, *filled.values()])}


def recall_basis(vpa: Vpa, container: str) -> str:
    """The rule by which its EnergyProfile says that a container was sized last; "" if unknown."""
    if vpa.profile is None or vpa.target is None:
        return ""
    status = vpa.profile.status
    if status.get("target") != {"kind": vpa.target.kind, "name": vpa.target.name}:
        return ""
    found = (each for each in _dicts(status.get("containers")) if each.get("name") == container)
    return str(next(found, {}).get("basis", ""))


def _read_remembered(vpa: Vpa) -> dict[str, Entry]:
    """Entries as a VPA's status has them, by container, from the status of the EnergyProfile."""
    if vpa.profile is None or vpa.target is None:
        return {}
    status = vpa.profile.status
    if status.get("target") != {"kind": vpa.target.kind, "name": vpa.target.name}:
        return {}
    entries: dict[str, Entry] = {}
    for container in _dicts(status.get("containers")):
        name, recommended = container.get("name"), container.get("recommended")
        if isinstance(name, str) and isinstance(recommended, dict):
            maps = {key: recommended[key] for key in _MAPS if key in recommended}
            entries[name] = {"containerName": name, **maps}
    return entries


def _is_usable(status: Mapping[str, Any], container: str) -> bool:
    previous = parse_previous(status, container)
    return bool(previous.bands) and not previous.flaw


def _status_of(entries: list[Entry]) -> dict[str, Any]:
    return {"recommendation": {"containerRecommendations": entries}}


def _read_own(status: Mapping[str, Any]) -> list[Entry]:
    recommendation = status.get("recommendation")
    if not isinstance(recommendation, dict):
        return []
    return _dicts(recommendation.get("containerRecommendations"))


def _dicts(values: Any) -> list[Entry]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
