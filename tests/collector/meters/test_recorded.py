import pytest

from collector.meters.recorded import read_recorded
from collector.model import Zone
from recommender.errors import UsageError
from tests.collector.meters.tree import Clock, write

LINES = """{"seconds": 100, "zone": "package", "socket": "0", "joules": 50}
{"seconds": 110, "zone": "package", "socket": "0", "joules": 150}

{"seconds": 100, "zone": "psys", "joules": 7}
{"seconds": 110, "zone": "psys", "joules": 407}"""
TABLE = """seconds,zone,socket,joules
100,package,0,50
110,package,0,150
100,psys,,7
110,psys,,407"""


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", LINES), ("a.csv", TABLE)], ids=["JSON", "CSV"]
)
def test_a_recording_is_played_back_from_zero_and_again_from_its_end(tmp_path, name, text):
    """10 W and 40 W: after 4 s 40 J and 160 J, after 2.5 rounds of 10 s 250 J and 1,000 J."""
    clock = Clock()
    meter = read_recorded(write(tmp_path / name, text), clock=clock)
    readings = [meter.read()]
    for seconds in (4.0, 21.0):
        clock.advance(seconds)
        readings.append(meter.read())
    joules = [{each.zone: each.joules for each in reading.zones} for reading in readings]
    package, psys = Zone("package", "0"), Zone("psys")
    assert joules == [
        {package: 0.0, psys: 0.0},
        {package: pytest.approx(40.0), psys: pytest.approx(160.0)},
        {package: pytest.approx(250.0), psys: pytest.approx(1000.0)},
    ]


def test_nothing_played_back_passes_for_a_measurement(tmp_path):
    meter = read_recorded(write(tmp_path / "a.jsonl", LINES))
    assert {each.quality for each in meter.read().zones} == {"recorded"}
    assert "no measurement of this node" in meter.remarks[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1: no JSON"),
        ("[1]", "line 1: seconds, zone"),
        (LINES.replace("150", "40"), "line 2: .* must not fall"),
        (LINES.replace("110", "100"), "line 2: seconds must rise"),
        (LINES.splitlines()[0], "at least two moments"),
        ("", "at least two moments"),
    ],
)
def test_a_recording_that_cannot_be_meant_is_refused_by_its_line(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        read_recorded(write(tmp_path / "a.jsonl", text))


def test_a_missing_recording_is_a_mistake_of_usage(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_recorded(tmp_path / "nowhere.csv")
