"""The scrape of docs/dashboards.md: Prometheus takes it, and labels come out as the panels want."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from collector.settings import ServiceSettings
from recommender.settings import PageSettings
from tests.testbed.part import require_program

PAGE = Path(__file__).parents[2] / "docs" / "dashboards.md"


@pytest.fixture
def text():
    (found,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return found


def test_promtool_has_no_complaint(text, tmp_path):
    """But for the discovery of pods, which Debian's promtool is built without."""
    path = tmp_path / "prometheus.yml"
    for namespace in ("joulefit", "joulefit-collector"):
        found = f"- {{role: pod, namespaces: {{names: [{namespace}]}}}}"
        assert text.count(found) == 1
        text = text.replace(found, "- {targets: [localhost:9402]}")
    path.write_text(text.replace("kubernetes_sd_configs", "static_configs"))
    command = [str(require_program("promtool")), "check", "config", "--syntax-only", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_ports_are_those_that_the_programs_listen_on(text):
    jobs = yaml.safe_load(text)["scrape_configs"]
    kept = {job["job_name"]: job["relabel_configs"][0]["regex"] for job in jobs}
    assert kept == {
        "joulefit-collector": ServiceSettings().listen.rpartition(":")[2],
        "joulefit": PageSettings().listen.rpartition(":")[2],
    }


def test_labels_of_containers_win_and_the_node_is_a_label_of_the_collector(text):
    jobs = yaml.safe_load(text)["scrape_configs"]
    assert all(job["honor_labels"] for job in jobs)
    targets = [rule.get("target_label") for rule in jobs[0]["relabel_configs"]]
    assert "node" in targets
