"""The rules on the real Prometheus with a fleet in which all is well."""

from __future__ import annotations

import math
import re

import pytest

from tests.rules.test_structure import ALERTS, RECORDS

RECORDED = {rule["record"]: rule["expr"] for rule in RECORDS}
_NAME = re.compile(r"\b\w+:joulefit_\w+:\w+\b(?!{)")


def expand(expression):
    """The expression with recorded series as what they are recorded from; None where one of them
    is selected from, which no expression can be."""
    while match := _NAME.search(expression):
        inner = RECORDED[match[0]].strip()
        expression = f"{expression[: match.start()]}({inner}){expression[match.end() :]}"
    return None if ":joulefit" in expression else expression


def expandable(rules, name):
    return [
        pytest.param(expand(rule["expr"]), id=rule[name])
        for rule in rules
        if expand(rule["expr"]) is not None
    ]


@pytest.mark.parametrize("expression", expandable(RECORDS, "record"))
def test_a_recording_rule_has_values(store, expression):
    found = store.ask(expression)
    assert found
    assert all(math.isfinite(value) for _, value in found)


@pytest.mark.parametrize("expression", expandable(ALERTS, "alert"))
def test_no_alert_is_pending_where_all_is_well(store, expression):
    """But for what the fleet is not: some of its VPAs have too little history to be confident, and
    the store without a label `cluster` holds a report of another day."""
    found = [labels for labels, _ in store.ask(expression) if labels.get("cluster")]
    assert found == [] or "low_confidence" in expression


@pytest.mark.parametrize("expression", expandable(ALERTS, "alert"))
def test_no_alert_but_that_nothing_is_there_is_pending_on_an_empty_store(empty_store, expression):
    assert len(empty_store.ask(expression)) == expression.startswith("absent(")
