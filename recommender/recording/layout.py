"""What stands where in a recording file, version 1.

joulefit-recording 1
header 1234 crc32 0a1b2c3d
{...}                       JSON of 1,234 bytes: where it comes from, and its sections
sections                    zlib streams, one after the other, in the header's order
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.model.cluster import (
    ClusterState,
    NamespaceLimits,
    Node,
    NodeLoad,
    Rival,
    Vpa,
    Workload,
)
from recommender.model.history import (
    BURST_SHARES,
    SourceChoice,
    TimeGrid,
)
from recommender.model.identity import ContainerRef  # noqa: TC001 - msgspec reads it
from recommender.recording.work import WorkDocument, write_work
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY

if TYPE_CHECKING:
    from recommender.model.history import History
    from recommender.model.recording import Recording

MAGIC = b"joulefit-recording "
VERSION = 1
ENCODING = (
    "after this header the sections follow in order, each a zlib stream; json is UTF-8; an "
    "array is row-major, its bytes shuffled: the first bytes of all elements, then the second"
)
DOCUMENT = "document"

MAX_HEADER_BYTES = 2**20
"""Twenty sections and a few sentences need 4 KiB."""
MAX_BYTES = 2**31
"""All sections unpacked; 5,000 containers over 28 days need 0.6 GB."""
MAX_BINS = 2**20
"""Ten years of five-minute bins."""
MAX_RATIO = 1040
"""zlib's DEFLATE cannot pack tighter than 1,032 : 1 (zlib's technical notes)."""


class ArrayLayout(msgspec.Struct, frozen=True):
    """One array: its section, the field that holds it, its dtype and the axes of its shape.

    An optional one may be missing from a file: the field is None then.
    """

    section: str
    field: str
    dtype: str
    axes: str
    is_optional: bool = False


USAGE_ARRAYS = tuple(
    ArrayLayout(f"usage.{name}", name, dtype, axes)
    for name, dtype, axes in (
        ("cpu_mean", "<f4", "WT"),
        ("pods", "<u2", "WT"),
        ("cpu_days", "<u4", "WDK"),
        ("cpu_max", "<f4", "W"),
        ("cpu_decayed", "<f4", "WC"),
        ("memory_days", "<f4", "WD"),
        ("memory_decayed", "<f4", "WM"),
        ("samples", "<i8", "W"),
        ("first", "<i8", "W"),
        ("last", "<i8", "W"),
        ("oom_bytes", "<f4", "W"),
    )
) + tuple(
    ArrayLayout(f"usage.{name}", name, "<f4", axes, is_optional=True)
    for name, axes in (("throttled", "WH"), ("pressure", "WH"), ("latency", "WH"), ("burst", "WB"))
)
NODE_ARRAYS = (
    ArrayLayout("nodes.watts", "watts", "<f4", "NU"),
    ArrayLayout("nodes.cpu_used", "cpu_used", "<f4", "NU"),
    ArrayLayout("nodes.frequency", "frequency", "<f4", "NU", is_optional=True),
)
ARRAYS = USAGE_ARRAYS + NODE_ARRAYS


class Section(msgspec.Struct, frozen=True):
    """One section: `size` bytes, `packed` bytes in the file, with their checksum.

    dtype is numpy's name with its byte order (`<f4`), or json.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    packed: int
    crc32: str


class Header(msgspec.Struct, frozen=True, rename="camel"):
    """What a person sees with `head`, and what the reader goes by."""

    created: str
    joulefit_version: str
    is_simulated: bool
    is_anonymous: bool
    cluster: str
    store: str
    window: str
    settings: dict[str, str]
    encoding: str
    sections: tuple[Section, ...]


class ClusterDocument(msgspec.Struct, frozen=True):
    """A ClusterState without `owners`."""

    source: str
    nodes: tuple[Node, ...] = ()
    workloads: tuple[Workload, ...] = ()
    vpas: tuple[Vpa, ...] = ()
    reserved: dict[str, NodeLoad] = msgspec.field(default_factory=dict)
    node_releaser: str = ""
    warnings: tuple[str, ...] = ()
    limits: dict[str, NamespaceLimits] = msgspec.field(default_factory=dict)
    rivals: tuple[Rival, ...] = ()

    @classmethod
    def of(cls, cluster: ClusterState) -> ClusterDocument:
        names = cls.__struct_fields__
        return cls(**{name: getattr(cluster, name) for name in names})

    def state(self) -> ClusterState:
        return ClusterState(**{name: getattr(self, name) for name in self.__struct_fields__})


class Document(msgspec.Struct, frozen=True):
    """All of a recording that is neither array nor header."""

    cluster: ClusterDocument
    store_cluster: ClusterDocument | None
    usage_grid: TimeGrid
    containers: tuple[ContainerRef, ...]
    node_grid: TimeGrid
    nodes: tuple[str, ...]
    quality: tuple[str, ...]
    reach: tuple[str, ...]
    cpu_model: tuple[str, ...]
    sources: tuple[SourceChoice, ...]
    queries: int
    received_bytes: int
    warnings: tuple[str, ...]
    work: tuple[WorkDocument, ...] = ()

    @classmethod
    def of(cls, recording: Recording) -> Document:
        history = recording.history
        usage, nodes = history.usage, history.nodes
        return cls(
            cluster=ClusterDocument.of(recording.cluster),
            store_cluster=ClusterDocument.of(history.cluster) if history.cluster else None,
            usage_grid=usage.grid,
            containers=usage.containers,
            node_grid=nodes.grid,
            nodes=nodes.nodes,
            quality=nodes.quality,
            reach=nodes.reach,
            cpu_model=nodes.cpu_model,
            sources=history.sources,
            queries=history.queries,
            received_bytes=history.received_bytes,
            warnings=history.warnings,
            work=write_work(history.work),
        )

    def shape(self, layout: ArrayLayout) -> tuple[int, ...]:
        """The shape that an array must have."""
        sizes = {
            "W": len(self.containers),
            "T": self.usage_grid.bins,
            "D": self.usage_grid.days,
            "H": self.usage_grid.hours,
            "B": len(BURST_SHARES),
            "K": DEMAND.count,
            "C": STOCK_CPU.count,
            "M": STOCK_MEMORY.count,
            "N": len(self.nodes),
            "U": self.node_grid.bins,
        }
        return tuple(sizes[axis] for axis in layout.axes)


def choose_arrays(history: History) -> dict[str, Any]:
    """The arrays of a history by section name; None for those it does not have."""
    return {
        layout.section: getattr(holder, layout.field)
        for holder, layouts in ((history.usage, USAGE_ARRAYS), (history.nodes, NODE_ARRAYS))
        for layout in layouts
    }
