"""Which API server and which credentials, from files, contexts, exec plugins and pods."""

import json
import stat
import sys

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.kubeconfig import load_configuration
from recommender.errors import ClusterConfigError
from recommender.settings import ClusterSettings

SECRET = "s3cret-t0ken"


def config(**users):
    """A kubeconfig with a context for each user, all on their own clusters."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}.invalid:6443"}} for name in users
        ],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in users],
        "current-context": next(iter(users)),
    }


def exec_plugin(command, *arguments):
    version = "client.authentication.k8s.io/v1"
    return {
        "exec": {
            "apiVersion": version,
            "command": str(command),
            "args": list(arguments),
            "interactiveMode": "Never",
        }
    }


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, outside of any cluster."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def load(**settings):
    return load_configuration(ClusterSettings(**settings))


def bearer(loaded):
    return [part["value"] for part in loaded.configuration.auth_settings().values()]


def test_the_file_of_the_flag_beats_kubeconfig_which_beats_the_home_folder(home, monkeypatch):
    write(home / ".kube/config", config(home={"token": "h"}))
    assert load().configuration.host == "https://home.invalid:6443"
    monkeypatch.setenv("KUBECONFIG", write(home / "env", config(env={"token": "e"})))
    assert load().configuration.host == "https://env.invalid:6443"
    flag = write(home / "flag", config(flag={"token": SECRET}))
    loaded = load(kubeconfig=flag)
    assert loaded.source == "API server https://flag.invalid:6443"
    assert bearer(loaded) == [f"Bearer {SECRET}"]
    assert SECRET not in repr(loaded.source)


def test_kubeconfig_may_list_several_files_of_which_some_are_missing(home, monkeypatch):
    first = write(home / "first", config(first={"token": "1"}))
    second = write(home / "second", config(second={"token": "2"}))
    monkeypatch.setenv("KUBECONFIG", f"{home}/missing:{first}:{second}")
    assert load(context="second").configuration.host == "https://second.invalid:6443"


def test_a_context_is_chosen_by_name_and_shown(home):
    path = write(home / "both", config(one={"token": "1"}, two={"token": "2"}))
    loaded = load(kubeconfig=path, context="two")
    assert loaded.source == "API server https://two.invalid:6443 (context two)"
    assert bearer(loaded) == ["Bearer 2"]


@pytest.mark.parametrize(
    ("server", "is_near"),
    [
        ("https://127.0.0.1:6443", True),
        ("http://localhost:8001", True),
        ("https://[::1]:6443", True),
        ("https://10.0.0.1:6443", False),
        ("https://api.invalid", False),
    ],
)
def test_replies_of_a_near_api_server_are_not_compressed(home, server, is_near):
    content = config(x={"token": "1"})
    content["clusters"][0]["cluster"]["server"] = server
    assert load(kubeconfig=write(home / "x", content)).is_near is is_near


def test_an_exec_plugin_gives_the_credentials(home):
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": SECRET},
    }
    plugin = exec_plugin(sys.executable, "-c", f"print({json.dumps(answer)!r})")
    assert bearer(load(kubeconfig=write(home / "x", config(x=plugin)))) == [f"Bearer {SECRET}"]


def test_a_plugin_beside_the_kubeconfig_is_found_by_its_relative_path(home):
    script = home / "clouds" / "login"
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}'
    write(script, f"#!/bin/sh\necho '{answer}'\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    path = write(home / "clouds" / "config", config(x=exec_plugin("./login")))
    assert bearer(load(kubeconfig=path)) == ["Bearer t"]


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (exec_plugin("no-such-plugin"), ["no-such-plugin"]),
        (
            exec_plugin(sys.executable, "-c", "import sys; sys.exit('please log in')"),
            ["please log in"],
        ),
        (exec_plugin(sys.executable, "-c", "print('<html>')"), ["failed to decode"]),
        (
            exec_plugin(
                sys.executable,
                "-c",
                'print(\'{"apiVersion": "client.authentication.k8s.io/v1",'
                ' "kind": "ExecCredential", "status": {}}\')',
            ),
            ["missing token"],
        ),
    ],
    ids=["not installed", "fails", "prints no JSON", "gives no token"],
)
def test_a_plugin_that_gives_no_credentials_is_named(home, plugin, words, capfd):
    path = write(home / "x", config(x=plugin))
    with pytest.raises(ClusterConfigError, match="no credentials from its exec plugin") as caught:
        load(kubeconfig=path)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        pytest.param(
            config(w={"token": "1"}, x={"token": "1"}),
            {"context": "y"},
            ["has no context 'y'; it has w, x"],
            id="unknown context",
        ),
        pytest.param("{", {}, ["cannot be used"], id="no YAML"),
        pytest.param("", {}, ["empty"], id="empty"),
        pytest.param("just text", {}, ["not the form of a kubeconfig"], id="no mapping"),
        pytest.param("[a, b]", {}, ["not the form of a kubeconfig"], id="a list"),
        pytest.param("\0", {}, ["cannot be used"], id="no text"),
        pytest.param(
            config(x={}) | {"users": 3},
            {},
            ["not the form of a kubeconfig"],
            id="a part of no form",
        ),
        pytest.param(
            config(x={}) | {"clusters": [{"name": "x", "cluster": {"server": "example.org"}}]},
            {},
            ["server 'example.org' is no https URL"],
            id="no URL",
        ),
        pytest.param(
            config(x={}) | {"clusters": [{"name": "x", "cluster": {"server": 6443}}]},
            {},
            ["cannot be used"],
            id="a number for a URL",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Config"}, {}, ["current-context"], id="no parts"
        ),
        pytest.param(
            config(x={"client-certificate": "missing.pem", "client-key": "missing.key"}),
            {},
            ["missing.pem"],
            id="missing certificate",
        ),
        pytest.param(config(x={"tokenFile": "missing"}), {}, ["missing"], id="missing token file"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why_in_one_line(home, content, settings, words):
    path = write(home / "x", content)
    with pytest.raises(ClusterConfigError) as caught:
        load(kubeconfig=path, **settings)
    assert [word for word in (*words, path) if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{}, {"kubeconfig": "/missing/config"}, {"context": "prod"}], ids=str
)
@pytest.mark.usefixtures("home")
def test_without_any_kubeconfig_it_is_said_where_one_was_looked_for(settings):
    with pytest.raises(ClusterConfigError, match="give --kubeconfig FILE") as caught:
        load(**settings)
    assert settings.get("kubeconfig", "~/.kube/config") in str(caught.value)


@pytest.fixture
def pod(home, monkeypatch):
    """The folder of a pod's service account, empty."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return home / "serviceaccount"


@pytest.mark.usefixtures("pod")
def test_a_kubeconfig_that_is_named_is_not_replaced_by_the_pods_own():
    with pytest.raises(ClusterConfigError, match="no kubeconfig /missing/config"):
        load(kubeconfig="/missing/config")


def test_a_pod_uses_its_service_account_and_takes_the_token_as_it_is_now(pod):
    write(pod / "token", "first")
    write(pod / "ca.crt", "-----BEGIN CERTIFICATE-----")
    loaded = load_configuration(ClusterSettings(), service_account=pod)
    assert loaded.source == "API server https://10.0.0.1:443 (in-cluster)"
    assert loaded.is_near
    assert loaded.configuration.ssl_ca_cert == str(pod / "ca.crt")
    assert bearer(loaded) == ["bearer first"]


def test_a_pod_with_a_kubeconfig_uses_that(home, pod):
    write(home / ".kube/config", config(home={"token": "h"}))
    loaded = load_configuration(ClusterSettings(), service_account=pod)
    assert loaded.configuration.host == "https://home.invalid:6443"


def test_a_pod_without_a_service_account_is_told_so(pod):
    with pytest.raises(ClusterConfigError, match="automountServiceAccountToken"):
        load_configuration(ClusterSettings(), service_account=pod)


def test_a_broken_kubeconfig_is_not_shown(home):
    """The line that breaks the syntax may be the one with the token."""
    path = write(home / "x", f"users:\n- user: {{token: {SECRET}\n")
    with pytest.raises(ClusterConfigError, match="line 3") as caught:
        load(kubeconfig=path)
    assert SECRET not in f"{caught.value} {caught.value.detail}"


def test_nothing_is_asked_of_the_api_server_to_connect(home):
    path = write(home / "x", config(nowhere={"token": "1"}))
    with connect(ClusterSettings(kubeconfig=path)) as opened:
        assert opened.source == "API server https://nowhere.invalid:6443"
