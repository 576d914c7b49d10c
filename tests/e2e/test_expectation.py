"""The arithmetic that the road is judged by, against the VPA's own table."""

import pytest

from tests.e2e.expectation import stock_millicores

# The contract's check values: the target of a p90 in the bucket that ends at start(n).
TABLE = {1: 11, 2: 23, 3: 35, 4: 49, 5: 63, 6: 78, 7: 93, 8: 109, 10: 143, 13: 203}


@pytest.mark.parametrize(("number", "target"), TABLE.items())
def test_the_stock_rule_is_that_of_its_table(number, target):
    begin, end = (0.01 * (1.05**n - 1) / 0.05 for n in (number - 1, number))
    assert stock_millicores((begin + end) / 2) == target
