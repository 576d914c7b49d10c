"""What a failed expectation compared is shown, as in a test."""

import pytest

pytest.register_assert_rewrite("tests.e2e.expectation")
