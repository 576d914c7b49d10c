"""What the replicas of a workload should be, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.model.report import Reason, Watts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.model.cluster import CpuScaler
    from recommender.sizing.band import Band
    from recommender.sizing.replica import Replica
    from recommender.sizing.workcurve import WorkWindows


class Plan(msgspec.Struct, frozen=True):
    """What a workload's replicas should be: the replica at the rate at which it does best.

    total is the work per second of all replicas, its mean and the highest.
    """

    replica: Replica
    rate: float
    mean: float
    highest: float
    scaler: CpuScaler
    now: float | None

    def saved(self, share: float, factor: float) -> Watts | None:
        """Watts of `share` of the change if the requests are `factor` times the best ones.

        Work costs e(w) joules, now and then; None where a container has no request now.
        """
        rates = self._rate_now(), self._rate_at(factor)
        if rates[0] is None or rates[1] is None:
            return None
        terms = self.replica.terms
        value, low, high = (
            share * self.mean * self._gain(rates[0], rates[1], price)
            for price in (terms.reserved, terms.reserved_low, terms.reserved_high)
        )
        return Watts(value=value, low=min(low, high, value), high=max(low, high, value))

    def gain(self, factor: float) -> float | None:
        """Work per joule over that of now, if the requests are `factor` times the best ones."""
        now, then = self._rate_now(), self._rate_at(factor)
        if now is None or then is None:
            return None
        return self.replica.joules(now) / self.replica.joules(then)

    def _gain(self, now: float, then: float, price: float) -> float:
        return self.replica.joules(now, reserved=price) - self.replica.joules(then, reserved=price)

    def _rate_now(self) -> float | None:
        return None if self.now is None else self._settle(self.replica.rate_of(self.now))

    def _rate_at(self, factor: float) -> float | None:
        best = self.replica.scaled_curve.cores(self.rate) / self.replica.tau
        foreign = self.replica.foreign_cores
        return self._settle(self.replica.rate_of(foreign + factor * (best - foreign)))

    def _settle(self, rate: float | None) -> float | None:
        """The rate of a replica between the HPA's least and most replicas."""
        if rate is None:
            return None
        return min(max(rate, self.mean / self.scaler.most), self.mean / max(self.scaler.least, 1))


class ScaledRequest(msgspec.Struct, frozen=True):
    """The band of one container's CPU request, with the steps that led to it.

    share is what part of all requests of a replica it is, `best` the unrounded request in cores.
    """

    band: Band
    steps: tuple[Reason, ...]
    plan: Plan
    share: float
    best: float
    why: str

    def saved(self, target: int) -> Watts | None:
        """Watts that this target in millicores saves."""
        return self.plan.saved(self.share, target / 1000.0 / self.best)

    def gain(self, target: int) -> float | None:
        """Work per joule with this target over that of now."""
        return self.plan.gain(target / 1000.0 / self.best)


class Scaling(msgspec.Struct, frozen=True):
    """Requests by container; where there are none, `gap` says why they are kept.

    `is_settled`: what is missing is evidence, so that what was found before still holds.
    """

    requests: Mapping[str, ScaledRequest] = msgspec.field(default_factory=dict)
    gap: str = ""
    is_settled: bool = False


class Found(msgspec.Struct, frozen=True):
    """What was found of a workload's work; `gap` says why there is none.

    per_second is of all replicas, [T]; `unit` is the word for one, "" for none.
    """

    windows: WorkWindows | None = None
    unit: str = ""
    gap: str = ""
