"""What Grafana makes of a dashboard's queries: variables filled in, one request for each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import requests

from manifests.dashboards.fault import list_panels

FOLDER = Path(__file__).parents[2] / "manifests" / "dashboards"
NAMES = ("efficiency", "workload", "nodes", "operations")
STEP = 60


def load(name):
    return json.loads((FOLDER / f"joulefit-{name}.json").read_text())


PAGES = {name: load(name) for name in NAMES}


def panels():
    """All of all dashboards, without rows, each with the name of its own."""
    return [
        panel | {"page": name}
        for name, page in PAGES.items()
        for panel in list_panels(page)
        if panel["type"] != "row"
    ]


def name_panel(value):
    return f"{value['page']}, {value['title']}" if isinstance(value, dict) else str(value)


def fill(text, variables):
    """The text with the values of the variables, as Grafana's Prometheus data source does it."""
    own = {"__rate_interval": "5m", "__interval": "1m", "__range": "1h"}

    def replace(match):
        return (own | variables)[match[1]]

    return re.sub(r"\$\{?(\w+)\}?", replace, text)


@dataclass
class Store:
    """The HTTP API that both Prometheus and VictoriaMetrics have."""

    url: str
    end: float

    def _get(self, path, **parameters):
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=60)
        document = reply.json()
        assert document["status"] == "success", f"{parameters}: {document.get('error')}"
        return document["data"]

    def ask(self, expression):
        """Labels and value of each series at the end."""
        data = self._get("query", query=expression, time=self.end)
        return [(each["metric"], float(each["value"][1])) for each in data["result"]]

    def watch(self, expression):
        """Labels and newest value of each series of the last half hour."""
        data = self._get(
            "query_range", query=expression, start=self.end - 1800, end=self.end, step=STEP
        )
        return [(each["metric"], float(each["values"][-1][1])) for each in data["result"]]

    def number(self, expression):
        """The only value."""
        ((_, value),) = self.ask(expression)
        return value

    def offer(self, variable, variables):
        """The values of a query variable."""
        query = variable["query"]["query"]
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        selector, label = fill(match[1], variables), match[2]
        return self._get(f"label/{label}/values", **{"match[]": selector})
