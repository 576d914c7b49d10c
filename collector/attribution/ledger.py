"""Who has been charged how much, ever: counters that only grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from collector.model import Owner, Quality, Zone, list_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EnergyPart: TypeAlias = Literal["dynamic", "idle"]

WORK_COLUMNS = ("cpu_ns", "cycles", "instructions", "cache_misses")

UNATTRIBUTED = 0
"""Row of energy that nobody can be charged with."""

RETIRED = 1
"""Row of owners whose counters are no longer kept one by one."""

_FIRST = 2
_NEVER = -1e18  # monotonic second; JSON has no infinity
_NOBODY = (Owner("unknown", container="unattributed"), Owner("unknown", container="retired"))


@dataclass(frozen=True, order=True)
class Account:
    """What a column of the ledger counts."""

    zone: Zone
    part: EnergyPart
    quality: Quality


class Ledger:
    """Microjoules by owner and account, and work by owner.

    Rows and columns keep their places until `retire`; an owner gets a row when it first works
    or reserves.
    """

    def __init__(self) -> None:
        self.owners: list[Owner] = [*_NOBODY]
        self.accounts: list[Account] = []
        self._rows: dict[Owner, int] = {}
        self._columns: dict[Account, int] = {}
        self._energy = np.zeros((0, 64), dtype=np.int64)
        self._work = np.zeros((64, len(WORK_COLUMNS)), dtype=np.int64)
        self._seen_at = np.full(64, -np.inf)

    def row(self, owner: Owner) -> int:
        """The owner's row, a new one where it has none."""
        row = self._rows.get(owner)
        if row is None:
            row = self._rows[owner] = len(self.owners)
            self.owners.append(owner)
            if row >= len(self._seen_at):
                self._grow()
        return row

    def find_rows(self, owners: Sequence[Owner]) -> NDArray[np.intp]:
        """Rows of several owners. New ones get theirs in their own order, not in this one."""
        rows = list(map(self._rows.get, owners))
        if None in rows:
            for owner in sorted(set(owners) - self._rows.keys()):
                self.row(owner)
            rows = list(map(self._rows.get, owners))
        return np.array(rows, dtype=np.intp)

    @property
    def size(self) -> int:
        """Rows in use."""
        return len(self.owners)

    @property
    def energy(self) -> NDArray[np.int64]:
        """Microjoules [rows, accounts]; a view, for reading."""
        return self._energy[:, : self.size].T

    @property
    def work(self) -> NDArray[np.int64]:
        """Work [rows, WORK_COLUMNS]; a view, for reading."""
        return self._work[: self.size]

    @property
    def seen_at(self) -> NDArray[np.float64]:
        """Monotonic second at which each owner was last listed [rows]; a view."""
        return self._seen_at[: self.size]

    def charge(self, account: Account, microjoules: NDArray[np.int64]) -> None:
        """Add `microjoules` [n], n <= rows, all >= 0, to one column."""
        column = self._column(account)  # may make room: before, the array is another
        self._energy[column, : len(microjoules)] += microjoules

    def charge_nobody(self, account: Account, microjoules: int) -> None:
        """Add energy that no owner can be charged with."""
        if microjoules:
            column = self._column(account)
            self._energy[column, UNATTRIBUTED] += microjoules

    def add_work(self, rows: NDArray[np.intp], column: int, amounts: NDArray[np.int64]) -> None:
        """Add to one column of work; a row may come several times."""
        np.add.at(self._work[:, column], rows, amounts)

    def see(self, rows: NDArray[np.intp], at: float) -> None:
        self._seen_at[rows] = at

    def retire(self, is_retired: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Fold rows into RETIRED; the answer is the new row of every old row."""
        is_retired = is_retired.copy()
        is_retired[:_FIRST] = False
        moved = np.where(is_retired, RETIRED, np.cumsum(~is_retired) - 1)
        energy, work, seen_at = self.energy, self.work, self.seen_at
        self._energy = np.zeros_like(self._energy)
        self._work = np.zeros_like(self._work)
        self._seen_at = np.full_like(self._seen_at, -np.inf)
        np.add.at(self._energy.T, moved, energy)
        np.add.at(self._work, moved, work)
        np.maximum.at(self._seen_at, moved, seen_at)
        kept = [owner for owner, gone in zip(self.owners, is_retired, strict=True) if not gone]
        self.owners = kept
        self._rows = {owner: row for row, owner in enumerate(kept) if row >= _FIRST}
        return moved

    def state(self) -> dict[str, Any]:
        """All counters as plain lists, for a state file."""
        return {
            "owners": [list_fields(owner) for owner in self.owners[_FIRST:]],
            "accounts": [
                [each.zone.name, each.zone.socket, each.part, each.quality]
                for each in self.accounts
            ],
            "energy": self.energy.T.tolist(),
            "work": self.work.tolist(),
            "seen_at": np.maximum(self.seen_at[_FIRST:], _NEVER).tolist(),
        }

    @classmethod
    def restore(cls, state: Any) -> Ledger:
        """A ledger that goes on where `state` ends. Raises ValueError for anything else."""
        ledger = cls()
        try:
            rows = np.array([ledger.row(Owner(*each)) for each in state["owners"]], dtype=np.intp)
            for (name, socket, part, quality), energy in zip(
                state["accounts"], state["energy"], strict=True
            ):
                column = ledger._column(Account(Zone(name, socket), part, quality))
                ledger._energy[column, : ledger.size] = energy
            ledger.work[:] = state["work"]
            ledger._seen_at[rows] = state["seen_at"]
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not the state of a ledger: {error}") from error
        return ledger

    def _column(self, account: Account) -> int:
        column = self._columns.get(account)
        if column is None:
            column = self._columns[account] = len(self.accounts)
            self.accounts.append(account)
            fresh = np.zeros((1, self._energy.shape[1]), dtype=np.int64)
            self._energy = np.vstack((self._energy, fresh))
        return column

    def _grow(self) -> None:
        """Twice the rows."""
        rows = len(self._seen_at)
        self._energy = np.hstack((self._energy, np.zeros_like(self._energy)))
        self._work = np.vstack((self._work, np.zeros_like(self._work)))
        self._seen_at = np.concatenate((self._seen_at, np.full(rows, -np.inf)))
