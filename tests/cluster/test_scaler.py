"""What a HorizontalPodAutoscaler says of CPU."""

import msgspec
import pytest

from recommender.cluster.manifest import Hpa
from recommender.cluster.scaler import find_cpu_scalers
from recommender.model.cluster import CpuScaler
from recommender.model.identity import WorkloadRef

WEB = WorkloadRef("shop", "Deployment", "web")
UTILISATION = {"type": "Utilization", "averageUtilization": 60}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": UTILISATION}}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": UTILISATION}}
QUEUE = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"value": "3"}}}
ONE_CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {"name": "cpu", "container": "app", "target": UTILISATION},
}
AMOUNT = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "500m"}},
}


def hpa(*metrics, name="web", target="web", **spec):
    made = {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": target},
            "maxReplicas": 10,
            "metrics": list(metrics),
            **spec,
        },
    }
    return msgspec.json.decode(msgspec.json.encode(made), type=Hpa)


def scaler_of(*hpas):
    found = find_cpu_scalers(hpas).get(WEB)
    return found and found.scaler


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        pytest.param([CPU], CpuScaler(0.6, most=10), id="utilisation of the pods"),
        pytest.param([ONE_CONTAINER], CpuScaler(0.6, "app", most=10), id="of one container"),
        pytest.param([AMOUNT], CpuScaler(None, most=10), id="an amount of cores"),
        pytest.param([MEMORY, CPU], CpuScaler(0.6, most=10, is_alone=False), id="memory too"),
        pytest.param([CPU, QUEUE], CpuScaler(0.6, most=10, is_alone=False), id="a queue too"),
        pytest.param([MEMORY], None, id="memory only"),
        pytest.param([], None, id="nothing"),
    ],
)
def test_the_metric_on_cpu_is_read(metrics, expected):
    assert scaler_of(hpa(*metrics)) == expected


def test_replicas_are_between_one_and_the_most_where_no_least_is_given():
    assert scaler_of(hpa(CPU, minReplicas=3)) == CpuScaler(0.6, least=3, most=10)
    assert scaler_of(hpa(CPU, minReplicas=0)) == CpuScaler(0.6, least=0, most=10)
    assert scaler_of(hpa(CPU)) == CpuScaler(0.6, least=1, most=10)


def test_of_several_on_one_workload_the_first_on_cpu_is_named_and_is_not_alone():
    for others in ([hpa(MEMORY, name="a"), hpa(CPU, name="b")], [hpa(CPU, name="b"), hpa(CPU)]):
        found = find_cpu_scalers(others)[WEB]
        assert (found.name, found.scaler.is_alone) == ("b", False)


def test_a_target_that_makes_no_sense_is_no_utilisation():
    none = {"type": "Resource", "resource": {"name": "cpu"}}
    zero = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 0}}}
    for metric in (none, zero):
        assert scaler_of(hpa(metric)).utilisation is None


def test_each_workload_has_its_own():
    found = find_cpu_scalers([hpa(CPU), hpa(ONE_CONTAINER, name="b", target="api")])
    assert {ref.name: named.name for ref, named in found.items()} == {"web": "web", "api": "b"}
