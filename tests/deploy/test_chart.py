"""What the chart makes of its values, as helm renders it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
import yaml

from collector.cli import main as collector_main
from manifests.render import CHART, OVERLAYS, PLAIN, VALUES, list_plain, render, without_remarks
from recommender.cli import main as recommender_main
from recommender.cluster.role import list_lease_rules, list_rules
from tests.deploy.helm import require_helm


def rendered(*options):
    """Objects by kind and name."""
    documents = yaml.safe_load_all(render(require_helm(), *options))
    return {(each["kind"], each["metadata"]["name"]): each for each in documents if each}


def setting(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def refusal(*pairs):
    """The one line that says why helm refuses."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        render(require_helm(), *setting(*pairs))
    return caught.value.stderr


@pytest.fixture(scope="module")
def usual():
    return rendered("--set", "namespace.create=true")


def pod_of(objects, kind, name):
    return objects[kind, name]["spec"]["template"]["spec"]


def variables(pod):
    (container,) = pod["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


def test_the_plain_manifests_are_what_the_chart_renders():
    expected = list_plain(require_helm())
    assert {path.name: path.read_text() for path in PLAIN.glob("*.yaml")} == expected


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_plain_manifest_holds_the_same_objects_as_the_chart(overlay):
    options = ["--values", str(VALUES / f"{overlay}.yaml"), *setting("namespace.create=true")]
    plain = yaml.safe_load_all((PLAIN / f"{overlay}.yaml").read_text())
    names = {(each["kind"], each["metadata"]["name"]) for each in plain if each}
    charted = {key for key in rendered(*options) if key[0] != "ConfigMap"}
    assert names == charted | {("CustomResourceDefinition", "energyprofiles.joulefit.io")}


def test_the_roles_are_those_of_the_program(usual):
    assert usual["ClusterRole", "joulefit"]["rules"] == list_rules()
    assert usual["Role", "joulefit-lease"]["rules"] == list_lease_rules("joulefit-recommender")
    assert usual["Role", "joulefit-lease"]["metadata"]["namespace"] == "joulefit"


def test_under_another_name_it_may_take_the_lease_of_that_name():
    objects = rendered(*setting("recommender.name=clever"))
    role = objects["Role", "joulefit-lease"]
    assert role["rules"] == list_lease_rules("clever-recommender")
    pod = pod_of(objects, "Deployment", "joulefit")
    assert variables(pod)["JOULEFIT_RECOMMENDER_NAME"] == "clever"


def test_every_binding_names_an_account_and_a_role_that_are_there(usual):
    for (kind, _), item in usual.items():
        if not kind.endswith("Binding"):
            continue
        assert (item["roleRef"]["kind"], item["roleRef"]["name"]) in usual
        for subject in item["subjects"]:
            account = usual[subject["kind"], subject["name"]]
            assert account["metadata"]["namespace"] == subject["namespace"]


@pytest.mark.parametrize(
    ("kind", "name", "command"),
    [
        ("Deployment", "joulefit", recommender_main.commands["run"]),
        ("DaemonSet", "joulefit-collector", collector_main.commands["run"]),
    ],
    ids=["recommender", "collector"],
)
def test_every_variable_of_ours_is_one_of_the_command(usual, kind, name, command):
    known = {option.envvar for option in command.params}
    ours = {each for each in variables(pod_of(usual, kind, name)) if each.startswith("JOULEFIT_")}
    assert ours
    assert ours <= known


def test_the_recommender_has_two_replicas_of_which_one_may_be_away(usual):
    assert usual["Deployment", "joulefit"]["spec"]["replicas"] == 2
    assert usual["PodDisruptionBudget", "joulefit"]["spec"]["maxUnavailable"] == 1
    assert ("PodDisruptionBudget", "joulefit") not in rendered(*setting("recommender.replicas=1"))


def test_the_collector_has_what_its_documentation_lists_and_no_more(usual):
    pod = pod_of(usual, "DaemonSet", "joulefit-collector")
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["BPF", "PERFMON", "DAC_READ_SEARCH"]},
    }
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostPID", "hostNetwork", "hostIPC"} & set(pod)
    paths = {
        each["name"]: each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each
    }
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert set(paths.values()) == {"/sys", "/usr/src", "/lib/modules", "/run/joulefit"}
    assert writable == {"/run/joulefit", "/tmp"}
    assert pod["tolerations"] == [{"operator": "Exists"}]


@pytest.mark.parametrize(
    ("kind", "name"), [("Deployment", "joulefit"), ("DaemonSet", "joulefit-collector")]
)
def test_memory_is_requested_and_limited_and_cpu_never_throttled(usual, kind, name):
    (container,) = pod_of(usual, kind, name)["containers"]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert set(container["resources"]["limits"]) == {"memory"}


def test_the_collector_asks_the_api_server_or_the_kubelet_with_no_more_rights_than_that():
    usual, kubelet = rendered(), rendered(*setting("collector.identity=kubelet"))
    none = rendered(*setting("collector.identity=none"))
    assert usual["ClusterRole", "joulefit-collector"]["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    ]
    assert kubelet["ClusterRole", "joulefit-collector"]["rules"] == [
        {"apiGroups": [""], "resources": ["nodes/pods", "nodes/proxy"], "verbs": ["get"]}
    ]
    asked = variables(pod_of(kubelet, "DaemonSet", "joulefit-collector"))
    assert asked["JOULEFIT_KUBELET"] == "https://$(NODE_ADDRESS):10250"
    assert "JOULEFIT_KUBELET_INSECURE" not in asked
    assert ("ClusterRole", "joulefit-collector") not in none
    assert not pod_of(none, "DaemonSet", "joulefit-collector")["automountServiceAccountToken"]


@pytest.mark.parametrize(
    ("pair", "variable", "text"),
    [
        ("history=21d", "JOULEFIT_HISTORY", "21d"),
        ("no-bursts=true", "JOULEFIT_NO_BURSTS", "true"),
        ("least-samples=2000000", "JOULEFIT_LEAST_SAMPLES", "2000000"),
        ("pod-min-memory=1073741824", "JOULEFIT_POD_MIN_MEMORY", "1073741824"),
        ("max-cpu=1.5", "JOULEFIT_MAX_CPU", "1.5"),
        (r"namespace=a\,b", "JOULEFIT_NAMESPACE", "a,b"),
    ],
)
def test_a_setting_becomes_its_variable(pair, variable, text):
    objects = rendered(*setting(f"recommender.settings.{pair}"))
    assert variables(pod_of(objects, "Deployment", "joulefit"))[variable] == text


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://prometheus.monitoring:9090", 9090),
        ("https://mimir.example.com/prometheus", 443),
        ("http://thanos", 80),
        ("http://[fd00::1]:9091", 9091),
        ("http://[fd00::1]/select", 80),
    ],
)
def test_the_network_policy_lets_the_recommender_reach_its_store(url, port):
    policy = rendered(*setting(f"store.url={url}"))["NetworkPolicy", "joulefit"]
    names, servers = ([each["port"] for each in rule["ports"]] for rule in policy["spec"]["egress"])
    assert names == [53, 53, 5353, 5353]  # by UDP and by TCP; of a Service and of OpenShift's pods
    assert servers == list(dict.fromkeys([443, 6443, port]))


def test_the_ports_of_the_stores_pods_may_be_others_than_its_services():
    options = (*setting("store.url=http://prometheus"), *setting("networkPolicy.storePorts={9090}"))
    policy = rendered(*options)["NetworkPolicy", "joulefit"]
    servers = [each["port"] for each in policy["spec"]["egress"][1]["ports"]]
    assert servers == [443, 6443, 9090]


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("recommender.replicas=0", "'/recommender/replicas': minimum: got 0, want 1"),
        ("recommender.replicas=two", "'/recommender/replicas': got string, want integer"),
        ("recommender.settings.histroy=1d", "additional properties 'histroy' not allowed"),
        ("recommender.settings.history=2fortnights", "'/recommender/settings/history'"),
        ("recommender.settings.work-class=vip", "'critical', 'standard', 'batch'"),
        ("recommender.settings.store-token=hunter2", "'store-token' not allowed"),
        ("recommender.resources.limits.memory=lots", "'/recommender/resources/limits/memory'"),
        ("recommender.runAsUser=0", "minimum: got 0, want 1"),
        ("collector.settings.idle=all", "'requests', 'usage', 'none'"),
        ("collector.identity=docker", "'apiServer', 'kubelet', 'none'"),
        ("collector.kubelet.port=70000", "maximum: got 70,000, want 65,535"),
        ("collector.extraVolumes[0].secret.secretName=tls", "missing property 'name'"),
        ("recommender.extraVolumeMounts[0].name=tls", "missing property 'mountPath'"),
        ("image.pullPolicy=Sometimes", "'Always', 'IfNotPresent', 'Never'"),
        ("image.digest=latest", "'/image/digest'"),
        ("store.url=prometheus:9090", "'/store/url'"),
        ("monitoring.prometheusOperator=maybe", "'/monitoring/prometheusOperator'"),
        ("colector.enabled=false", "additional properties 'colector' not allowed"),
    ],
)
def test_a_bad_value_is_refused_with_its_place(pair, words):
    assert words in refusal(pair)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["store.url="], "store.url is empty; name your Prometheus"),
        (["recommender.settings.no-lease=true"], "set recommender.replicas to 1"),
        (
            ["image.tag=v1", f"image.digest=sha256:{'0' * 64}"],
            "image.tag and image.digest are both",
        ),
        (["monitoring.endpoint.relabelings[0].action=drop"], "give monitoring.relabelings"),
        (["apiServer.port=6443"], "apiServer.port is given without apiServer.host"),
        (["namespace.create=true", "collector.namespace=joulefit"], "give it one of its own"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_values_that_do_not_go_together_are_refused_with_what_to_do(pairs, words):
    assert words in refusal(*pairs)


def overlay(name):
    return rendered("--values", str(VALUES / f"{name}.yaml"))


def test_on_virtual_machines_modelled_power_is_meant():
    asked = variables(pod_of(overlay("virtual-machines"), "DaemonSet", "joulefit-collector"))
    assert asked["JOULEFIT_ALLOW_MODELLED"] == "true"
    usual = variables(pod_of(overlay("bare-metal"), "DaemonSet", "joulefit-collector"))
    assert "JOULEFIT_ALLOW_MODELLED" not in usual


def test_beside_kepler_there_is_nothing_of_the_collector():
    assert not [key for key in overlay("kepler") if "collector" in key[1]]


def test_on_openshift_the_platform_chooses_the_user_and_lets_the_collector_be():
    objects = overlay("openshift")
    pod = pod_of(objects, "Deployment", "joulefit")
    assert "runAsUser" not in pod["securityContext"]
    assert "fsGroup" not in pod["securityContext"]
    allowed = objects["SecurityContextConstraints", "joulefit-collector"]
    assert allowed["allowedCapabilities"] == ["BPF", "PERFMON", "DAC_READ_SEARCH"]
    assert allowed["users"] == ["system:serviceaccount:joulefit-collector:joulefit-collector"]
    collector = pod_of(objects, "DaemonSet", "joulefit-collector")
    assert collector["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}


def test_secrets_of_the_store_are_files_that_only_the_process_reads():
    objects = rendered(*setting("store.secretName=store"))
    pod = pod_of(objects, "Deployment", "joulefit")
    (secret,) = [each["secret"] for each in pod["volumes"] if "secret" in each]
    assert secret == {"secretName": "store", "defaultMode": 0o440}
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]


@pytest.mark.parametrize(
    ("kind", "name", "section"),
    [("Deployment", "joulefit", "recommender"), ("DaemonSet", "joulefit-collector", "collector")],
    ids=["recommender", "collector"],
)
def test_volumes_of_ones_own_come_behind_those_of_the_chart(usual, kind, name, section):
    pairs = [
        f"{section}.extraVolumes[0].name=tls",
        f"{section}.extraVolumes[0].secret.secretName=certificate",
        f"{section}.extraVolumeMounts[0].name=tls",
        f"{section}.extraVolumeMounts[0].mountPath=/etc/joulefit/tls",
        f"{section}.extraVolumeMounts[0].readOnly=true",
    ]
    plain, pod = pod_of(usual, kind, name), pod_of(rendered(*setting(*pairs)), kind, name)
    volume = {"name": "tls", "secret": {"secretName": "certificate"}}
    mount = {"name": "tls", "mountPath": "/etc/joulefit/tls", "readOnly": True}
    assert pod["volumes"] == [*plain["volumes"], volume]
    (before,), (after,) = plain["containers"], pod["containers"]
    assert after["volumeMounts"] == [*before["volumeMounts"], mount]


def test_openshift_lets_the_collector_have_volumes_of_ones_own_where_it_has_any():
    values = ("--values", str(VALUES / "openshift.yaml"))
    key = "SecurityContextConstraints", "joulefit-collector"
    assert rendered(*values)[key]["volumes"] == ["emptyDir", "hostPath", "projected"]
    pairs = ["collector.extraVolumes[0].name=tls", "collector.extraVolumes[0].secret.secretName=a"]
    assert {"configMap", "secret"} <= set(rendered(*values, *setting(*pairs))[key]["volumes"])


def test_what_the_operator_takes_is_there_where_the_operator_is():
    kinds = {"ServiceMonitor", "PodMonitor"}
    assert not kinds & {kind for kind, _ in rendered()}
    known = rendered("--api-versions", "monitoring.coreos.com/v1")
    assert kinds <= {kind for kind, _ in known}
    (endpoint,) = known["PodMonitor", "joulefit-collector"]["spec"]["podMetricsEndpoints"]
    assert endpoint["relabelings"] == [
        {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}
    ]
    never = rendered(
        "--api-versions",
        "monitoring.coreos.com/v1",
        *setting("monitoring.prometheusOperator=false"),
    )
    assert not kinds & {kind for kind, _ in never}


def test_relabelings_of_ones_own_come_behind_those_that_name_the_node():
    own = {"targetLabel": "cluster", "replacement": "east"}
    pairs = [f"monitoring.relabelings[0].{key}={value}" for key, value in own.items()]
    objects = rendered("--api-versions", "monitoring.coreos.com/v1", *setting(*pairs))
    (pods,) = objects["PodMonitor", "joulefit-collector"]["spec"]["podMetricsEndpoints"]
    (service,) = objects["ServiceMonitor", "joulefit"]["spec"]["endpoints"]
    assert [each["targetLabel"] for each in pods["relabelings"]] == ["node", "cluster"]
    assert service["relabelings"] == [own]


def test_namespaces_that_the_chart_makes_have_labels_of_ones_own():
    monitored = {"openshift.io/cluster-monitoring": "true"}
    flags = [
        part
        for key in ("namespace.labels", "collector.namespaceLabels")
        for part in ("--set-json", f"{key}={json.dumps(monitored)}")
    ]
    objects = rendered("--set", "namespace.create=true", *flags)
    for name, level in (("joulefit", "restricted"), ("joulefit-collector", "privileged")):
        labels = objects["Namespace", name]["metadata"]["labels"]
        assert monitored.items() <= labels.items()
        assert labels["pod-security.kubernetes.io/enforce"] == level


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_plain_monitors_select_something_that_each_plain_manifest_has(overlay):
    """The collector's are a file of their own: Kepler stands in for it and its namespace."""
    names = ["monitoring", *([] if overlay == "kepler" else ["monitoring-collector"])]
    there = [each for each in yaml.safe_load_all((PLAIN / f"{overlay}.yaml").read_text()) if each]
    namespaces = {each["metadata"]["name"] for each in there if each["kind"] == "Namespace"}
    labelled = [
        (each["metadata"]["namespace"], holder["metadata"]["labels"].items())
        for each in there
        if each["kind"] in {"Deployment", "DaemonSet", "Service"}
        for holder in (each if each["kind"] == "Service" else each["spec"]["template"],)
    ]
    for name in names:
        for monitor in yaml.safe_load_all((PLAIN / f"{name}.yaml").read_text()):
            namespace = monitor["metadata"]["namespace"]
            assert namespace in namespaces
            wanted = monitor["spec"].get("selector", {}).get("matchLabels", {}).items()
            assert any(there == namespace and wanted <= has for there, has in labelled)


def test_whatever_dashboards_and_rules_there_are_go_along(tmp_path):
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    title = 'a "quoted" {{ $labels.node }} title'
    (chart / "files/dashboards/one_more.json").write_text(json.dumps({"title": title}))
    rules = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up == 0"}]}]}
    (chart / "files/rules/more.yaml").write_text(yaml.safe_dump(rules))
    command = [str(require_helm()), "template", "joulefit", str(chart), "--kube-version", "1.34.0"]
    command += ["--api-versions", "monitoring.coreos.com/v1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, without_remarks(done.stderr)
    objects = {
        (each["kind"], each["metadata"]["name"]): each
        for each in yaml.safe_load_all(done.stdout)
        if each
    }
    board = objects["ConfigMap", "joulefit-dashboard-one-more"]
    assert json.loads(board["data"]["one_more.json"]) == {"title": title}
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert objects["PrometheusRule", "joulefit-more"]["spec"] == rules


def test_the_chart_of_an_archive_holds_what_its_links_point_to(tmp_path):
    subprocess.run(
        [str(require_helm()), "package", str(CHART), "--destination", str(tmp_path)],
        check=True,
        capture_output=True,
    )
    (archive,) = tmp_path.glob("joulefit-*.tgz")
    shutil.unpack_archive(archive, tmp_path)
    role = tmp_path / "joulefit/files/cluster-role.yaml"
    assert not role.is_symlink()
    assert len(list(yaml.safe_load_all(role.read_text()))) == 2
    assert (tmp_path / "joulefit/crds/energyprofile.yaml").is_file()


def test_helm_finds_nothing_to_remark():
    done = subprocess.run(
        [str(require_helm()), "lint", "--strict", str(CHART), "--kube-version", "1.34.0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout
