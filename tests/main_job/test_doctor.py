"""`joulefit doctor`: one page on a real cluster and a real store, whichever of them is down."""

from __future__ import annotations

import subprocess

import pytest

from recommender.cluster.role import list_lease_rules, list_rules
from tests.cluster.builder import unique
from tests.main_job.bad_input import SECRET, silent_server, write_kubeconfig
from tests.main_job.command import joulefit
from tests.testbed.process import free_port


def lines_of(outcome):
    """Level and text of the first line of each subject; two spaces end a level and a subject."""
    found = {}
    for line in outcome.stdout.splitlines():
        level, _, rest = line.partition("  ")
        if level in {"ok", "warn", "fail"}:
            subject, _, text = rest.strip().partition("  ")
            found.setdefault(subject, (level, text.strip()))
    return found


def failed(outcome):
    return [subject for subject, (level, _) in lines_of(outcome).items() if level == "fail"]


def test_a_fleet_with_all_but_an_autoscaler_and_vpas_parts_is_warned_of_these(live, fleet):
    outcome = live("doctor")
    assert outcome.code == 0, outcome.stdout
    assert outcome.stderr == ""
    lines = lines_of(outcome)
    assert {subject for subject, (level, _) in lines.items() if level != "ok"} == {
        "autoscaler",
        "vpa parts",
    }
    nodes, cores = fleet.shape.nodes, fleet.shape.cores_per_node
    assert lines["nodes"][1] == f"{nodes} nodes with {nodes * cores} cores"
    assert lines["vpas"][1] == f"{len(fleet.workloads)} VPAs name joulefit"
    assert lines["usage"][1].startswith("8 d of joulefit's collector at 1 min, all of the window")
    assert f"of {nodes} of {nodes} nodes, platform" in lines["node power"][1]
    assert outcome.stdout.endswith(f"\n{len(lines) - 2} ok, 2 warnings\n")


def test_with_strict_a_warning_counts(live):
    assert live("doctor", "--strict").code == 1


def test_the_json_holds_the_same_checks(live):
    outcome = live("doctor", "--output", "json")
    assert outcome.code == 0
    assert outcome.json["level"] == "warn"
    page = lines_of(live("doctor"))
    assert [check["subject"] for check in outcome.json["checks"]] == list(page)


def test_a_store_that_is_down_is_one_failure_and_the_cluster_is_looked_at(cluster):
    url = f"http://127.0.0.1:{free_port()}"
    outcome = joulefit(
        "doctor", "--kubeconfig", cluster.kubeconfig, "--store", url, "--store-retries", 0
    )
    assert outcome.code == 1
    assert outcome.stderr == ""
    assert failed(outcome) == ["store"]
    assert f"store {url} is unreachable" in lines_of(outcome)["store"][1]
    assert lines_of(outcome)["vpas"][0] == "ok"


def test_an_api_server_that_is_down_is_one_failure_and_the_store_is_looked_at(
    store, window, tmp_path
):
    kubeconfig = write_kubeconfig(tmp_path / "config", f"https://127.0.0.1:{free_port()}")
    outcome = joulefit("doctor", "--kubeconfig", kubeconfig, "--store", store, *window)
    assert outcome.code == 1
    assert SECRET not in outcome.stdout + outcome.stderr
    assert failed(outcome) == ["api server"]
    assert "cannot be reached" in lines_of(outcome)["api server"][1]
    assert lines_of(outcome)["node power"][0] == "ok"  # of the nodes that the store knows


def test_with_both_down_there_are_two_failures_and_no_secret(tmp_path):
    kubeconfig = tmp_path / "none"
    url = f"http://me:{SECRET}@127.0.0.1:{free_port()}"
    outcome = joulefit("doctor", "--kubeconfig", kubeconfig, "--store", url, "--store-retries", 0)
    assert outcome.code == 1
    assert outcome.stdout.endswith("\n2 failures\n")
    assert f"no kubeconfig {kubeconfig}" in outcome.stdout
    assert SECRET not in outcome.stdout + outcome.stderr


def test_servers_that_never_answer_end_within_their_time_limits(tmp_path):
    with silent_server() as address:
        kubeconfig = write_kubeconfig(tmp_path / "config", f"http://{address}")
        limits = ("--store-timeout", "300ms", "--cluster-timeout", "300ms")
        outcome = joulefit(
            "doctor", "--kubeconfig", kubeconfig, "--store", f"http://{address}", *limits
        )
    assert outcome.code == 1
    assert "did not answer within 0.3 s" in outcome.stdout
    assert "took longer than 300 ms" in outcome.stdout


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--store", "ftp://x"), "is no http or https URL"),
        (("--selector", "a in b"), "a set of values begins with '('"),
        (("--output", "wide"), "'wide' is not one of 'text', 'json'"),
        (("--end", "2999-01-01T00:00:00Z"), "lies in the future"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_meant_is_one_line_and_exit_code_2(cluster, flags, complaint):
    outcome = joulefit("doctor", "--kubeconfig", cluster.kubeconfig, *flags)
    assert complaint in outcome.error
    assert outcome.code == 2


def test_the_page_of_a_limited_user_holds_a_command_that_mends_it(cluster, store, window):
    """The shell hands on exactly what is quoted; an administrator applies it."""
    rules = [rule for rule in list_rules() if "patch" not in rule["verbs"]]
    rules += list_lease_rules("joulefit-recommender")
    limited = cluster.new_user(unique("doctor"), rules)

    def ask():
        return joulefit("doctor", "--kubeconfig", limited, "--store", store, *window)

    before = ask()
    assert before.code == 1
    assert failed(before) == ["permissions"]
    assert lines_of(before)["permissions"][1].endswith(": patch verticalpodautoscalers/status")
    end = before.stdout.index("\nEOF\n") + len("\nEOF\n")
    command = before.stdout[before.stdout.index("kubectl apply") : end]
    script = command.replace("kubectl apply -f -", "cat")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    rule = cluster.folder / "rule.yaml"
    rule.write_text(done.stdout)
    cluster.kubectl("apply", "-f", str(rule))
    can_i = ("auth", "can-i", "patch", "vpa", "--subresource=status", "-A")
    assert cluster.kubectl(*can_i, kubeconfig=limited).startswith("yes")
    assert ask().code == 0


def test_a_store_of_other_exporters_says_which_series_serve_and_why(cluster, store_of, window):
    where = ("--kubeconfig", cluster.kubeconfig, "--store", store_of("cadvisor"))
    outcome = joulefit("doctor", "--output", "json", *where, *window)
    checks = {check["subject"]: check for check in outcome.json["checks"]}
    assert "no series of joulefit's collector" in checks["usage"]["found"]
    assert checks["node power"]["found"].startswith("node-exporter: node_rapl_ZONE_joules_total")
