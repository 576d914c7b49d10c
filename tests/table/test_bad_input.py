"""Whatever is handed in as a table gives one clear line, or is read as it was meant."""

import gzip
import os

import pytest

from recommender.errors import TableError
from recommender.table.usage import read_usage
from tests.table.sheet import HEADER, MIDNIGHT, quiet, row, usage_of, write

PLAIN = (row(300, 1), row(600, 3, container="proxy"))


def _read(path):
    return read_usage(path, progress=quiet)


def _complaint(path):
    with pytest.raises(TableError) as caught:
        _read(path)
    text = str(caught.value)
    assert "\n" not in text
    return text


def _bytes(folder, content, name="usage.csv"):
    path = folder / name
    path.write_bytes(content)
    return path


def _text(*lines, end="\n"):
    return end.join((HEADER, *lines)) + end


@pytest.mark.parametrize(
    "content",
    [
        _text(*PLAIN).encode(),
        _text(*PLAIN, end="\r\n").encode(),
        _text(*PLAIN, end="\r").encode(),
        b"\xef\xbb\xbf" + _text(*PLAIN).encode(),
        _text(*PLAIN).rstrip("\n").encode(),
        _text(*PLAIN).replace("\n", "\n\n").encode(),
        gzip.compress(_text(*PLAIN).encode()),
        gzip.compress(_text(PLAIN[0]).encode()) + gzip.compress(PLAIN[1].encode()),
        _text(*PLAIN).replace(",", ";").encode(),
        _text(*PLAIN).replace(",", "\t").encode(),
        _text(*PLAIN).replace("shop", '"shop"').encode(),
        "\n".join('"' + line.replace(",", '","') + '"' for line in _text(*PLAIN).split()).encode(),
        _text(*PLAIN).replace("cpu_cores", " CPU_Cores ").encode(),
    ],
    ids=[
        "plain",
        "line ends of Windows",
        "line ends of old machines",
        "byte order mark",
        "no end of the last line",
        "blank lines",
        "gzip",
        "two gzip members",
        "semicolons",
        "tabs",
        "some quotes",
        "all quoted",
        "another spelling of a column",
    ],
)
def test_one_table_in_many_dresses_says_the_same(tmp_path, content):
    table = _read(_bytes(tmp_path, content))
    assert [each.container for each in table.usage.containers] == ["app", "proxy"]
    assert table.usage.grid.end == MIDNIGHT + 600
    assert table.usage.samples.tolist() == [1, 1]
    assert table.usage.cpu_max.tolist() == [1.0, 3.0]
    assert table.warnings == ()
    assert table.rows == 2


def test_columns_are_known_by_name_in_any_order_among_others(tmp_path):
    header = "pod,region,memory_bytes,cpu_cores,container,kind,workload,namespace,time,note"
    line = "web-1,eu,1e9,2.5,app,Deployment,web,shop,1780272300,fine"
    table = usage_of(tmp_path, line, header=header)
    assert table.usage.cpu_max.tolist() == [2.5]


def test_a_comma_within_quotes_is_part_of_a_cell(tmp_path):
    line = row(300, 1, rest=',"a, b and ""c"""')
    assert usage_of(tmp_path, line, header=HEADER + ",note").usage.samples.tolist() == [1]


def test_a_quote_may_go_on_over_lines_also_where_the_reader_pauses(tmp_path):
    """A quote of two lines in each row: one of them is cut wherever a megabyte ends."""
    lines = [row(300 * at, 1, rest=f',"first\nsecond of {at}"') for at in range(1, 20_000)]
    table = usage_of(tmp_path, *lines, row(300, -1, rest=",x"), header=HEADER + ",note")
    assert table.usage.samples.tolist() == [19_999]
    assert "line 40000: cpu_cores" in table.warnings[0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row(300, "abc"), "cpu_cores 'abc' is no number"),
        (row(300, "-1"), "cpu_cores '-1' is negative"),
        (row(300, "inf"), "cpu_cores 'inf' is more than 1024"),
        (row(300, "4000"), "cpu_cores '4000' is more than 1024"),
        (row(300, "0,5"), "9 cells where 8 belong"),
        (row(300, 1, "1Gi"), "memory_bytes '1Gi' is no number"),
        (row(300, 1, "2e30"), "memory_bytes '2e30' is more than 1.1259e+15"),
        (row(300, "", ""), "neither cpu_cores nor memory_bytes has a number"),
        (row(300, 1, pod=""), "no pod ('shop,web,Deployment,app,')"),
        (row(300, 1, pod=" ", workload=""), "no workload and no pod ('shop,,Deployment,app, ')"),
        ("1780272300,shop,web", "3 cells where 8 belong"),
        (row(300, 1)[1:], "time '026-06-01T00:05:00Z' is neither RFC 3339 nor unix seconds"),
        (
            "1780272300000" + row(300, 1)[20:],
            "time '1780272300000' is neither RFC 3339 nor unix seconds",
        ),
        ("" + row(300, 1)[20:], "time '' is neither RFC 3339 nor unix seconds"),
        (row(300, "9" * 50 + "x"), "cpu_cores '" + "9" * 40 + "...' is no number"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_bad_row_is_left_out_and_shown_with_its_line_and_reason(tmp_path, line, reason):
    table = usage_of(tmp_path, row(300, 1), line, row(600, 2))
    assert table.warnings == (
        f"1 of 3 rows of usage.csv cannot be read, it is left out: line 3: {reason}",
    )
    assert table.rows == 2
    assert table.usage.samples.tolist() == [2]
    assert len(table.usage.containers) == 1


def test_of_many_bad_rows_the_first_three_are_shown(tmp_path):
    table = usage_of(tmp_path, *(row(300, -1) for _ in range(5)), row(600, 2))
    (warning,) = table.warnings
    assert warning.startswith("5 of 6 rows of usage.csv cannot be read, they are left out: line 2:")
    assert "line 4: " in warning
    assert "line 5" not in warning
    assert warning.endswith("; ...")


def test_a_row_with_two_faults_counts_once(tmp_path):
    (warning,) = usage_of(tmp_path, row(300, 1), row(300, -1, -1)).warnings
    assert warning.startswith("1 of 2 rows")


def test_a_container_of_bad_rows_only_does_not_appear(tmp_path):
    table = usage_of(tmp_path, row(300, 1), row(300, -1, container="proxy"))
    assert [each.container for each in table.usage.containers] == ["app"]


def test_lines_are_counted_over_quotes_blank_lines_and_blocks(tmp_path):
    many = [row(300 * at, 1) for at in range(20_000)]
    lines = ['1780272300,shop,"web",Deployment,app,web-1,1,1e9', "", *many, row(20_000 * 300, -1)]
    (warning,) = usage_of(tmp_path, *lines).warnings
    assert "line 20004: cpu_cores '-1' is negative" in warning


def test_nothing_but_bad_rows_is_an_error(tmp_path):
    path = write(tmp_path, row(300, "x"), row(600, "y"))
    assert _complaint(path) == (
        "2 of 2 rows of usage.csv cannot be read, they are left out: line 2: cpu_cores 'x' is no "
        "number; line 3: cpu_cores 'y' is no number"
    )


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path, row(300, 1), header=HEADER.replace(",pod", "").replace("time", "when"))
    assert _complaint(path) == (
        f"{path} lacks the columns time, pod; its first line must name {HEADER} and is "
        "'when,namespace,workload,kind,container,c...'"
    )


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    path = write(tmp_path, row(300, 1, rest=",2"), header=HEADER + ",cpu_cores")
    assert "has the column cpu_cores twice" in _complaint(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty; its first line must name the columns"),
        (b"\n", "lacks the columns time"),
        (HEADER.encode(), "has no rows below its first line"),
        (HEADER.encode() + b"\n\n\n", "has no rows below its first line"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", "is no CSV: it holds binary data"),
        ("time,näh".encode("latin-1"), "is no UTF-8 text (after line 0); save it as UTF-8"),
        (HEADER.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (b'{"time": 1780272300}', "lacks the columns time, namespace"),
        (gzip.compress(_text(*PLAIN).encode())[:-9], "is a damaged gzip file"),
        (b"\x1f\x8bnonsense", "is a damaged gzip file"),
        (gzip.compress(b""), "is empty; its first line must name"),
        (b"x" * 3_000_000, "is no CSV: a line after line 0 is longer than a million"),
        (
            _text('1780272300,"shop', *PLAIN).encode(),
            "is no CSV: the quote in line 2 is never closed",
        ),
    ],
    ids=range(13),
)
def test_what_is_no_table_says_what_it_is(tmp_path, content, complaint):
    path = _bytes(tmp_path, content)
    text = _complaint(path)
    assert text.startswith(str(path))
    assert complaint in text


def test_a_quote_that_is_never_closed_is_seen_long_before_the_end(tmp_path):
    lines = [row(300 * at, 1) for at in range(100_000)]
    path = write(tmp_path, row(300, 1, pod='"web-1'), *lines)
    assert "is no CSV: the quote in line 2 is never closed" in _complaint(path)


def test_what_is_not_there_or_no_file_says_so(tmp_path):
    assert _complaint(tmp_path / "no.csv") == f"no table {tmp_path / 'no.csv'}; is its name right?"
    assert _complaint(tmp_path) == f"{tmp_path} is not a file; name a CSV file"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert _complaint(pipe) == f"{pipe} is not a file; name a CSV file"


def test_what_may_not_be_read_says_so(tmp_path, as_nobody):
    path = write(tmp_path, row(300, 1))
    path.chmod(0)
    tmp_path.chmod(0o755)
    with as_nobody():
        assert _complaint(path) == f"cannot read table {path}: Permission denied"
