"""The commands that the documentation shows for a cluster, run on a real one and a real store.

Names are those of the testbed's fleet instead of the pages' shop and checkout. Named so that it
runs after the tests that want VPAs nobody has written to.
"""

import pytest

from tests.documentation.page import COMMANDS

SHOWN = sorted({shown.words for shown in COMMANDS if shown.is_run and shown.is_live})


@pytest.fixture
def renamed(fleet):
    """The words of a command for a workload that is there."""
    workload = fleet.workloads[0]
    names = {
        "shop": workload.namespace,
        "shop/deploy/checkout": f"{workload.namespace}/{workload.kind}/{workload.name}",
    }
    return lambda words: [names.get(word, word) for word in words]


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_a_shown_command_works_on_a_real_cluster(words, renamed, live):
    outcome = live(*renamed(words[1:]))
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout or outcome.stderr  # of a dry run in which nothing changes, the latter
    assert "Traceback" not in outcome.stderr


def test_the_quick_start_has_reading_looking_and_writing():
    shown = {words[1] for words in SHOWN}
    assert {"doctor", "report", "explain", "run"} <= shown
