"""Proof: the wall is tried before anything runs behind it.

Takes a way to have bare children, runs the probes of the self-test in them, gives the layers that the
children report. Raises where a probe succeeds although the wall is said to stand: a sandbox that lies
about itself does not open.

The whole wall, without which strict mode does not start, is no_new_privs, seccomp, the limits, and a self-test
that held: with these a process that runs plain Python has one socket and its own bounded memory. Landlock, the
user nobody and an own network say the same a second time where kernel and privilege give them, and
are never needed.
"""

from collections.abc import Awaitable, Callable

from gateway.errors import SandboxUnavailable
from gateway.sandbox.channel import Channel
from gateway.sandbox.limits import POOLED_BODY_BYTES_MAX, Limits
from gateway.sandbox.selftest import PROBES

SandboxReport = dict[str, str]

WALL = ("no_new_privs", "limits", "seccomp", "self_test")


def missing_of_wall(report: SandboxReport) -> list[str]:
    """Name the layers that the whole wall lacks, each with the reason."""
    return [f"{layer} is {report.get(layer, 'not reported')}" for layer in WALL if report.get(layer) != "on"]


def missing_layers(report: SandboxReport) -> list[str]:
    """Name all that is missing where the wall is not whole: what else is off would have stood in for it."""
    if not (missing := missing_of_wall(report)):
        return []
    others = (f"{layer} is {state}" for layer, state in report.items() if layer not in WALL and state != "on")
    return [*missing, *others]


def require_wall(report: SandboxReport) -> None:
    """Raise SandboxUnavailable unless the whole wall stands."""
    if missing := missing_of_wall(report):
        raise SandboxUnavailable(f"HOOKWRIGHT_SANDBOX=strict wants the whole wall: {'; '.join(missing)}")


async def prove_wall(bear: Callable[[Limits, int], Awaitable[Channel]]) -> SandboxReport:
    """Run every probe; give the layers, with `self_test`."""
    channel = await bear(Limits(), POOLED_BODY_BYTES_MAX)
    layers = channel.layers.result()
    if layers.get("seccomp") != "on":
        channel.close()
        return layers | {"self_test": "off: without seccomp there is no wall to test"}
    broken: list[str] = []
    try:
        for name in PROBES:
            if not channel.is_open:
                channel = await bear(Limits(), POOLED_BODY_BYTES_MAX)
            answer = await channel.probe(name)
            if answer is not None and type(answer.get("refused")) is not str:
                broken.append(name)
    finally:
        channel.close()
    if broken:
        raise SandboxUnavailable(f"the sandbox does not hold: a child could {', '.join(broken)}")
    return layers | {"self_test": "on"}
