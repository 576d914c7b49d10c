"""Histories, pools and workloads of round numbers.

The server draws 100 W + 200 W x U with 50 cores: a busy core takes 4 W, so standard work counts
an unserved core 5 x 4 = 20 W, critical work 200 W and batch work 6 W.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec.structs import replace

from recommender.energy.ceiling import Ceiling
from recommender.energy.curve import NodeCurve
from recommender.energy.nodeclass import ClassEnergy
from recommender.energy.price import Binding, Price
from recommender.model.cluster import Amounts, ContainerSpec, Node, NodeLoad, Vpa, Workload
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.settings import SizingSettings
from recommender.simulator.reduction import reduce_samples, stack_histories
from recommender.sizing.demand import estimate_demand
from recommender.sizing.pool import Pool, PoolShare
from recommender.sizing.terms import Terms
from recommender.sizing.workload import size_workload

MIB = 2**20
GIB = 2**30
WEB = WorkloadRef("shop", "Deployment", "web")
DEFAULTS = SizingSettings()


def usage_of(containers, *, days=8.0, step=300, oom_bytes=math.nan, ref=WEB):
    """History of name -> (cpu, memory), each broadcast to [pods, bins]; NaN is no sample."""
    grid = TimeGrid(end=86400 * 20_000, bins=round(days * 86400 / step), step=step)
    rows = {}
    for name, (cpu, memory) in containers.items():
        pods = max(np.ndim(cpu) and np.atleast_2d(cpu).shape[0], 1)
        shape = (pods, grid.bins)
        rows[ContainerRef(ref, name)] = reduce_samples(
            grid,
            np.broadcast_to(cpu, shape).astype(np.float32),
            np.broadcast_to(memory, shape).astype(np.float32),
            oom_bytes=oom_bytes,
        )
    return stack_histories(grid, rows)


def demand_of(cpu=0.2, memory=GIB, **more):
    """`ContainerDemand` of one container."""
    return estimate_demand(usage_of({"app": (cpu, memory)}, **more)).of(ContainerRef(WEB, "app"))


def ramp(low, high, *, days=8.0):
    """Each day from low to high in a straight line: quantile p is low + p (high - low)."""
    return np.tile(low + (high - low) * (np.arange(288) + 0.5) / 288, round(days))


def terms_for(work_class="standard", **changes):
    multiple = {"critical": 50.0, "standard": 5.0, "batch": 1.5}[work_class]
    plain = Terms(
        reserved=1.4,
        reserved_low=1.3,
        reserved_high=1.5,
        shortfall=4.0 * multiple,
        used=4.0,
        utilisation=0.4,
        planned=0.8,
        work_class=work_class,
    )
    return replace(plain, **changes)


def energy_of(
    *, price=1.4, spread=0.1, factor=1.0, quality="measured", utilisation=0.4, planned=0.8
):
    return ClassEnergy(
        curve=NodeCurve(cores=50.0, base=100.0, linear=200.0, quality=quality),
        price=Price(
            watts_per_core=price,
            low=max(price - spread, 0.0),
            high=price + spread,
            intercept_watts=100.0,
            utilisation=utilisation,
            packing=0.7,
            cores=50.0,
            reason="a test says so",
        ),
        binding=Binding(factor, 0.9 + 0.2 * factor, "a test says so"),
        ceiling=Ceiling(planned, None, "a test says so"),
        mean_watts=180.0,
        replicates=None,
        reasons=(),
    )


def pool_of(name="nodes", **energy):
    return Pool(
        name=name,
        nodes=(Node("a", 50.0, 200 * GIB),),
        cpu_model="",
        reach="platform",
        reserved=NodeLoad(35.0, 100 * GIB),
        used_cores=20.0,
        energy=energy_of(**energy),
        reasons=(),
    )


def spec_of(name="app", *, cpu=1500, memory=2 * GIB, limits=(None, None), oom_killed=False):
    return ContainerSpec(name, Amounts(cpu, memory), Amounts(*limits), oom_killed)


def workload_of(*specs, **changes):
    plain = Workload(WEB, specs or (spec_of(),), replicas=3, pods_on={"a": 3})
    return replace(plain, **changes)


def vpa_of(*policies, **changes):
    plain = Vpa("shop", "web", generation=1, target=WEB, policies=policies)
    return replace(plain, **changes)


def size(usage, *, vpa=None, workload=None, pool=None, settings=DEFAULTS, **more):
    """The report of a workload and its skipped rows, in a pool of the plain server."""
    return size_workload(
        workload or workload_of(),
        vpa=vpa,
        demand=estimate_demand(usage),
        settings=settings,
        **({"pools": (PoolShare(pool or pool_of(), 3),), "with_curve": False} | more),
    )


def size_app(usage, **more):
    """The report of its only container."""
    report, skipped = size(usage, **more)
    assert not skipped
    (container,) = report.containers
    return container


def step_of(container, name):
    """The reason with this name; None without one."""
    return next((reason for reason in container.reasons if reason.step == name), None)
