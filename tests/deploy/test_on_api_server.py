"""What ships, as a real API server takes it: strict about fields, and by Pod Security's levels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from manifests.render import OVERLAYS, PLAIN
from tests.testbed.api import ApiError

ROOT = Path(__file__).parents[2]
FOREIGN = {"SecurityContextConstraints"}  # kinds that only their platform has
LEVELS = {"restricted": "pods-restricted", "baseline": "pods-baseline", "privileged": "pods-any"}


@pytest.fixture(scope="module")
def plane(control_plane):
    """With the namespaces of the manifests, and one for each level of Pod Security."""
    enforced = {"joulefit": "restricted", "joulefit-collector": "privileged"}
    enforced |= {name: level for level, name in LEVELS.items()}
    control_plane.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": level},
            },
        }
        for name, level in enforced.items()
    )
    return control_plane


def objects(name):
    return [each for each in yaml.safe_load_all((PLAIN / f"{name}.yaml").read_text()) if each]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_one_that_the_server_takes(plane, overlay, tmp_path):
    known = [each for each in objects(overlay) if each["kind"] not in FOREIGN]
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(known))
    said = plane.kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "--server-side", "--force-conflicts"),
        *("-f", str(file)),
    )
    assert len(said.splitlines()) == len(known)


def test_the_server_would_have_seen_a_field_that_is_none(plane, tmp_path):
    """That the test above tells something: a misspelt field is refused."""
    (deployment,) = [each for each in objects("bare-metal") if each["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["hostPid"] = True
    file = tmp_path / "deployment.yaml"
    file.write_text(yaml.safe_dump(deployment))
    with pytest.raises(Exception, match="exit status 1") as caught:
        plane.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(file))
    assert "hostPid" in "".join(caught.value.__notes__)


def create(plane, kind, overlay, level):
    """Ask for a pod of the template, as its controller would; nothing is kept."""
    (owner,) = [each for each in objects(overlay) if each["kind"] == kind]
    pod = owner["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = pod["metadata"] | {"name": "asked"}
    plane.api.post(f"/api/v1/namespaces/{LEVELS[level]}/pods?dryRun=All", pod)


def test_the_recommender_is_admitted_where_pods_are_most_restricted(plane):
    create(plane, "Deployment", "bare-metal", "restricted")


def test_the_collector_is_refused_there_for_what_the_documentation_lists(plane):
    """Its folders of the node and its capabilities; "restricted" adds that it is root."""
    with pytest.raises(ApiError) as caught:
        create(plane, "DaemonSet", "bare-metal", "baseline")
    refused = json.loads(str(caught.value).partition(": ")[2])["message"]
    reasons = refused.partition('"baseline:latest": ')[2]
    assert set(re.findall(r"(?:^|, )([a-zA-Z -]+) \(", reasons)) == {
        "non-default capabilities",
        "hostPath volumes",
    }
    named = set(re.findall(r'"([A-Z_]+)"', reasons))
    assert named == {"BPF", "PERFMON", "DAC_READ_SEARCH"}
    listed = (ROOT / "docs" / "install.md").read_text()
    for each in ("hostPath", *sorted(named), "runAsUser"):
        assert f"`{each}`" in listed
    create(plane, "DaemonSet", "bare-metal", "privileged")
