"""PromQL as the panels ask it, and the selectors that all of them share.

Series of the collector carry the label `node`, which its scrape adds, and their own `namespace`,
`pod` and `container` (honorLabels). A store that holds several clusters has `cluster` too; where
there is none `.*` selects what has no such label.
"""

from __future__ import annotations

from dataclasses import dataclass

RATE = "[$__rate_interval]"
IN_CLUSTER = 'cluster=~"$cluster"'
IN_NAMESPACE = f'{IN_CLUSTER}, namespace=~"$namespace"'
OF_WORKLOAD = f'{IN_NAMESPACE}, workload=~"$workload"'
OF_CONTAINER = f'{OF_WORKLOAD}, container=~"$container"'
ON_NODE = f'{IN_CLUSTER}, node=~"$node"'
OF_POOL = f'{IN_CLUSTER}, pool=~"$pool"'

ATTRIBUTED = "joulefit_(container|system|unattributed)_energy_joules_total"
"""All that the energy of a charged zone was charged to, nobody included."""


@dataclass(frozen=True)
class Query:
    """One query of a panel; `legend` names its series as Grafana's {{label}} notation does.

    `unit` is that of its column, where it is one of a table.
    """

    expression: str
    legend: str = ""
    unit: str = ""


def recommender(name: str, selector: str = IN_CLUSTER, **labels: str) -> str:
    """A selector of one of the service's metrics, by its name without the prefix."""
    parts = [selector, *(f'{label}="{value}"' for label, value in labels.items())]
    return f"joulefit_recommender_{name}{{{', '.join(parts)}}}"


def collector(name: str, selector: str = IN_CLUSTER) -> str:
    """A selector of one of the collector's metrics, by its name without the prefix."""
    return f"joulefit_{name}{{{selector}}}"


def rate(selector: str) -> str:
    """Increase per second over the interval that Grafana finds fitting: of joules, watts."""
    return f"rate({selector}{RATE})"


def node_watts(selector: str, by: str) -> str:
    """Power of nodes by their outermost zones: platform, else psys, else packages, DRAM and GPUs.

    Zones lie inside each other; adding all of them would count joules twice.
    """
    kinds = ("platform", "psys", "package|dram|gpu")
    parts = (
        f"sum by ({by}) ("
        + rate(collector("node_energy_joules_total", f'{selector}, zone=~"{kind}"'))
        + ")"
        for kind in kinds
    )
    return " or ".join(parts)
