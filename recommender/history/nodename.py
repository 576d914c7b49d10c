"""Which node a series is about: exporters name it in seven ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.history.client import RangeQuery
from recommender.history.reply import decode_labels
from recommender.history.schema import INFO, is_model
from recommender.history.selector import match_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid

# Surest first. `exported_instance` is what Kepler up to 0.9 wrote where the scrape did not
# honour it; `instance` is a node's name in many scrape configurations, else its address.
_LOOKS = 8  # times at which information is looked at, beside the end: it seldom changes
_NAME_LABELS = ("node", "node_name", "nodename", "exported_node", "kubernetes_node")
_ADDRESS_LABELS = ("exported_instance", "instance")

INFO_LABELS = (
    "__name__",
    *_NAME_LABELS,
    *_ADDRESS_LABELS,
    "internal_ip",
    "model_name",
    "cpu_model",
    "components_power_source",
)


def plan_infos(grid: TimeGrid) -> RangeQuery:
    """What information series say of nodes, nodes that are gone included."""
    step = -(-grid.bins // _LOOKS) * grid.step
    points = -(-grid.bins * grid.step // step)
    query = f"group by ({','.join(INFO_LABELS)}) ({match_names(INFO)})"
    return RangeQuery(query, grid.end - points * step, grid.end, step)


class NodeNames:
    """Names of nodes from labels: Kubernetes' own where they are known.

    `known` are the cluster's nodes, None where nobody knows them. What `after` has learnt is
    known here too.
    """

    def __init__(self, known: frozenset[str] | None, *, after: NodeNames | None = None) -> None:
        self._known = known
        self.aliases: dict[str, str] = dict(after.aliases) if after else {}
        self.cpu_models: dict[str, str] = dict(after.cpu_models) if after else {}
        self.modelled: set[str] = set(after.modelled) if after else set()
        self.strangers: set[str] = set()
        for name in sorted(known or ()):
            self._alias(name, name)

    def learn(self, matrix: Matrix) -> None:
        """Addresses, CPU models and estimated meters from information series."""
        infos = [decode_labels(metric) for metric in matrix.metrics]
        for labels in infos:
            self._learn_addresses(labels)
        for labels in infos:
            node = self.find(labels)
            model = labels.get("model_name") or labels.get("cpu_model")
            if node and model:
                self.cpu_models.setdefault(node, " ".join(model.split()))
            if node and is_model(labels.get("components_power_source", "")):
                self.modelled.add(node)

    def find(self, labels: Mapping[str, str]) -> str | None:
        """The node of a series; None for one that is no node of the cluster."""
        names = [labels[label] for label in _NAME_LABELS if labels.get(label)]
        addresses = [labels[label] for label in _ADDRESS_LABELS if labels.get(label)]
        for text in (*names, *addresses):
            for spelling in _spellings(text):
                if self.aliases.get(spelling):
                    return self.aliases[spelling]
        likeliest = next(iter((*names, *map(_host, addresses))), None)
        if self._known is None or likeliest is None:
            return likeliest
        self.strangers.add(likeliest)
        return None

    def _learn_addresses(self, labels: Mapping[str, str]) -> None:
        name = next((labels[label] for label in _NAME_LABELS if labels.get(label)), None)
        if name is None:
            return
        if self._known is not None:
            name = next((self.aliases[s] for s in _spellings(name) if s in self.aliases), "")
        if not name:
            return
        self._alias(name, name)
        # An address of kube-state-metrics is its own; what it says of the node is `internal_ip`.
        is_own = labels.get("__name__", "").startswith("kube_")
        addresses = ("internal_ip",) if is_own else ("internal_ip", *_ADDRESS_LABELS)
        for label in addresses:
            if labels.get(label):
                self._alias(labels[label], name)

    def _alias(self, text: str, name: str) -> None:
        """Let a text and its other spellings mean a node; what would mean two means none."""
        for spelling in _spellings(text):
            if spelling == name or self.aliases.setdefault(spelling, name) == name:
                self.aliases[spelling] = name
            elif self.aliases[spelling] != spelling:
                self.aliases[spelling] = ""


def _spellings(text: str) -> Iterable[str]:
    """A name as it is, without a port, and without its domain unless it is an address."""
    yield text
    host = _host(text)
    if host != text:
        yield host
    short = host.partition(".")[0]
    if short and not short.isdecimal() and ":" not in host and short != host:
        yield short


def _host(text: str) -> str:
    """Without the port."""
    host, colon, port = text.rpartition(":")
    return host.strip("[]") if colon and port.isdecimal() and host else text
