"""Tables as a user would hand them in."""

from __future__ import annotations

from recommender.table.nodes import read_nodes
from recommender.table.usage import read_usage
from recommender.units import format_time

MIDNIGHT = 1_780_272_000  # 2026-06-01T00:00:00Z
HEADER = "time,namespace,workload,kind,container,pod,cpu_cores,memory_bytes"
REQUESTS = ",cpu_request_cores,memory_request_bytes"
NODE_HEADER = "time,node,watts,cpu_cores,cpu_capacity_cores,memory_capacity_bytes"
GIB = 2**30


def quiet(*_):
    """A progress that shows nothing."""


def row(at, cpu, memory=1e9, *, pod="web-1", container="app", workload="web", rest=""):
    """One line of a table of usage, `at` seconds after MIDNIGHT."""
    time = format_time(MIDNIGHT + at)
    return f"{time},shop,{workload},Deployment,{container},{pod},{cpu},{memory}{rest}"


def node_row(at, node, watts, cpu, *, cores=64, memory=256 * GIB):
    return f"{format_time(MIDNIGHT + at)},{node},{watts},{cpu},{cores},{memory}"


def write(folder, *lines, header=HEADER, name="usage.csv"):
    path = folder / name
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def usage_of(folder, *lines, header=HEADER):
    return read_usage(write(folder, *lines, header=header), progress=quiet)


def nodes_of(folder, grid, *lines, header=NODE_HEADER):
    return read_nodes(write(folder, *lines, header=header, name="nodes.csv"), grid, progress=quiet)
