"""Quantities, durations and times are read exactly, and nonsense is refused by name."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import units
from recommender.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", "0.1"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("128Mi", "134217728"),
        ("1G", "1000000000"),
        ("500k", "500000"),
        ("1u", "0.000001"),
        ("0.5Gi", "536870912"),
        ("2n", "0.000000002"),
        ("+1", "1"),
        ("-1", "-1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1E", "1000000000000000000"),
        ("3Ei", "3458764513820540928"),
        ("12e-1", "1.2"),
    ],
)
def test_a_kubernetes_quantity_has_its_exact_value(text, value):
    assert units.parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["p90", "90%", "90 %", "0.9", ".9", "0.90", " p90.0 "])
def test_a_percentile_may_be_written_in_three_ways(text):
    assert units.parse_percentile(text) == 0.9


@pytest.mark.parametrize(
    "text", ["", "90", "1", "1.0", "0", "0.0", "p0", "p100", "101%", "-0.9", "p"]
)
def test_what_is_no_percentile_is_refused(text):
    with pytest.raises(
        UsageError, match=r"is not a percentile; write for example p90, 90% or 0\.9"
    ):
        units.parse_percentile(text)


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 0.05), ("5 %", 0.05), ("0.05", 0.05), (".05", 0.05), ("0", 0), ("1", 1), ("100%", 1)],
)
def test_a_share_may_be_written_as_percent_or_as_number(text, share):
    assert units.parse_share(text) == share


@pytest.mark.parametrize("text", ["", "5", "1.5", "101%", "-0.1", "-5%", "some", "nan", "5%%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(UsageError, match=r"is no share from 0 to 1; write for example 5% or 0\.05"):
        units.parse_share(text)


@pytest.mark.parametrize(
    ("text", "watts"),
    [("200", 200), ("200W", 200), ("200 W", 200), ("1.5kW", 1500), ("0", 0), ("0.5", 0.5)],
)
def test_a_power_may_have_its_unit(text, watts):
    assert units.parse_watts(text) == watts


@pytest.mark.parametrize("text", ["", "-1", "1e3", "nan", "inf", "200w", "W", "1 MW", "1,000"])
def test_what_is_no_power_is_refused(text):
    with pytest.raises(UsageError, match=r"is no power; write for example 200, 200W or 1\.5kW"):
        units.parse_watts(text)


@given(st.decimals("0.1", "99.9", places=1))
def test_a_percentile_reads_back_as_it_was_written(percent):
    share = float(percent / 100)
    assert units.parse_percentile(units.format_percentile(share)) == pytest.approx(share, rel=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1 Gi",
        "1GiB",
        "1K",
        "1ki",
        "--1",
        "1m5",
        "NaN",
        "inf",
        "1e",
        "0x10",
        "\uff11",
        "1,5",
    ],
)
def test_nonsense_is_no_quantity_and_the_error_shows_it(text):
    with pytest.raises(UsageError, match="not a Kubernetes quantity") as caught:
        units.parse_quantity(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "millicores"), [("1u", 1), ("0.1001", 101), ("2", 2000), ("1500m", 1500), ("0", 0)]
)
def test_cpu_is_rounded_up_to_whole_millicores_as_kubernetes_does(text, millicores):
    assert units.parse_millicores(text) == millicores


@pytest.mark.parametrize("text", ["1e300", "16Ei", "99999999999999999999"])
def test_what_is_above_the_largest_quantity_is_that_as_in_kubernetes(text):
    assert units.parse_bytes(text) == 2**63 - 1
    assert units.parse_millicores(text) == 2**63 - 1
    assert units.parse_bytes(f"-{text}") == 1 - 2**63


@pytest.mark.parametrize(
    ("millicores", "text"), [(25, "25m"), (1500, "1500m"), (2000, "2"), (0, "0"), (1, "1m")]
)
def test_cpu_prints_as_millicores_or_whole_cores(millicores, text):
    assert units.format_millicores(millicores) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (262144000, "250Mi"),
        (2**30, "1Gi"),
        (1536 * 2**20, "1536Mi"),
        (1024, "1Ki"),
        (272061154, "272061154"),
        (0, "0"),
    ],
)
def test_memory_prints_with_a_binary_suffix_only_where_it_is_exact(amount, text):
    assert units.format_bytes(amount) == text


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_printed_quantities_read_back_as_the_same_amount(amount):
    assert units.parse_bytes(units.format_bytes(amount)) == amount
    assert units.parse_millicores(units.format_millicores(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1181116006, "1.1Gi"), (250 * 2**20, "250Mi"), (2**30, "1Gi"), (1500, "1.5Ki"), (12, "12")],
)
def test_memory_for_people_has_two_or_three_digits(amount, text):
    assert units.format_bytes_short(amount) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("14d", 1209600),
        ("2w", 1209600),
        ("1.5h", 5400),
        ("250ms", 0.25),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text, seconds):
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "14", "d", "3x", "5m 3s", "-5m", "1h-30m", "five"])
def test_nonsense_is_no_duration(text):
    with pytest.raises(UsageError, match="not a duration"):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("12s", 12), ("1m", 60), ("90s", 90), ("5m", 300), ("15m", 900), ("1h", 3600)],
)
def test_a_step_is_a_whole_part_of_an_hour(text, seconds):
    assert units.parse_step(text) == seconds


@pytest.mark.parametrize("text", ["9s", "5s", "0s", "11s", "14.4s", "7m", "25m", "61m", "2h", "1d"])
def test_all_else_is_no_step(text):
    with pytest.raises(UsageError, match=f"'{text}' is no length of a time bin: it is at least"):
        units.parse_step(text)


def test_nobody_waits_longer_than_a_century():
    assert units.parse_duration("36500d") == 100 * 365 * 86400
    with pytest.raises(UsageError, match="'36501d' is longer than 100 years"):
        units.parse_duration("36501d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (14 * 86400, "14 d"),
        (39600, "11 h"),
        (300, "5 min"),
        (30, "30 s"),
        (129600, "1.5 d"),
        (0.25, "250 ms"),
        (0, "0 s"),
    ],
)
def test_a_duration_for_people_is_in_its_largest_unit(seconds, text):
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02T00:00:00Z", 86400),
        ("1970-01-02T01:00:00+01:00", 86400),
        ("1970-01-02", 86400),
        ("1700000000", 1700000000),
    ],
)
def test_a_time_is_rfc_3339_or_unix_seconds_and_utc_without_a_zone(text, seconds):
    assert units.parse_time(text) == seconds


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "12"])
def test_nonsense_is_no_time(text):
    with pytest.raises(UsageError, match="not a time"):
        units.parse_time(text)


def test_a_time_is_printed_in_utc():
    assert units.format_time(86400.9) == "1970-01-02T00:00:00Z"
