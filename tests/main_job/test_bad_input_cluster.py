"""A cluster that cannot be asked is one line: which kubeconfig, server or rule, and what to do."""

import json

import pytest

from recommender.cluster.role import list_rules
from tests.cluster import builder
from tests.cluster.loopback import Loopback, Reply
from tests.main_job.bad_input import SECRET, assert_refused, silent_server, write_kubeconfig
from tests.main_job.command import joulefit
from tests.testbed.process import free_port

COMMANDS = [("report",), ("explain", "shop/deploy/web"), ("record", "week"), ("run", "--once")]


@pytest.fixture
def config(tmp_path):
    """`config(server, **user)`: the path of a kubeconfig with one context, x."""
    return lambda server, **user: write_kubeconfig(tmp_path / "config", server, **user)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_missing_kubeconfig(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = tmp_path / "config"
    outcome = joulefit(*command, "--kubeconfig", missing)
    assert_refused(outcome, f"no kubeconfig {missing}; give --kubeconfig FILE", "--no-cluster")
    assert list(tmp_path.iterdir()) == []


def test_no_kubeconfig_anywhere(tmp_path):
    assert_refused(joulefit("report", HOME=str(tmp_path)), "no kubeconfig ~/.kube/config; give")
    outcome = joulefit("report", KUBECONFIG=f"{tmp_path}/a:{tmp_path}/b")
    assert_refused(outcome, f"no kubeconfig {tmp_path}/a:{tmp_path}/b; give")


def test_an_unknown_context_is_told_the_known_ones(config):
    path = config("https://127.0.0.1:1")
    outcome = joulefit("report", "--kubeconfig", path, "--context", "prod")
    assert_refused(outcome, f"kubeconfig {path} has no context 'prod'; it has x")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("hello", "not the form of a kubeconfig", id="text"),
        pytest.param("- a\n- b", "not the form of a kubeconfig", id="a list"),
        pytest.param(f"users: [\n  token: {SECRET}\n", "line 3", id="broken YAML"),
        pytest.param("\0", "not allowed", id="noise"),
        pytest.param("{}", "current-context", id="nothing in it"),
    ],
)
def test_a_broken_kubeconfig(content, words, tmp_path):
    path = tmp_path / "config"
    path.write_text(content)
    outcome = joulefit("report", "--kubeconfig", path)
    assert_refused(
        outcome,
        f"kubeconfig {path} cannot be used: ",
        words,
        "; correct it, or choose another with --kubeconfig or --context",
    )
    assert SECRET not in outcome.stderr


@pytest.mark.parametrize("server", ["api.example:6443", "/api", "ftp://api", 6443, None], ids=str)
def test_a_kubeconfig_whose_server_is_no_url(server, config):
    path = config(server)
    assert_refused(joulefit("report", "--kubeconfig", path), f"kubeconfig {path} cannot be used")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_api_server_that_is_down(command, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"https://127.0.0.1:{free_port()}"
    outcome = joulefit(*command, "--kubeconfig", config(url))
    assert_refused(
        outcome, f"the API server {url} cannot be reached (Connection refused)", "is it up?"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


def test_an_api_server_that_never_answers(config):
    with silent_server() as address:
        path = config(f"http://{address}")
        outcome = joulefit("report", "--kubeconfig", path, "--cluster-timeout", "300ms")
    assert_refused(outcome, "did not answer within 0.3 s", "--cluster-timeout")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(Reply(401), ["401 Unauthorized", "log in again"], id="401"),
        pytest.param(
            Reply(403, b"<html>"), ["list is forbidden for this user", "grant it"], id="403"
        ),
        pytest.param(
            Reply(404),
            ["no VerticalPodAutoscaler", "install its CRDs", "--all-workloads"],
            id="404",
        ),
        pytest.param(Reply(302), ["answered 302", "without a login page"], id="302"),
        pytest.param(
            Reply(422, rb'{"message":"no\n\u001b[31m"}'), ["422", r"no \x1b[31m"], id="422"
        ),
        pytest.param(Reply(200, b"<html>"), ["cannot be read", "an API server?"], id="HTML"),
        pytest.param(Reply(200, b'{"items":[3]}'), ["cannot be read"], id="other JSON"),
    ],
)
def test_an_api_server_that_answers_something_else(reply, words, config):
    with Loopback(reply) as server:
        outcome = joulefit("report", "--kubeconfig", config(server.url), "-vv")
    error = next(line for line in outcome.stderr.splitlines() if line.startswith("error: "))
    assert [word for word in words if word not in error] == [], error
    assert error.isprintable()
    assert outcome.code == 1
    assert outcome.stdout == ""
    assert SECRET not in outcome.stderr


def test_a_token_that_no_header_can_hold_is_not_shown(config):
    with Loopback() as server:
        path = config(server.url, token=f"{SECRET}\nX-Other: 1")
        outcome = joulefit("report", "--kubeconfig", path)
        assert_refused(outcome, "the token of the kubeconfig has characters that no token has")
        assert SECRET not in outcome.stderr + joulefit("report", "--kubeconfig", path, "-vv").stderr


def test_a_token_that_the_api_server_does_not_know_is_not_shown(control_plane, tmp_path):
    content = json.loads(control_plane.kubeconfig.read_text())
    content["users"][0]["user"]["token"] = SECRET
    path = tmp_path / "config"
    path.write_text(json.dumps(content))
    outcome = joulefit("report", "--kubeconfig", path, "-vv")
    assert "error: the API server does not accept these credentials (401 Un" in outcome.stderr
    assert outcome.code == 1
    assert SECRET not in outcome.stderr


@pytest.mark.parametrize(
    ("resource", "group"),
    [
        ("verticalpodautoscalers", "autoscaling.k8s.io"),
        ("pods", ""),
        ("nodes", ""),
        ("horizontalpodautoscalers", "autoscaling"),
        ("deployments", "apps"),
    ],
)
def test_a_forbidden_verb_is_named_with_the_user_and_the_rule_to_add(
    resource, group, control_plane
):
    name = builder.unique("limited")
    rules = [rule for rule in list_rules() if rule["resources"] != [resource]]
    path = control_plane.new_user(name, rules)
    outcome = joulefit("report", "--all-workloads", "--kubeconfig", path)
    assert_refused(
        outcome,
        f"{resource}: list is forbidden for system:serviceaccount:testbed-users:{name} cluster-wide",
        "grant it in a role",
        f"apiGroups ['{group}'], resources ['{resource}'], verbs ['list']",
    )


def test_a_forbidden_verb_in_one_namespace_names_the_namespace(control_plane):
    name = builder.unique("stranger")
    path = control_plane.new_user(name, [])
    outcome = joulefit("report", "-n", "shop", "--kubeconfig", path)
    assert_refused(
        outcome, "list is forbidden for", f"{name} in namespace shop; grant it in a role"
    )
