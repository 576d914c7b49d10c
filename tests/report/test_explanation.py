from __future__ import annotations

import re

import msgspec
import pytest

from recommender.model.report import Conflict, Current, Quantities, Reason, Watts
from recommender.report.explain import format_explanation
from tests.report.sample import (
    container,
    database,
    pools,
    sample_report,
    savings,
    sidecar,
    source,
    without_energy,
    workload,
)


def _explain(row=None, *, report=None, width=None, is_terminal=False):
    row = row or workload()
    return format_explanation(report or sample_report(), row, width=width, is_terminal=is_terminal)


def _row(text, start):
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_the_numbers_come_first():
    assert _explain().splitlines()[0] == (
        "shop/deploy/checkout, container app: request 411m cpu (now 1500m, stock 512m), "
        "1.1Gi memory (now 2Gi, stock 1.1Gi); tier T1 priced quantile"
    )


def test_what_is_not_controlled_is_not_claimed():
    only_cpu = msgspec.structs.replace(
        container().recommended, target=Quantities("60m"), uncapped_target=Quantities("60m")
    )
    first = _explain(workload(container(recommended=only_cpu, stock=None))).splitlines()[0]
    assert "request 60m cpu (now 1500m, stock -); tier T1" in first


def test_every_reason_is_a_line_with_its_numbers_in_order_of_decision():
    lines = _explain().splitlines()
    starts = [lines.index(_row(_explain(), reason.step)) for reason in container().reasons]
    assert starts == sorted(starts)
    for reason in container().reasons:
        assert re.search(
            rf"^  {reason.step} +{re.escape(reason.value)} +{re.escape(reason.why)}$",
            _explain(),
            re.MULTILINE,
        )


def test_usage_is_told_before_the_steps():
    assert re.sub(" +", " ", _row(_explain(), "usage")) == (
        " usage mean 210m, p50 190m, p90 380m, p95 430m, max 910m; memory peak 979Mi "
        "6 pods, 14 d, 24,011 samples, 99.2 % present"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("EnergyProfile", "spec.workClass of its EnergyProfile"),
        ("annotation", "annotation joulefit.io/work-class of its VPA"),
        ("default", "the default, since neither an EnergyProfile nor an annotation names one"),
    ],
)
def test_it_says_who_chose_the_work_class(source, text):
    assert f"\nwork class standard: {text}\n" in _explain(workload(work_class_source=source))


def test_the_work_is_a_step_of_its_own_where_it_was_asked_for():
    step = Reason("work", "412 requests/s, 0.9 per core-second", "http_requests_total")
    row = _row(_explain(workload(work=step)), "work  ")
    assert row == "  work  412 requests/s, 0.9 per core-second   http_requests_total"
    assert "\n  work  " not in _explain()


def test_now_stock_and_ours_stand_side_by_side():
    text = _explain()
    assert _row(text, "now").split() == ["now", "stock", "ours"]
    assert _row(text, "cpu request").split() == ["cpu", "request", "1500m", "512m", "411m"]
    assert _row(text, "bounds").split(maxsplit=1)[1] == "-      220m - 600m  372m - 470m"
    assert _row(text, "limit").split() == ["limit", "3", "-", "-"]
    assert _row(text, "memory request").split() == ["memory", "request", "2Gi", "1.1Gi", "1.1Gi"]


def test_a_target_before_policy_is_shown_where_the_policy_changed_it():
    assert "before policy" not in _explain()
    row = _row(_explain(workload(database())), "before policy")
    assert row.split() == ["before", "policy", "-", "1850m", "1700m"]


def test_the_marks_carry_their_request_and_the_curve_there():
    # Linear in log(request) between 0.4 (1.00) and 0.8 (0.80): 411m at log2(411/400) = 0.039,
    # 512m at 0.356; between 0.8 and 1.6 (0.50): 1500m at 0.907.
    assert _row(_explain(), "o =") == (
        "  o = ours 411m x0.99   n = now 1500m x0.53   s = stock 512m x0.93"
    )


def test_the_drawing_shows_the_three_marks_in_order_of_request():
    drawing = [line for line in _explain().splitlines() if "|" in line]
    columns = {letter: line.index(letter) for line in drawing for letter in "nso" if letter in line}
    assert columns["o"] < columns["s"] < columns["n"]
    assert len(drawing) == 11


def test_exposure_says_what_it_is_a_share_of():
    assert "\n  exposure (share of time above the request): 7 % ours, 3 % stock, 0 % now\n" in (
        _explain()
    )


def test_without_a_curve_nothing_is_drawn():
    text = _explain(workload(without_energy()))
    assert "|" not in text
    assert "work per joule" not in text
    assert "exposure" not in text


def test_watts_come_with_what_must_happen_before_they_are_saved():
    # (1500m - 411m) x 6 = 6.534 cores; a node packed 0.91 of 55 cores holds 50.05: 0.13 nodes.
    assert _row(_explain(), "saves") == (
        "  saves 9.3+-0.4 W once about 0.1 node is freed; it needs an autoscaler that removes "
        "nodes (seen: cluster-autoscaler)"
    )


def test_where_no_autoscaler_was_seen_it_is_said():
    report = sample_report(savings=savings(node_releaser=""))
    assert _row(_explain(report=report), "saves").endswith(
        "; it needs an autoscaler that removes nodes, and none was seen"
    )


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        pytest.param(Watts(-0.61, -0.83, -0.39), "takes 0.6+-0.2 W more than now", id="more"),
        pytest.param(
            Watts(0.1, -0.3, 0.5), "-0.1+-0.4 W, which cannot be told from no change", id="noise"
        ),
        pytest.param(None, "no watts are claimed: there is no energy evidence for it", id="none"),
    ],
)
def test_a_saving_is_claimed_only_where_there_is_one(saved, said):
    assert f"\n  {said}\n" in _explain(workload(container(watts_saved=saved)))


@pytest.mark.parametrize(
    ("replicas", "factor", "freed"),
    [
        pytest.param(6, 1.0, "about 0.1 node is freed", id="6.534 / 50.05 = 0.13"),
        pytest.param(1, 1.0, "a small part of a node is freed", id="1.089 / 50.05 = 0.02"),
        pytest.param(60, 1.0, "about 1.3 nodes are freed", id="65.34 / 50.05 = 1.31"),
        pytest.param(60, 0.5, "about 0.7 node is freed", id="half of the cut counts"),
    ],
)
def test_freed_nodes_are_requested_cores_over_packed_ones(replicas, factor, freed):
    pool = msgspec.structs.replace(pools()[0], cpu_binding_factor=factor)
    assert f"once {freed}" in _explain(
        workload(replicas=replicas), report=sample_report(pools=(pool,))
    )


def test_where_replicas_are_sized_no_number_of_nodes_is_made_of_one_request():
    scaled = container(basis="work per joule of a replica, modelled power")
    assert "once emptied nodes are switched off;" in _explain(workload(scaled))


def test_a_pool_that_is_not_known_frees_no_number_of_nodes():
    assert "once emptied nodes are switched off;" in _explain(workload(pool=None))


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("Off", "updateMode Off: nothing is applied by itself; "),
        ("Initial", "updateMode Initial: applied when a pod is created; "),
        ("Recreate", "updateMode Recreate: applied when the VPA updater evicts a pod"),
        ("Auto", "updateMode Auto: applied when the VPA updater evicts a pod"),
        ("InPlaceOrRecreate", "updateMode InPlaceOrRecreate: applied when a pod's request is "),
        ("Later", "updateMode Later: applied as this mode says"),
    ],
)
def test_the_update_mode_says_when_pods_change(mode, said):
    last = _explain(workload(update_mode=mode)).splitlines()[-1]
    assert last.startswith("VPA checkout has ")
    assert said in last


def test_without_a_vpa_nothing_is_applied():
    assert _explain(workload(vpa=None)).endswith(
        "\nno VPA of ours targets it: nothing is applied\n"
    )


def test_an_hpa_on_cpu_is_named():
    assert "scaled on CPU by HPA web: a lower request makes more replicas\n" in _explain(
        workload(hpa="web")
    )
    assert "HPA" not in _explain()


def test_conflicts_with_the_rules_of_the_namespace_are_named():
    found = (
        Conflict("LimitRange", "app", "target cpu 2 is above the maximum 1"),
        Conflict("ResourceQuota", None, "its 3 pods need 1 more"),
    )
    text = _explain(workload(conflicts=found))
    assert "\ncontainer app: target cpu 2 is above the maximum 1\n" in text
    assert "\nits 3 pods need 1 more\n" in text


def test_all_containers_are_explained_in_turn_and_skipped_ones_named():
    row = workload(database(), sidecar(), kind="StatefulSet", name="ledger", update_mode="Recreate")
    text = _explain(row)
    assert text.index("container db:") < text.index("container sidecar:")
    assert "\nskipped: container init-log: no usage in 14 d\n" in text


def test_limits_that_are_not_there_take_no_row():
    current = Current(Quantities("1500m", "2Gi"), Quantities())
    assert "limit" not in _explain(workload(container(current=current)))


def test_simulated_data_are_named_first():
    report = sample_report(source=source(is_simulated=True))
    assert _explain(report=report).startswith("SIMULATED: ")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_steps_sentences_and_drawing_fit_the_width(width):
    text = re.sub(r"\x1b\[[0-9;]*m", "", _explain(width=width, is_terminal=True))
    steps, _, rest = text.partition("\n\n")[2].partition("work per joule")
    tables = [line for line in steps.splitlines() if not line.startswith(("o =", "  o ="))]
    drawing = [line for line in rest.splitlines() if "|" in line or "+--" in line]
    assert max(len(line) for line in tables + drawing) <= width


def test_in_a_pipe_nothing_is_wrapped_or_coloured():
    long = "because " * 40 + "so"
    reasons = (Reason("policy", "no change", long),)
    text = _explain(workload(container(reasons=reasons)))
    assert any(line.endswith(long) for line in text.splitlines())
    assert "\x1b" not in text
    assert text.isascii()


@pytest.mark.usefixtures("terminal")
def test_on_a_narrow_terminal_the_why_stands_beneath_its_value():
    lines = [
        re.sub(r"\x1b\[[0-9;]*m", "", line)
        for line in _explain(width=70, is_terminal=True).splitlines()
    ]
    at = next(index for index, line in enumerate(lines) if line.startswith("  price"))
    assert lines[at] == "  price     1.42 W per reserved core (1.37-1.47)"
    assert lines[at + 1] == "            intercept 71 W at 31 % use"
