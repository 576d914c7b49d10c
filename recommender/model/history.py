"""Reduced history of usage and power: what a report, a recording and the sizing work on.

Bounded by workload containers x time bins, whatever the number of pods and scrapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from typing import TypeVar

    import numpy as np
    from numpy.typing import NDArray

    from recommender.model.cluster import ClusterState
    from recommender.model.identity import ContainerRef, WorkloadRef
    from recommender.model.work import WorkEvidence

    Bins = TypeVar("Bins", int, NDArray[np.int64])

STEP = 300  # seconds of a bin: five minutes

BURST_SHARES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99)
"""Quantiles at which one-minute and five-minute means are compared: those of the work classes."""


class TimeGrid(msgspec.Struct, frozen=True):
    """Bins of `step` seconds that end at `end` (unix seconds, a multiple of step).

    Bin i covers (start + i*step, start + (i+1)*step]. Day `days - 1` is the newest; all are
    whole but for the oldest, and the newest while it grows: it has `open_bins` bins so far, and
    is whole if that is zero. Then days are counted back from the end.
    """

    end: int
    bins: int
    step: int = STEP
    open_bins: int = 0

    @property
    def start(self) -> int:
        return self.end - self.bins * self.step

    @property
    def bins_per_day(self) -> int:
        return DAY // self.step

    @property
    def days(self) -> int:
        return -(-(self.bins + self.lacking_bins) // self.bins_per_day)

    @property
    def lacking_bins(self) -> int:
        """Bins that the newest day does not have yet."""
        return -self.open_bins % self.bins_per_day

    @property
    def oldest_bins(self) -> int:
        """Bins of the oldest day."""
        return self.bins if self.days == 1 else self.day_start(1)

    def day_of(self, bin_index: Bins) -> Bins:
        """The day of a bin, or of each of an array of bins."""
        return self.days - 1 - (self.bins - 1 - bin_index + self.lacking_bins) // self.bins_per_day

    @property
    def first_hour(self) -> int:
        """The hour of the clock, since 1970, in which the grid begins."""
        return self.start // HOUR

    @property
    def hours(self) -> int:
        """Hours of the clock that the grid touches; the oldest and the newest may be cut."""
        return -(-self.end // HOUR) - self.first_hour

    def hour_of(self, bin_index: Bins) -> Bins:
        """The hour, of `hours`, in which a bin begins, or each of an array of bins."""
        return (self.start + bin_index * self.step) // HOUR - self.first_hour

    def day_start(self, day: int) -> int:
        """The first bin of a day."""
        return max(0, self.bins + self.lacking_bins - (self.days - day) * self.bins_per_day)

    def grown(self, bins: int) -> TimeGrid:
        """The grid that goes on for so many more bins; days stay where they are."""
        return TimeGrid(
            end=self.end + bins * self.step,
            bins=self.bins + bins,
            step=self.step,
            open_bins=(self.open_bins + bins) % self.bins_per_day,
        )

    def last(self, bins: int) -> TimeGrid:
        """Only the last so many bins."""
        return TimeGrid(self.end, bins, self.step, self.open_bins)

    @classmethod
    def ending(cls, end: float, seconds: float, *, step: int = STEP) -> TimeGrid:
        """The grid of at least `seconds` whose end is the last multiple of step before `end`."""
        return cls(end=int(end // step) * step, bins=max(1, -(-int(seconds) // step)), step=step)


class UsageHistory(msgspec.Struct, frozen=True):
    """CPU and memory of W workload containers over T bins, D days and H hours of the clock.

    Rows follow `containers` (sorted). A *pod sample* is one bin of one pod's container.

    cpu_mean         float32 [W, T]  cores: mean over the pods that reported; NaN where none did
    pods             uint16  [W, T]  pods that reported CPU in the bin
    cpu_days         uint32  [W, D, K]  pod samples by day and demand bucket
                                     (sizing.histogram.DEMAND)
    cpu_max          float32 [W]     cores: highest pod sample; NaN where there is none
    cpu_decayed      float32 [W, 176]  stock buckets, each pod sample weighted by
                                     2^((time - end) / 24 h)
    memory_days      float32 [W, D]  bytes: highest working set of any pod; NaN where none
    memory_decayed   float32 [W, 176]  stock buckets, one peak per pod and day, each weighted by
                                     half for every day before the newest
    samples          int64   [W]     pod samples
    first, last      int64   [W]     unix seconds of the ends of the first and last bin with a
                                     sample; 0 where there is none
    oom_bytes        float32 [W]     bytes in use at the newest OOM kill in the window; NaN: none

    None where no series tells it, or where it was not asked for; NaN in hours that are not known:

    throttled        float32 [W, H]  share of the time in which the limit held back what wanted to
                                     run, mean over the pods; 0 where no limit did
    pressure         float32 [W, H]  share of the time in which some of it waited for a CPU (PSI
                                     some), mean over the pods
    latency          float32 [W, H]  latency over what its EnergyProfile allows; infinite beyond
                                     the last bucket of its histogram
    burst            float32 [W, B]  quantiles of one-minute over those of five-minute means of
                                     the last day, at BURST_SHARES
    """

    grid: TimeGrid
    containers: tuple[ContainerRef, ...]
    cpu_mean: NDArray[np.float32]
    pods: NDArray[np.uint16]
    cpu_days: NDArray[np.uint32]
    cpu_max: NDArray[np.float32]
    cpu_decayed: NDArray[np.float32]
    memory_days: NDArray[np.float32]
    memory_decayed: NDArray[np.float32]
    samples: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    oom_bytes: NDArray[np.float32]
    throttled: NDArray[np.float32] | None = None
    pressure: NDArray[np.float32] | None = None
    latency: NDArray[np.float32] | None = None
    burst: NDArray[np.float32] | None = None


class NodeHistory(msgspec.Struct, frozen=True):
    """Power and CPU of N nodes over T bins. NaN where a value is missing.

    watts     float32 [N, T]  mean power of the node over the bin (all zones that count)
    cpu_used  float32 [N, T]  mean busy cores
    quality   per node: measured, derived, modelled, recorded or "" (no meter)
    reach     per node: what the watts cover: platform, package+dram, package or ""
    cpu_model per node: "" where no series tells it
    frequency float32 [N, T]  hertz: mean of the node's busy cores; None where nothing tells it
    """

    grid: TimeGrid
    nodes: tuple[str, ...]
    watts: NDArray[np.float32]
    cpu_used: NDArray[np.float32]
    quality: tuple[str, ...]
    reach: tuple[str, ...]
    cpu_model: tuple[str, ...]
    frequency: NDArray[np.float32] | None = None


class SourceChoice(msgspec.Struct, frozen=True):
    """Which series were used for one purpose, and why.

    purpose: usage, memory, node power or node cpu; schema: joulefit, cadvisor, kepler-0.9,
    kepler-0.10, node-exporter, table (CSV) or "" (nothing was found).
    """

    purpose: str
    schema: str
    reason: str


class History(msgspec.Struct, frozen=True):
    """All that was read from the metric store.

    `cluster` is what the store itself knows of nodes, pods and requests; used when no API
    server is asked. `queries` and `received_bytes` count what it cost. `work` is that of the
    workloads of which it was asked for, over the bins of `usage`.
    """

    usage: UsageHistory
    nodes: NodeHistory
    sources: tuple[SourceChoice, ...]
    cluster: ClusterState | None = None
    queries: int = 0
    received_bytes: int = 0
    warnings: tuple[str, ...] = msgspec.field(default=())
    work: dict[WorkloadRef, WorkEvidence] = msgspec.field(default_factory=dict)
