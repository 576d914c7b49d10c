"""What the road is walked on: two Deployments with their VPAs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.load import HELD
from tests.testbed.pod import container, deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A Deployment that asks for `request` millicores and uses `cores`."""

    name: str
    request: int
    cores: float


# In the middle of buckets of the stock rule, 0.0431 ... 0.0553 and 0.1960 ... 0.2158.
CASES = (
    Case("roomy", request=800, cores=0.049),
    Case("tight", request=50, cores=0.206),
)


def list_deployments(namespace: str) -> Iterator[Object]:
    for case in CASES:
        held = container(command=HELD, cpu_request=f"{case.request}m", memory_request="64Mi")
        yield deployment(case.name, held, namespace=namespace)


def list_vpas(namespace: str) -> Iterator[Object]:
    """For each Deployment an EnergyProfile and a VPA, which names joulefit and changes nothing."""
    for case in CASES:
        metadata = {"name": case.name, "namespace": namespace}
        yield {
            "apiVersion": "joulefit.io/v1alpha1",
            "kind": "EnergyProfile",
            "metadata": metadata,
            "spec": {"workClass": "standard"},
        }
        yield {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": "VerticalPodAutoscaler",
            "metadata": metadata,
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": case.name},
                "recommenders": [{"name": "joulefit"}],
                "updatePolicy": {"updateMode": "Off"},
            },
        }
