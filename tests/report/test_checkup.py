"""The page of doctor, as a person reads it and as a program does."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.check import Check, worst_level
from recommender.report.checkup import format_checkup

NOW = "2026-05-01T12:00:00Z"
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "joulefit-1a2b3c4d"},
    "rules": [
        {
            "apiGroups": ["autoscaling.k8s.io"],
            "resources": ["verticalpodautoscalers/status"],
            "verbs": ["patch"],
        }
    ],
}
CHECKS = (
    Check("ok", "api server", "Kubernetes 1.34.1 at API server https://10.0.0.1, as alice"),
    Check(
        "warn",
        "node power",
        "kepler-0.10 of 9 of 12 nodes; node-3, node-7, node-8 have none and are modelled",
        "run joulefit-collector or Kepler there",
    ),
    Check(
        "fail",
        "permissions",
        "forbidden for alice: patch verticalpodautoscalers/status",
        "let an administrator apply this",
        (ROLE,),
    ),
)
PAGE = """\
ok    api server   Kubernetes 1.34.1 at API server https://10.0.0.1, as alice
warn  node power   kepler-0.10 of 9 of 12 nodes; node-3, node-7, node-8 have none and are modelled
                   run joulefit-collector or Kepler there
fail  permissions  forbidden for alice: patch verticalpodautoscalers/status
                   let an administrator apply this
kubectl apply -f - <<'EOF'
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: joulefit-1a2b3c4d
rules:
- apiGroups:
  - autoscaling.k8s.io
  resources:
  - verticalpodautoscalers/status
  verbs:
  - patch
EOF

1 ok, 1 warning, 1 failure
"""
NARROW = """\
ok    api server   Kubernetes 1.34.1 at API server
                   https://10.0.0.1, as alice
warn  node power   kepler-0.10 of 9 of 12 nodes; node-3,
                   node-7, node-8 have none and are modelled
                   run joulefit-collector or Kepler there
"""
QUOTED = re.compile(r"^kubectl apply -f - <<'EOF'\n(.*?)^EOF\n", re.MULTILINE | re.DOTALL)


def page(checks=CHECKS, *, width=None, output="text"):
    return format_checkup(
        checks, output=output, now=NOW, width=width, is_terminal=width is not None
    )


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_in_a_pipe_each_finding_is_one_line_with_what_to_do_beneath():
    assert page() == PAGE


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_lines_are_wrapped_beneath_themselves():
    assert plain(page(width=60)).startswith(NARROW)


@pytest.mark.usefixtures("terminal")
def test_colour_repeats_the_word_and_is_never_alone():
    coloured = page(width=200)
    assert "\x1b[" in coloured
    assert plain(coloured) == PAGE


def test_no_colour_is_shown_where_the_environment_asks_for_none(terminal):
    terminal.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", page(width=200))


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("width", [None, 40, 80])
def test_a_command_can_be_pasted_into_a_shell_whatever_the_width(width):
    quoted = QUOTED.search(plain(page(width=width)))[1]
    assert list(yaml.safe_load_all(quoted)) == [ROLE]


def test_a_name_in_a_rule_cannot_end_the_quoted_text():
    evil = {**ROLE, "metadata": {"name": "x\nEOF\nrm -rf /\n"}}
    text = page([Check("fail", "permissions", "no", "apply", (evil,))])
    assert text.splitlines().count("EOF") == 1
    assert yaml.safe_load(QUOTED.search(text)[1]) == evil


def test_foreign_text_cannot_steer_the_terminal():
    text = page([Check("ok", "x\x1b[2J", "y\x1b[2J\nz", "\x07")])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.splitlines()) == 4


def test_the_json_is_the_same_with_the_worst_level():
    document = json.loads(page(output="json"))
    assert document["apiVersion"] == "joulefit.io/checkup/v1alpha1"
    assert document["kind"] == "Checkup"
    assert document["generatedAt"] == NOW
    assert document["level"] == "fail"
    assert msgspec.convert(document["checks"], tuple[Check, ...]) == CHECKS
    assert document["checks"][2]["manifests"] == [ROLE]


@pytest.mark.parametrize(
    ("levels", "worst", "counted"),
    [
        ("", "ok", "nothing was looked at"),
        ("ok", "ok", "1 ok"),
        ("ok ok", "ok", "2 ok"),
        ("warn ok warn", "warn", "1 ok, 2 warnings"),
        ("fail warn", "fail", "1 warning, 1 failure"),
        ("fail fail ok", "fail", "1 ok, 2 failures"),
    ],
)
def test_levels_are_counted_and_the_worst_decides(levels, worst, counted):
    checks = [Check(level, "x", "y") for level in levels.split()]
    assert worst_level(checks) == worst
    assert page(checks).splitlines()[-1] == counted


CHECK = st.builds(Check, st.sampled_from(["ok", "warn", "fail"]), st.text(), st.text(), st.text())


@given(st.lists(CHECK), st.none() | st.integers(10, 200))
def test_whatever_is_found_is_printable_and_each_check_begins_with_its_level(checks, width):
    text = format_checkup(checks, output="text", now=NOW, width=width, is_terminal=False)
    assert text.replace("\n", "").isprintable()
    heads = [line.split(" ")[0] for line in text.split("\n")[:-3] if not line.startswith(" ")]
    assert heads == [check.level for check in checks]
