"""Buckets by table are the buckets by search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.history.bucket import BucketLookup
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY

SCHEMES = {"demand": DEMAND, "stock cpu": STOCK_CPU, "stock memory": STOCK_MEMORY}
LOOKUPS = {name: BucketLookup(buckets) for name, buckets in SCHEMES.items()}


@pytest.mark.parametrize("name", SCHEMES)
def test_each_edge_and_its_neighbours(name):
    edges = SCHEMES[name].edges[1:]
    values = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf), [0.0]])
    assert (LOOKUPS[name].index(values) == SCHEMES[name].index(values)).all()


@pytest.mark.parametrize("name", SCHEMES)
@given(values=st.lists(st.floats(min_value=0, max_value=1e300), min_size=1))
def test_any_value(name, values):
    array = np.array(values)
    assert (LOOKUPS[name].index(array) == SCHEMES[name].index(array)).all()


def test_worked_values():
    # STOCK_CPU: start(1) = 0.01, start(2) = 0.01 (1.05^2 - 1) / 0.05 = 0.0205
    values = np.array([0.0, 0.0099, 0.0101, 0.02, 0.021, 5000.0])
    assert LOOKUPS["stock cpu"].index(values).tolist() == [0, 0, 1, 1, 2, 175]
