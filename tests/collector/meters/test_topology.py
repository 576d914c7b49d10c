import numpy as np

from collector.meters.topology import FrequencyReader, Topology, read_topology
from tests.collector.meters.tree import add_cpu, proc_stat


def test_cpus_are_members_of_their_socket_and_of_the_node(tmp_path):
    for number, socket in enumerate((0, 1, 0, 1)):
        add_cpu(tmp_path, number, socket=socket)
    topology = read_topology(tmp_path)
    assert topology.cores == 4
    assert topology.members("0", 4).tolist() == [1, 0, 1, 0]
    assert topology.members("1", 4).tolist() == [0, 1, 0, 1]
    assert topology.members("", 4).tolist() == [1, 1, 1, 1]


def test_cpus_are_members_of_their_die_as_rapl_names_it(tmp_path):
    for number, die in enumerate((0, 0, 1)):
        add_cpu(tmp_path, number, socket=0, die=die)
    topology = read_topology(tmp_path)
    assert topology.members("0-die-1", 3).tolist() == [0, 0, 1]
    assert topology.members("0", 3).tolist() == [1, 1, 1]


def test_an_offline_cpu_keeps_its_column_and_is_no_core(tmp_path):
    add_cpu(tmp_path, 0)
    add_cpu(tmp_path, 2)
    (tmp_path / "devices" / "system" / "cpu" / "cpu1").mkdir()
    topology = read_topology(tmp_path)
    assert topology.cores == 2
    assert topology.members("0", 3).tolist() == [1, 0, 1]


def test_one_column_for_all_cpus_belongs_to_every_socket(tmp_path):
    add_cpu(tmp_path, 0, socket=0)
    add_cpu(tmp_path, 1, socket=1)
    assert read_topology(tmp_path).members("1", 1).tolist() == [1]


def test_a_socket_that_no_cpu_names_has_all_cpus():
    topology = Topology((frozenset({"0"}), frozenset({"0"})), 2)
    assert topology.members("7", 2).tolist() == [1, 1]


def test_a_tree_without_cpus_knows_none(tmp_path):
    assert read_topology(tmp_path) == Topology((), 0)


def test_a_tree_without_cpus_has_as_many_as_procfs_tells(tmp_path):
    proc_stat(tmp_path, [(1, 1)] * 6)
    assert read_topology(tmp_path, tmp_path) == Topology((), 6)


def test_frequencies_are_hertz_by_cpu_and_missing_ones_are_not_numbers(tmp_path):
    add_cpu(tmp_path, 0, khz=1_500_000)
    add_cpu(tmp_path, 1)
    add_cpu(tmp_path, 2, khz=3_000_000)
    hertz = FrequencyReader(tmp_path).read()
    np.testing.assert_array_equal(hertz, [1.5e9, np.nan, 3.0e9])


def test_a_node_without_frequencies_says_so(tmp_path):
    add_cpu(tmp_path, 0)
    assert FrequencyReader(tmp_path).read() is None
