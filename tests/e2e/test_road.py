"""From the creation of a VPA to its status on a real Kubernetes node; `make e2e` shows the same."""

import pytest

from tests.e2e.expectation import EXPECTATIONS
from tests.e2e.road import Road

# The first test walks the road: a machine that others use may need longer than the usual limit.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def walk(node, tmp_path_factory):
    return Road(node, tmp_path_factory.mktemp("road")).go()


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=lambda each: each.__name__)
def test_on_the_whole_road(walk, expectation):
    expectation(walk)
