"""The article's test on real parts: who causes the energy is charged with it, and nobody else."""

import time
from types import SimpleNamespace

import pytest

from tests.collector.real.control import Burner
from tests.collector.real.law import LAW, WATTS_PER_CPU
from tests.collector.real.process import ZONES
from tests.testbed.pod import BURN, container, pod

IDLE_PODS = [f"idle-{number}" for number in range(9)]
BURNT_SECONDS = 8.0
MINUTE = 60
CONTAINER = "joulefit_container_energy_joules_total"


@pytest.fixture(scope="module")
def ten_pods(node, collector, prometheus):
    """Nine that do nothing and one that burns, at rest, all of them known by name."""
    with node.namespace("ten") as namespace:
        wanted = [
            pod(name, container(cpu_request="50m"), namespace=namespace) for name in IDLE_PODS
        ]
        burning = container(command=BURN, cpu_request="100m")
        wanted.append(pod("burner", burning, namespace=namespace))
        node.apply(wanted)
        items = [node.wait_ready(each["metadata"]["name"], namespace=namespace) for each in wanted]
        burner = Burner(node.container_cgroup(items[-1]))
        collector.wait_named(items)
        yield SimpleNamespace(
            namespace=namespace, burner=burner, prometheus=prometheus, named_at=time.time()
        )


def joules(scrape, namespace, pods, **labels):
    return sum(scrape.total(CONTAINER, namespace=namespace, pod=name, **labels) for name in pods)


def test_the_burner_is_charged_its_part_and_its_neighbours_nothing(collector, ten_pods):
    first = collector.scrape_next()
    quiet_until = first.at + BURNT_SECONDS
    second = collector.wait_for(lambda scrape: scrape.at >= quiet_until, "a quiet while")
    burnt = ten_pods.burner.burn(BURNT_SECONDS)
    third = collector.scrape_next()

    def risen(pods, **labels):
        """Joules of the burning while beyond those of a quiet while as long."""
        before, between, after = (
            joules(scrape, ten_pods.namespace, pods, **labels) for scrape in (first, second, third)
        )
        length = (third.at - second.at) / (second.at - first.at)
        return after - between - (between - before) * length

    bump = WATTS_PER_CPU * burnt
    assert risen(["burner"], part="dynamic") == pytest.approx(bump, rel=0.03)
    assert abs(risen(IDLE_PODS)) < 0.01 * bump
    assert [third.imbalance(zone) for zone in ZONES] == [0, 0]


def test_idle_power_is_that_of_the_law_however_busy_the_machine_is(collector):
    scrape = collector.scrape()
    for zone, its_law in LAW.items():
        watts = scrape.total("joulefit_node_idle_watts", zone=zone)
        assert watts == pytest.approx(its_law.idle_watts, rel=0.03)


def test_the_rates_of_all_who_are_charged_are_the_rate_of_the_meter(collector, ten_pods):
    store, end = ten_pods.prometheus, ten_pods.named_at + MINUTE + 2.0
    collector.wait_for(lambda scrape: scrape.at > end + 2.0, "a minute of scrapes", seconds=90.0)

    def watts(series, **labels):
        matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
        (found,) = store.query(f"sum(rate({series}{{{matchers}}}[{MINUTE}s]))", end).values()
        return found

    scrapes = store.query(f"count_over_time(joulefit_node_info[{MINUTE}s])", end)
    assert min(scrapes.values()) > 0.8 * MINUTE
    for zone, its_law in LAW.items():
        charged = sum(
            watts(f"joulefit_{who}_energy_joules_total", zone=zone)
            for who in ("container", "system", "unattributed")
        )
        meter = watts("joulefit_node_energy_joules_total", zone=zone)
        assert meter > its_law.idle_watts
        assert charged == pytest.approx(meter, rel=0.01)
