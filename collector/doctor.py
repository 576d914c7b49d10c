"""One look at a node: what works, what is missing, what to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from collector.assembly import build_agent
from collector.health import describe, judge_readiness
from collector.probes.program import missing_capabilities
from collector.settings import ServiceSettings

if TYPE_CHECKING:
    from collector.settings import IdentitySettings, MeterSettings, ProbeSettings

LOOK_SECONDS = 1.0


def examine(
    meter: MeterSettings, probe: ProbeSettings, identity: IdentitySettings
) -> tuple[str, bool]:
    """The page of the running collector after one interval, and whether it would be ready.

    Raises as `build_agent`.
    """
    agent = build_agent(meter, probe, identity, ServiceSettings(interval=LOOK_SECONDS))
    try:
        agent.collect()
        time.sleep(LOOK_SECONDS)
        agent.collect()
    finally:
        agent.close()
    status = agent.status()
    lacking = missing_capabilities()
    text = describe(status, now=time.time())
    if lacking:
        text += f"  lacking     {', '.join(lacking)}: add them to the container's securityContext\n"
    return text, judge_readiness(status).is_good
