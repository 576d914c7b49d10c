import json

import numpy as np
import pytest

from collector.attribution.attributor import Attributor
from collector.attribution.ledger import Account, Ledger
from collector.model import Zone
from tests.collector.attribution.node import Node, one_socket, pod, told

ACCOUNT = Account(Zone("package", "0"), "dynamic", "measured")
MANY = [pod(f"pod-{number:03}") for number in range(300)]


def test_more_owners_than_rows_at_first_keep_their_counters():
    ledger = Ledger()
    for number, owner in enumerate(MANY):
        amounts = np.zeros(ledger.row(owner) + 1, dtype=np.int64)
        amounts[-1] = number
        ledger.charge(ACCOUNT, amounts)
    assert ledger.energy[2:, 0].tolist() == list(range(300))


def test_rows_of_new_owners_do_not_depend_on_who_lists_them_first():
    straight, reverse = Ledger(), Ledger()
    straight.find_rows(MANY)
    reverse.find_rows(MANY[::-1])
    assert straight.owners == reverse.owners


def test_another_quality_of_a_zone_is_another_account():
    """A meter that was replaced by a model does not go on under the meter's name."""
    node = Node(one_socket(2))
    for quality in ("measured", "modelled"):
        node.interval({MANY[0]: 1.0}, [told(100.0, quality=quality)])
    accounts = {(each.part, each.quality) for each in node.attributor.snapshot().accounts}
    assert {("idle", "modelled"), ("dynamic", "measured")} <= accounts


def test_a_ledger_comes_back_from_its_state_as_it_was():
    ledger = Ledger()
    rows = ledger.find_rows(MANY)
    ledger.charge(ACCOUNT, np.arange(302, dtype=np.int64) * 2**40)
    ledger.charge_nobody(ACCOUNT, 7)
    ledger.see(rows, 12.5)
    ledger.add_work(rows, 1, np.arange(300, dtype=np.int64))
    restored = Ledger.restore(json.loads(json.dumps(ledger.state())))
    assert (restored.owners, restored.accounts) == (ledger.owners, ledger.accounts)
    np.testing.assert_array_equal(restored.energy, ledger.energy)
    np.testing.assert_array_equal(restored.work, ledger.work)
    np.testing.assert_array_equal(restored.seen_at[2:], ledger.seen_at[2:])


@pytest.mark.parametrize(
    "state",
    [None, [], {}, {"ledger": {}, "enclosure": [], "fits": []}, {"ledger": None}],
    ids=str,
)
def test_a_state_that_is_none_is_refused_and_changes_nothing(state):
    attributor = Attributor(one_socket(2))
    with pytest.raises(ValueError, match=r".+"):
        attributor.restore(state)
    assert attributor.snapshot().owners == ()


def test_idle_power_is_known_again_after_a_restart():
    node = Node(one_socket(4))
    for number in range(13):
        busy = 10.0 * (number % 2)
        joules = (300.0 + 20.0 * busy) * (number > 0)
        node.interval({MANY[0]: busy}, [told(joules, is_certain=number > 0)])
    restored = Attributor(one_socket(4))
    restored.restore(json.loads(json.dumps(node.attributor.state())))
    (estimate,) = restored.snapshot().idle.values()
    assert (estimate.watts, estimate.method) == (pytest.approx(60.0), "fitted")
