"""The size of a replica where a HorizontalPodAutoscaler decides how many there are.

The HPA holds the use of the CPU request at tau, so a replica that uses x cores reserves x / tau.
One that does w units of work a second costs p0 + sum A x(w) watts, with A = P'/C + pi / tau watts
for each core used and p0 for what it reserves whatever it does; per unit of work

    e(w) = (p0 + A (u0 + b w + q w^2)) / w,   least at   w* = sqrt((p0 + A u0) / (A q)).

Small replicas pay often for being there, large ones for being crowded. The minimum is flat: where
the two make up a share s of e, a rate that is off by a factor f costs s ((f + 1/f) / 2 - 1) more,
5.5 % for f = 2 and s = 0.22.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from recommender.sizing.bounds import INDIFFERENCE, LEAST_HALFWIDTH, estimate_restart_watts
from recommender.sizing.workcurve import WorkCurve, six

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.sizing.terms import Terms


class Part(msgspec.Struct, frozen=True):
    """One container of a replica.

    cores        its request now, None where it has none
    gib          of memory that it reserves
    is_counted   its request counts in what the HPA holds
    is_ours      its CPU request is to be set
    """

    name: str
    curve: WorkCurve
    cores: float | None
    gib: float
    is_counted: bool = True
    is_ours: bool = True


class Sum(msgspec.Struct, frozen=True):
    """A number with the arithmetic that gives it, in printed numbers only."""

    value: float
    text: str


class Replica(msgspec.Struct, frozen=True):
    """All containers of a replica on these terms, under an HPA that holds `tau`.

    Numbers that are printed are rounded before they are used, so that what is printed can be
    followed to its last digit.
    """

    parts: tuple[Part, ...]
    terms: Terms
    tau: float

    @property
    def counted(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.is_counted)

    @property
    def ours(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.is_counted and part.is_ours)

    @property
    def scaled_curve(self) -> WorkCurve:
        """Cores that the HPA looks at against work."""
        return WorkCurve.sum_of([part.curve for part in self.counted])

    @property
    def foreign_cores(self) -> float:
        """Requested by containers that count and are not ours to change."""
        return six(sum(part.cores or 0.0 for part in self.counted if not part.is_ours))

    def watts_per_core(self, *, is_counted: bool = True) -> Sum:
        """A: of a core that is used, and of what is reserved with it where it counts."""
        used, reserved = six(self.terms.used), six(self.terms.reserved)
        if not is_counted:
            return Sum(used, f"{used:g}")
        value = six(used + reserved / self.tau)
        return Sum(value, f"{used:g} + {reserved:g} / {self.tau:g} = {value:g}")

    def fixed_watts(self) -> Sum:
        """p0: what a replica costs whatever it does, but for its own idle use."""
        memory, reserved = six(self.terms.memory), six(self.terms.reserved)
        gib = six(sum(part.gib for part in self.parts))
        beside = six(sum(part.cores or 0.0 for part in self.parts if not part.is_counted))
        pairs = [(memory, gib), (reserved, beside)]
        terms = [pair for pair in pairs if pair[0] > 0.0 and pair[1] > 0.0]
        value = six(sum(watts * amount for watts, amount in terms))
        text = " + ".join(f"{watts:g} x {amount:g}" for watts, amount in terms) or "0"
        return Sum(value, f"{text} = {value:g}")

    def best_rate(self) -> Sum | None:
        """w*; None where there is none: work that bends nothing, or that costs nothing to split."""
        fixed, bend = self._fixed(), self._bend()
        if not (fixed.value > 0.0 and bend.value > 0.0):
            return None
        value = six(math.sqrt(fixed.value / bend.value))
        return Sum(value, f"sqrt(({fixed.text}) / ({bend.text})) = {value:g}")

    def joules(self, rate: float, *, reserved: float | None = None) -> float:
        """e(w): joules of a unit of work; `reserved` stands in for the price of a core."""
        price = self.terms.reserved if reserved is None else reserved
        beside = sum(part.cores or 0.0 for part in self.parts if not part.is_counted)
        watts = self.terms.memory * sum(part.gib for part in self.parts) + price * beside
        for part in self.parts:
            per_core = self.terms.used + (price / self.tau if part.is_counted else 0.0)
            watts += per_core * part.curve.cores(rate)
        return watts / rate

    def indifferent_rates(self, rate: float, *, share: float) -> tuple[float, float]:
        """The rates at which a unit of work costs at most `share` more than at `rate` = w*.

        (F + B w + Q w^2) / w <= (1 + share) e is a quadratic in w.
        """
        fixed, bend = self._fixed().value, self._bend().value
        slope = (1.0 + share) * (fixed / rate + bend * rate) + share * self._slope()
        root = math.sqrt(max(slope**2 - 4.0 * fixed * bend, 0.0))
        return min(2.0 * fixed / (slope + root), rate), max((slope + root) / (2.0 * bend), rate)

    def request(self, part: Part, rate: float) -> Sum | None:
        """Cores to request for a container at this rate; None where others leave nothing.

        The requests of all that count are x / tau together. What is not ours is taken off, and
        the rest shared as the use is.
        """
        own, foreign = six(part.curve.cores(rate)), self.foreign_cores
        if foreign <= 0.0:
            value = six(own / self.tau)
            return Sum(value, f"{own:g} / {self.tau:g} = {value:g}")
        whole = six(self.scaled_curve.cores(rate))
        ours = six(sum(each.curve.cores(rate) for each in self.ours))
        value = six(own / ours * (whole / self.tau - foreign))
        text = f"{own:g} / {ours:g} x ({whole:g} / {self.tau:g} - {foreign:g}) = {value:g}"
        return Sum(value, text) if value > 0.0 else None

    def rate_of(self, requested: float) -> float | None:
        """The work rate at which the HPA holds a replica that requests these cores in all."""
        return self.scaled_curve.rate(self.tau * requested)

    def slack(self, rate: float) -> float:
        """Share of its energy within which no replica is worth a restart."""
        watts = self.joules(rate) * rate
        requested = self.scaled_curve.cores(rate) / self.tau
        restart = estimate_restart_watts(requested, terms=self.terms)
        return max(INDIFFERENCE, restart / watts if watts > 0.0 else 0.0)

    def _fixed(self) -> Sum:
        """p0, and A u0 summed over the containers."""
        return self._add([(part, part.curve.idle) for part in self.parts], self.fixed_watts().value)

    def _bend(self) -> Sum:
        """A q, summed over the containers."""
        return self._add([(part, part.curve.quadratic) for part in self.parts], 0.0)

    def _slope(self) -> float:
        """A b, summed over the containers."""
        return self._add([(part, part.curve.linear) for part in self.parts], 0.0).value

    def _add(self, pairs: Sequence[tuple[Part, float]], constant: float) -> Sum:
        texts, value = [], constant
        for part, amount in pairs:
            watts = self.watts_per_core(is_counted=part.is_counted).value
            value += watts * amount
            if amount > 0.0:
                texts.append(f"{watts:g} x {amount:g}")
        texts += [f"{constant:g}"] if constant > 0.0 else []
        return Sum(value, " + ".join(texts) or "0")


def widen(lower: float, request: float, upper: float) -> tuple[float, float]:
    """Bounds at least LEAST_HALFWIDTH away from the request."""
    near = (request * (1.0 - LEAST_HALFWIDTH), request * (1.0 + LEAST_HALFWIDTH))
    return min(lower, near[0]), max(upper, near[1])
