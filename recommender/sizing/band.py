"""A target with its bounds."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace


def cap(amount: int, minimum: int | None, maximum: int | None) -> int:
    """At least `minimum`, then at most `maximum`: the maximum wins. None is no cap."""
    raised = amount if minimum is None else max(amount, minimum)
    return raised if maximum is None else min(raised, maximum)


class Band(msgspec.Struct, frozen=True):
    """Whole millicores or bytes with 0 < lower <= target <= upper.

    `uncapped` is the target before a policy's minimum and maximum. The order of the three is
    the contract with the VPA updater: a pod whose request equals a target outside its own
    bounds is evicted again every minute. Breaking it is a ValueError.
    """

    lower: int
    target: int
    upper: int
    uncapped: int

    def __post_init__(self) -> None:
        if not 0 < self.lower <= self.target <= self.upper or self.uncapped <= 0:
            raise ValueError(f"{self} is no band: 0 < lower <= target <= upper does not hold")

    @classmethod
    def around(cls, target: int, *, lower: int, upper: int) -> Band:
        """A band before any cap; bounds on the wrong side of the target are moved to it."""
        return cls(min(lower, target), target, max(upper, target), target)

    @classmethod
    def fixed(cls, target: int) -> Band:
        return cls(target, target, target, target)

    def holds(self, amount: int) -> bool:
        return self.lower <= amount <= self.upper

    def raised(self, floor: int) -> Band:
        """Everything at least `floor`, the uncapped target too."""
        return Band(*(max(part, floor) for part in self._parts()))

    def capped(self, minimum: int | None, maximum: int | None) -> Band:
        """Everything but the uncapped target at least `minimum`, then at most `maximum`."""
        lower, target, upper, _ = (cap(part, minimum, maximum) for part in self._parts())
        return Band(lower, target, upper, self.uncapped)

    def with_uncapped(self, uncapped: int) -> Band:
        return replace(self, uncapped=uncapped)

    def _parts(self) -> tuple[int, int, int, int]:
        return self.lower, self.target, self.upper, self.uncapped
