"""What is written into a store comes back from it, to the last digit, from both engines."""

import numpy as np
import pytest
import requests

from tests.testbed.openmetrics import Series
from tests.testbed.store import PrometheusServer, VictoriaMetricsServer, write_blocks

START = 1_760_000_400
TIMES = np.arange(START, START + 30 * 3600, 60)
LAST = int(TIMES[-1])
WORK = (("__name__", "work_total"), ("pod", "a"))
HEAT = (("__name__", "heat"), ("pod", 'b"\\'))


def history():
    """Thirty seconds of work a minute; a level with all the characters that need an escape."""
    yield Series("work_total", {"pod": "a"}, TIMES, np.arange(len(TIMES)) * 30.0)
    yield Series("heat", {"pod": 'b"\\'}, TIMES, np.full(len(TIMES), 0.1), kind="gauge")


def query(store, expression, time):
    parameters = {"query": expression, "time": time}
    with requests.Session() as session:
        reply = session.get(f"{store.url}/api/v1/query", params=parameters, timeout=30)
    return {
        tuple(sorted(row["metric"].items())): float(row["value"][1])
        for row in reply.json()["data"]["result"]
    }


@pytest.fixture(scope="module", params=["prometheus", "victoria_metrics"])
def store(request):
    start = request.getfixturevalue(f"module_{request.param}_with")
    return start(history())


def test_a_store_has_the_first_and_the_last_sample(store):
    assert query(store, "work_total", START) == {WORK: 0.0}
    assert query(store, "work_total", LAST) == {WORK: 1799 * 30.0}


def test_a_store_keeps_labels_and_values_as_they_were(store):
    assert query(store, "heat", START + 3600) == {HEAT: 0.1}


def test_a_store_knows_nothing_of_the_time_before(store):
    assert query(store, "work_total", START - 1) == {}


def test_the_rate_is_what_was_written(store):
    (rate,) = query(store, "rate(work_total[1h])", LAST).values()
    assert rate == pytest.approx(0.5)


def test_both_stores_count_the_same_samples(module_prometheus_with, module_victoria_metrics_with):
    expression = "count_over_time({__name__=~'work_total|heat'}[2d])"
    left = query(module_prometheus_with(history()), expression, LAST)
    right = query(module_victoria_metrics_with(history()), expression, LAST)
    assert list(left.values()) == list(right.values()) == [1800.0, 1800.0]


def test_text_is_taken_as_it_is(prometheus_with):
    text = f'# TYPE jobs counter\njobs_total{{kind="x"}} 7 {START}\n# EOF\n'
    assert query(prometheus_with(text), "jobs_total", START) == {
        (("__name__", "jobs_total"), ("kind", "x")): 7.0
    }


def test_a_file_of_text_is_taken_as_it_is(tmp_path, victoria_metrics_with):
    path = tmp_path / "jobs.om"
    path.write_text(f"# TYPE jobs counter\njobs_total 7 {START}.500\n# EOF\n")
    store = victoria_metrics_with(path)
    assert query(store, "timestamp(jobs_total)", START + 1) == {(): START + 0.5}


def test_text_that_promtool_cannot_read_is_refused_in_its_words(tmp_path):
    with pytest.raises(ValueError, match=r"promtool: .*data does not end with # EOF"):
        write_blocks_of(tmp_path, "jobs_total 7")


def write_blocks_of(folder, text):
    path = folder / "wrong.om"
    path.write_text(text)
    write_blocks(path, folder / "blocks")


def test_blocks_are_served_by_two_servers_at_once(tmp_path):
    write_blocks(history(), tmp_path / "blocks")
    with (
        PrometheusServer(blocks=tmp_path / "blocks") as one,
        PrometheusServer(blocks=tmp_path / "blocks") as other,
    ):
        assert one.url != other.url
        assert query(one, "work_total", LAST) == query(other, "work_total", LAST) != {}


def test_saved_data_is_served_again(tmp_path):
    with VictoriaMetricsServer(history()) as server:
        server.save(tmp_path / "data")
    with VictoriaMetricsServer(data=tmp_path / "data") as server:
        assert query(server, "work_total", LAST) == {WORK: 1799 * 30.0}
