import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attribution.enclosure import REST, Enclosure
from collector.model import Zone
from tests.collector.attribution.node import told

PACKAGES = (Zone("package", "0"), Zone("package", "1"))
DRAM, PSYS, PLATFORM = Zone("dram", "0"), Zone("psys"), Zone("platform")


def joules(charged):
    return {each.zone: each.microjoules / 1e6 for each in charged}


def test_core_and_uncore_are_inside_their_package():
    charged = Enclosure().charged(
        [told(9, PACKAGES[0]), told(5, Zone("core", "0")), told(1, Zone("uncore", "0"))]
    )
    assert joules(charged) == {PACKAGES[0]: 9.0}


def test_of_a_platform_only_the_rest_is_charged():
    """500 J in all, 100 + 150 J in packages and 30 J in DRAM: 220 J beside them."""
    charged = Enclosure().charged(
        [told(100, PACKAGES[0]), told(150, PACKAGES[1]), told(30, DRAM), told(500, PSYS)]
    )
    assert joules(charged)[REST] == 220.0
    assert sum(joules(charged).values()) == 500.0


def test_psys_is_inside_a_platform_meter():
    charged = Enclosure().charged([told(100, PACKAGES[0]), told(300, PSYS), told(500, PLATFORM)])
    assert joules(charged) == {PACKAGES[0]: 100.0, REST: 400.0}


def test_a_platform_alone_is_charged_as_it_is():
    assert joules(Enclosure().charged([told(300, PLATFORM)])) == {PLATFORM: 300.0}


def test_packages_alone_are_charged_as_they_are():
    assert joules(Enclosure().charged([told(30, PACKAGES[0])])) == {PACKAGES[0]: 30.0}


def test_a_slow_platform_meter_is_charged_when_it_tells():
    """It tells 1,500 J once in three intervals of 100 J of the package."""
    enclosure = Enclosure()
    rounds = [
        enclosure.charged([told(100, PACKAGES[0]), told(joules, PLATFORM, seconds=seconds)])
        for joules, seconds in ((0, 5.0), (0, 10.0), (1500, 15.0))
    ]
    assert [REST in joules(charged) for charged in rounds] == [False, False, True]
    (rest,) = (each for each in rounds[2] if each.zone == REST)
    assert (rest.microjoules, rest.seconds) == (1_200_000_000, 15.0)


def test_what_a_lagging_platform_meter_tells_too_little_is_owed_by_its_next():
    enclosure = Enclosure()
    first = enclosure.charged([told(300, PACKAGES[0]), told(250, PSYS)])
    second = enclosure.charged([told(100, PACKAGES[0]), told(400, PSYS)])
    assert REST not in joules(first)
    assert joules(second)[REST] == 250.0


def test_what_a_platform_meter_lost_in_a_reset_is_no_longer_owed():
    enclosure = Enclosure()
    enclosure.charged([told(100, PACKAGES[0]), told(300, PSYS)])
    enclosure.charged([told(100, PACKAGES[0]), told(0, PSYS, is_certain=False)])
    after = enclosure.charged([told(100, PACKAGES[0]), told(300, PSYS)])
    assert joules(after)[REST] == 200.0


def test_the_rest_waits_for_a_zone_that_does_not_tell():
    enclosure = Enclosure()
    enclosure.charged([told(100, PACKAGES[0]), told(300, PSYS)])
    waiting = enclosure.charged([told(300, PSYS)])
    back = enclosure.charged([told(200, PACKAGES[0], seconds=10.0), told(300, PSYS)])
    assert joules(waiting) == {}
    assert joules(back)[REST] == 400.0


def test_a_zone_that_is_gone_for_a_minute_is_waited_for_no_longer():
    enclosure = Enclosure()
    enclosure.charged([told(100, PACKAGES[0]), told(300, PSYS)])
    rests = [joules(enclosure.charged([told(300, PSYS)])).get(REST) for _ in range(12)]
    assert rests == [None] * 11 + [3600.0]


def test_a_platform_that_tells_less_than_its_parts_for_long_is_said():
    enclosure = Enclosure()
    for _ in range(121):
        enclosure.charged([told(100, PACKAGES[0]), told(90, PSYS)])
    assert enclosure.problem.startswith("psys has told 1210 J less than the zones inside it")


def test_the_rest_is_as_true_as_its_weakest_part():
    charged = Enclosure().charged([told(100, PACKAGES[0]), told(300, PLATFORM, quality="derived")])
    assert {each.zone: each.quality for each in charged} == {
        PACKAGES[0]: "measured",
        REST: "derived",
    }


def test_what_is_owed_survives_a_restart():
    enclosure = Enclosure()
    enclosure.charged([told(300, PACKAGES[0]), told(250, PSYS)])
    restored = Enclosure.restore(json.loads(json.dumps(enclosure.state())))
    assert joules(restored.charged([told(100, PACKAGES[0]), told(400, PSYS)]))[REST] == 250.0


@pytest.mark.parametrize("state", [None, 3, [], ["psys", 1]], ids=str)
def test_a_state_that_is_none_is_refused(state):
    with pytest.raises(ValueError, match=r".+"):
        Enclosure.restore(state)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=30))
def test_charged_energy_is_the_platforms_plus_what_it_still_owes(steps):
    """`owed` is how far the packages are ahead of the platform; else all is told."""
    enclosure = Enclosure()
    charged = package = platform = most_ahead = 0
    for inner, outer in steps:
        parts = enclosure.charged([told(inner, PACKAGES[0]), told(outer, PSYS)])
        charged += sum(each.microjoules for each in parts)
        package, platform = package + inner, platform + outer
        most_ahead = charged - platform * 10**6
        assert most_ahead >= 0
        assert charged >= package * 10**6
    last_release = enclosure.charged([told(0, PACKAGES[0]), told(10**6, PSYS)])
    charged += sum(each.microjoules for each in last_release)
    assert charged == (platform + 10**6) * 10**6
