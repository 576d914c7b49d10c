"""What pipelines and repositories take of a report: page, markdown, patches, exit codes."""

import json

import pytest
import yaml
from msgspec.structs import replace

from recommender.recording import read_recording, write_recording
from recommender.units import parse_quantity
from tests.main_job.command import joulefit


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A small fleet whose users request 3.3 times what they use."""
    path = tmp_path_factory.mktemp("outputs") / "fleet.joulefit"
    assert joulefit("simulate", "--containers", 30, "--days", 4, path).code == 0
    return path


@pytest.fixture(scope="module")
def report(recording):
    def call(*arguments):
        return joulefit("report", "--recording", recording, *arguments)

    return call


def test_the_page_holds_every_workload_with_its_curve(report):
    outcome = report("--output", "html")
    assert (outcome.code, outcome.stderr) == (0, "")
    data = json.loads(outcome.stdout.split('id="data">')[1].split("</script>")[0])
    curves = [row["curve"] for each in data["workloads"] for row in each["containers"]]
    assert len(curves) == 30
    assert all(curves)


def test_one_workload_is_explained_as_a_page(report, recording):
    (first, *_) = report("--output", "json").json["workloads"]
    name = f"{first['namespace']}/{first['kind']}/{first['name']}"
    outcome = joulefit("explain", name, "--recording", recording, "--output", "html")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert f'"opened":"{name}"' in outcome.stdout


def test_a_back_test_is_a_page(recording):
    outcome = joulefit(
        *("backtest", "--recording", recording, "--train", "2d", "--test", "1d"),
        *("--policy", "stock", "--policy", "as-requested", "--output", "html"),
    )
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "<h1>joulefit back-test</h1>" in outcome.stdout


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--fail-on-waste-watts", "1MW"], 2, "'1MW' is no power"),
        (["--fail-on-risk", "5"], 2, "'5' is no share from 0 to 1"),
        (["--fail-on-waste-watts", "1000kW", "--fail-on-risk", "100%"], 0, ""),
        (["--fail-on-skipped"], 0, ""),
        (["--fail-on-waste-watts", "0"], 3, "error: --fail-on-waste-watts: requests hold"),
        (["--fail-on-waste-watts", "0", "--strict"], 3, "and 0 W are allowed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_gate_that_trips_ends_with_3_after_the_report_is_printed(report, flags, code, said):
    outcome = report("--output", "markdown", *flags)
    assert outcome.code == code, outcome.stderr
    assert said in outcome.stderr
    assert len(outcome.stderr.splitlines()) == bool(said)
    assert ("| workload |" in outcome.stdout) == (code != 2)


@pytest.fixture(scope="module")
def patches(live):
    outcome = live("report", "--output", "patch")
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.stdout


def test_an_injected_container_is_named_on_stderr_and_is_in_no_patch(recording, tmp_path):
    evidence = read_recording(recording)
    mesh, *others = evidence.cluster.workloads
    (box,) = mesh.containers
    injected = replace(mesh, containers=(replace(box, in_template=False),))
    path = tmp_path / "mesh.joulefit"
    state = replace(evidence.cluster, workloads=(injected, *others))
    write_recording(path, replace(evidence, cluster=state))
    outcome = joulefit("report", "--recording", path, "--output", "patch")
    name = f"{mesh.ref.namespace}/{mesh.ref.short}, container {box.name}"
    assert outcome.code == 0
    assert outcome.stderr == (
        f"warning: left out: {name}: the workload's template does not have it; set its requests "
        "where it is injected\n"
    )
    documents = [each for each in yaml.safe_load_all(outcome.stdout) if each]
    assert len(documents) > 1
    assert mesh.ref.name not in {each["metadata"]["name"] for each in documents}


def _wanted(document):
    """The requests of a document by namespace, name and container."""
    meta, spec = document["metadata"], document["spec"]["template"]["spec"]
    return {
        (meta["namespace"], meta["name"], each["name"], resource): parse_quantity(str(amount))
        for each in spec["containers"]
        for resource, amount in each["resources"].get("requests", {}).items()
    }


def test_the_api_server_takes_every_patch_and_has_the_recommended_requests_then(
    patches, cluster, live
):
    documents = list(yaml.safe_load_all(patches))
    report = live("report", "--output", "json").json
    targets = {
        (row["namespace"], row["name"], container["name"], resource): parse_quantity(amount)
        for row in report["workloads"]
        for container in row["containers"]
        for resource, amount in container["recommended"]["target"].items()
    }
    assert len(documents) > 1
    for document in documents[:3]:
        meta = document["metadata"]
        text = cluster.kubectl(
            *("patch", f"{document['kind'].lower()}.apps", meta["name"], "-n", meta["namespace"]),
            *("--type", "strategic", "--patch", json.dumps(document)),
            *("--dry-run=server", "-o", "json"),
        )
        patched = _wanted(json.loads(text))
        assert _wanted(document).items() <= patched.items()
        assert all(targets[key] == amount for key, amount in patched.items() if key in targets)


def test_kustomize_takes_the_whole_output_as_one_file_of_patches(patches, cluster, tmp_path):
    documents = list(yaml.safe_load_all(patches))
    kinds = ",".join(sorted({f"{each['kind'].lower()}s.apps" for each in documents}))
    (tmp_path / "fleet.json").write_text(cluster.kubectl("get", kinds, "-A", "-o", "json"))
    (tmp_path / "joulefit.yaml").write_text(patches)
    kustomization = {"resources": ["fleet.json"], "patches": [{"path": "joulefit.yaml"}]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    built = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(tmp_path))))
    assert len(built) >= len(documents)
    found = {key: amount for each in built for key, amount in _wanted(each).items()}
    assert {k: v for each in documents for k, v in _wanted(each).items()}.items() <= found.items()
