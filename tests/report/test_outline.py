from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from recommender.report.outline import format_outline

# A lone surrogate is no text: it cannot be written to any file.
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
documents = st.recursive(
    st.dictionaries(texts, scalars, min_size=1, max_size=3),
    lambda inner: st.dictionaries(
        texts, inner | st.lists(inner | scalars, max_size=3) | scalars, min_size=1, max_size=3
    ),
    max_leaves=5,
)


def finite(data):
    """The data with null for what is not finite."""
    if isinstance(data, dict):
        return {key: finite(item) for key, item in data.items()}
    if isinstance(data, list):
        return [finite(item) for item in data]
    return None if isinstance(data, float) and math.isinf(data) else data


@given(documents)
def test_a_yaml_reader_reads_back_what_was_written(data):
    assert yaml.safe_load(format_outline(data)) == finite(data)


@given(documents)
def test_every_line_is_printable(data):
    assert all(line.isprintable() for line in format_outline(data).split("\n"))


def test_nested_data_are_laid_out_as_kubectl_does():
    data = {
        "kind": "Report",
        "pools": [{"name": "a", "nodes": 3, "reasons": ["x y", "z"]}, {"name": "b", "reasons": []}],
        "target": {"cpu": "411m", "memory": "1181116006"},
        "exposure": {},
        "pair": ("a", ()),
    }
    assert format_outline(data) == (
        "kind: Report\n"
        "pools:\n"
        "- name: a\n"
        "  nodes: 3\n"
        "  reasons:\n"
        "  - x y\n"
        "  - z\n"
        "- name: b\n"
        "  reasons: []\n"
        "target:\n"
        "  cpu: 411m\n"
        '  memory: "1181116006"\n'
        "exposure: {}\n"
        "pair:\n"
        "- a\n"
        "- []\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("v1", "v1", id="word"),
        pytest.param("priced quantile", "priced quantile", id="words"),
        pytest.param("512Mi", "512Mi", id="quantity"),
        pytest.param("1e3", '"1e3"', id="number of YAML 1.2"),
        pytest.param("1_000", '"1_000"', id="number of YAML 1.1"),
        pytest.param("12:30:45", '"12:30:45"', id="base 60 of YAML 1.1"),
        pytest.param("2026-05-01", '"2026-05-01"', id="date"),
        pytest.param("No", '"No"', id="boolean of YAML 1.1"),
        pytest.param("", '""', id="empty"),
        pytest.param("a: b", '"a: b"', id="colon"),
        pytest.param("a #b", '"a #b"', id="comment"),
        pytest.param("- a", '"- a"', id="dash"),
        pytest.param("a ", '"a "', id="blank at the end"),
        pytest.param('say "a"\n', '"say \\"a\\"\\n"', id="quotes and breaks"),
        pytest.param("\x9b\u202e", '"\\u009b\\u202e"', id="controls"),
        pytest.param("\U000e0001", '"\\U000e0001"', id="a control beyond 16 bits"),
        pytest.param("Prüfung", '"Prüfung"', id="letters"),
        pytest.param(1e-05, "1.0e-05", id="small number"),
        pytest.param(1.42, "1.42", id="number"),
        pytest.param(math.nan, "null", id="not a number"),
        pytest.param(None, "null", id="nothing"),
        pytest.param(True, "true", id="truth"),
    ],
)
def test_a_scalar_is_quoted_where_readers_could_differ(value, text):
    assert format_outline({"a": value}) == f"a: {text}\n"
