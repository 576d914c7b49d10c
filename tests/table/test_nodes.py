"""Rows of nodes become power, use and size over the time of the usage."""

import numpy as np
import pytest

from recommender.errors import TableError
from recommender.model.history import TimeGrid
from tests.table.sheet import GIB, MIDNIGHT, NODE_HEADER, node_row, nodes_of

GRID = TimeGrid(end=MIDNIGHT + 900, bins=3)


def test_watts_and_cores_are_means_of_the_bins_of_the_usage(tmp_path):
    table = nodes_of(
        tmp_path,
        GRID,
        node_row(900, "n2", 300, 8),
        node_row(100, "n1", 100, 1),
        node_row(200, "n1", 200, 3),
        node_row(300, "n1", 300, 8),
        node_row(600, "n1", "", 6),
    )
    assert table.history.grid == GRID
    assert table.history.nodes == ("n1", "n2")
    assert table.history.watts[0, :1].tolist() == [200.0]
    assert np.isnan(table.history.watts[0, 1:]).all()
    assert table.history.cpu_used[0, :2].tolist() == [4.0, 6.0]
    assert np.isnan(table.history.watts[1, :2]).all()
    assert table.history.watts[1, 2] == 300.0
    assert table.warnings == ()
    assert table.rows == 5


def test_power_is_recorded_and_of_the_whole_node(tmp_path):
    history = nodes_of(tmp_path, GRID, node_row(300, "n1", 100, 1)).history
    assert (history.quality, history.reach) == (("recorded",), ("platform",))


def test_the_newest_size_counts(tmp_path):
    table = nodes_of(
        tmp_path,
        GRID,
        node_row(900, "n1", 100, 1, cores=32, memory=64 * GIB),
        node_row(300, "n1", 100, 1, cores=64),
    )
    (node,) = table.nodes
    assert (node.name, node.cores, node.memory_bytes) == ("n1", 32.0, 64 * GIB)


def test_a_cpu_model_is_taken_where_there_is_one(tmp_path):
    table = nodes_of(
        tmp_path,
        GRID,
        node_row(300, "n1", 100, 1) + ",AMD EPYC 7763",
        header=NODE_HEADER + ",cpu_model",
    )
    assert table.nodes[0].cpu_model == "AMD EPYC 7763"
    assert table.history.cpu_model == ("AMD EPYC 7763",)


def test_rows_of_another_time_are_left_out_and_counted(tmp_path):
    table = nodes_of(
        tmp_path,
        GRID,
        node_row(0, "n1", 100, 1),
        node_row(450, "n1", 200, 2),
        node_row(901, "n1", 300, 3),
    )
    assert np.nanmax(table.history.watts) == 200.0
    assert table.warnings == (
        "2 rows of nodes.csv are of another time than the usage and left out",
    )


def test_a_node_without_power_is_there_and_named_in_a_warning(tmp_path):
    table = nodes_of(tmp_path, GRID, node_row(300, "n1", 100, 1), node_row(300, "n2", "", 2))
    assert table.history.quality == ("recorded", "")
    assert table.history.reach == ("platform", "")
    assert table.warnings == ("nodes.csv has no watts of 1 of 2 nodes in the time of the usage",)


def test_a_node_without_a_size_is_left_out(tmp_path):
    table = nodes_of(
        tmp_path, GRID, node_row(300, "n1", 100, 1), node_row(300, "n2", 100, 1, cores="")
    )
    assert [node.name for node in table.nodes] == ["n1"]
    assert table.history.nodes == ("n1",)
    assert table.warnings == (
        "nodes.csv does not say how large 1 nodes are (n2); they are left out",
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (node_row(300, "n1", "lots", 1), "watts 'lots' is no number"),
        (node_row(300, "n1", 1e6, 1), "watts '1000000.0' is more than 100000"),
        (node_row(300, " ", 100, 1), "no node"),
        (node_row(300, "n1", 100, -1), "cpu_cores '-1' is negative"),
    ],
)
def test_a_bad_row_is_shown_with_its_line(tmp_path, line, reason):
    table = nodes_of(tmp_path, GRID, node_row(300, "n1", 100, 1), line)
    assert table.warnings == (
        f"1 of 2 rows of nodes.csv cannot be read, it is left out: line 3: {reason}",
    )


def test_no_size_at_all_is_an_error(tmp_path):
    with pytest.raises(TableError, match="gives no node its cpu_capacity_cores and memory_"):
        nodes_of(tmp_path, GRID, node_row(300, "n1", 100, 1, memory=""))


def test_no_good_row_is_an_error(tmp_path):
    with pytest.raises(TableError, match="line 2: watts 'x' is no number"):
        nodes_of(tmp_path, GRID, node_row(300, "n1", "x", 1))
    with pytest.raises(TableError, match=r"nodes.csv has no rows below its first line"):
        nodes_of(tmp_path, GRID)


def test_a_table_of_usage_is_no_table_of_nodes(tmp_path):
    with pytest.raises(TableError, match="lacks the columns node, watts, cpu_capacity_cores, mem"):
        nodes_of(tmp_path, GRID, header="time,namespace,pod,cpu_cores,memory_bytes")
