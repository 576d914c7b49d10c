"""Published power of known servers: ground truth for tests, the simulator and the prior.

Source: SPECpower_ssj2008 results at spec.org, wall watts at active idle and at 10, 20 ... 100 %
of the server's own maximum throughput, and that throughput. All have two sockets.

Two traps. *Load* there is a share of the server's own throughput, not CPU utilisation: with
turbo and SMT a server at 50 % of its throughput is often busy for less than half of its
logical CPU time. The shape is right for tests, a value at a given CPU utilisation is not. And
*active idle* is not the tangent intercept that prices a reserved core: between idle and 10 %
the package wakes up (43.6 -> 84.7 W), which is why the intercept under load is about 1.5 times
the idle reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from recommender.energy.array import Floats

LOADS: Floats = np.linspace(0.0, 1.0, 11)
"""Loads of `watts`: active idle, 10 % ... 100 %."""


class PublishedServer(msgspec.Struct, frozen=True):
    """One published result.

    `cores` are logical CPUs of the whole server, `watts` has 11 values (at LOADS),
    `kilo_ops` the throughput in thousand ssj_ops at 10 % ... 100 %.
    """

    name: str
    cpu: str
    vendor: str
    year: int
    cores: int
    watts: tuple[float, ...]
    kilo_ops: tuple[float, ...]

    def power(self, utilisation: ArrayLike) -> Floats:
        """Watts at a load in 0..1, linear between the published points."""
        return np.interp(np.asarray(utilisation, dtype=np.float64), LOADS, self.watts)

    def slope(self, utilisation: ArrayLike) -> Floats:
        """Right derivative of `power`: watts from here to the whole load; the last at 1."""
        load = np.asarray(utilisation, dtype=np.float64)
        segment = np.clip(np.floor(load * 10 + 1e-9).astype(np.int64), 0, 9)
        return np.asarray(np.diff(self.watts)[segment] * 10.0, dtype=np.float64)

    def intercept(self, utilisation: ArrayLike) -> Floats:
        """Tangent intercept P - U P' in watts: what a server costs for being there."""
        load = np.asarray(utilisation, dtype=np.float64)
        return self.power(load) - load * self.slope(load)

    def peak_load(self) -> float:
        """Published load of the most operations per joule."""
        efficiency = np.asarray(self.kilo_ops) / np.asarray(self.watts[1:])
        return float(LOADS[1 + int(np.argmax(efficiency))])


# fmt: off
SERVERS: tuple[PublishedServer, ...] = (
    PublishedServer(
        "HP DL360 G5", "Intel Xeon E5450", "intel", 2007, 8,
        (180, 190, 200, 210, 221, 234, 247, 258, 270, 281, 288),
        (31, 62, 93, 124, 155, 185, 216, 249, 282, 309),
    ),
    PublishedServer(
        "Huawei RH2288 V2", "Intel Xeon E5-2660", "intel", 2012, 32,
        (59.7, 87.2, 97.9, 109, 120, 133, 150, 171, 196, 231, 257),
        (128, 255, 386, 514, 643, 769, 895, 1025, 1155, 1281),
    ),
    PublishedServer(
        "Fujitsu RX2540 M2", "Intel Xeon E5-2699 v4", "intel", 2016, 88,
        (43.6, 84.7, 98.9, 114, 132, 145, 158, 174, 196, 224, 255),
        (342, 689, 1030, 1375, 1721, 2065, 2410, 2748, 3096, 3445),
    ),
    PublishedServer(
        "Dell R7425", "AMD EPYC 7601", "amd", 2018, 128,
        (84.9, 138, 154, 168, 182, 197, 214, 234, 253, 271, 287),
        (439, 876, 1318, 1760, 2193, 2639, 3076, 3520, 3957, 4377),
    ),
    PublishedServer(
        "Quanta D52BQ", "Intel Xeon Platinum 8280L", "intel", 2019, 112,
        (37.7, 110, 131, 152, 173, 197, 229, 264, 309, 356, 414),
        (591, 1179, 1766, 2353, 2940, 3521, 4104, 4710, 5288, 5853),
    ),
    PublishedServer(
        "Lenovo SR645", "AMD EPYC 7763", "amd", 2021, 256,
        (102, 172, 194, 215, 238, 257, 282, 305, 332, 385, 461),
        (1235, 2470, 3705, 4939, 6156, 7411, 8637, 9846, 11082, 12303),
    ),
    PublishedServer(
        "HPE DL360 G10+", "Intel Xeon Platinum 8380", "intel", 2021, 160,
        (110, 181, 211, 240, 268, 303, 344, 397, 455, 578, 623),
        (814, 1625, 2444, 3252, 4065, 4886, 5692, 6501, 7321, 8108),
    ),
    PublishedServer(
        "HPE DL385 G10+", "AMD EPYC 7773X", "amd", 2022, 256,
        (101, 207, 237, 265, 292, 328, 359, 417, 451, 507, 548),
        (1324, 2648, 3973, 5296, 6635, 7952, 9269, 10589, 11912, 13211),
    ),
    PublishedServer(
        "Inspur i24LM6", "Intel Xeon Platinum 8368Q", "intel", 2022, 152,
        (348, 437, 474, 513, 551, 589, 630, 670, 710, 743, 769),
        (852, 1704, 2553, 3407, 4255, 5111, 5962, 6816, 7661, 8483),
    ),
)
# fmt: on


def server_curve(name: str) -> PublishedServer:
    """The published server called `name`; raises ValueError for an unknown name."""
    for server in SERVERS:
        if server.name == name:
            return server
    known = ", ".join(server.name for server in SERVERS)
    raise ValueError(f"no published server {name!r}; known are {known}")


def find_server(text: str) -> PublishedServer:
    """The one published server whose name or CPU contains `text`, in any case.

    UsageError for none and for several.
    """
    wanted = text.strip().lower()
    exact = [server for server in SERVERS if server.name.lower() == wanted]
    found = exact or [each for each in SERVERS if wanted in f"{each.name} {each.cpu}".lower()]
    if len(found) == 1:
        return found[0]
    what = f"{text!r} means {len(found)} published servers" if found else f"no server {text!r}"
    shown = ", ".join(f"{each.name} ({each.cpu})" for each in found or SERVERS)
    raise UsageError(f"{what}; name one of: {shown}")
