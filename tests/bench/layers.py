"""Layers: what each layer of the sandbox costs. The same script behind the whole wall, and behind it without one layer.

The product has no switch for a layer, save the fence (for tests). Here a fork server is told to leave one
out, by a line before its program begins; it is the same program otherwise. What stays in every row: the
process of its own, the wire, the watchdog, the self-test (it passes, as long as seccomp is there). The last
row has no layer at all: what is left is the price of the other process and of the script itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from gateway.sandbox import forkserver
from gateway.sandbox.pool import Pool
from tests.bench.alone import load_one, shopify_script
from tests.bench.births import time_first_requests
from tests.bench.figures import Row

WHOLE, FENCE, NONE = "wall", "fence", "none"
AT_ONCE = 32

# layer: the functions whose work is left out, with what they answer instead
_LEFT_OUT = {
    "seccomp": {"seccomp.unavailable_because": "'left out'"},
    "landlock": {"landlock.deny_everything": "'off: left out'"},
    "limits": {"lockdown._limit_resources": "'off: left out'"},
    "user": {"lockdown._become_nobody": "'off: left out'"},
    "network": {"lockdown.isolate_network": "'off: left out'"},
    "not-dumpable": {"lockdown._hide_memory": "'off: left out'"},
}


def rows() -> list[Row]:
    """Give two rows a variant: warm under load, and the first request of a source."""
    titles = {WHOLE: "the whole sandbox", FENCE: "… without the fence (RestrictedPython)"}
    titles |= {layer: f"… without {layer}" for layer in _LEFT_OUT}
    titles |= {NONE: "… without any of them"}
    warm = [Row(f"layer-{name}", f"{title}, warm, {AT_ONCE} at once") for name, title in titles.items()]
    return warm + [Row(f"birth-{name}", f"{title}, first request") for name, title in titles.items()]


def measure(row: Row, seconds: float) -> None:
    kind, _, name = row.name.partition("-")
    with _without(name):
        uvloop.run(_measure(row, seconds, is_fenced=name not in (FENCE, NONE), is_warm=kind == "layer"))


async def _measure(row: Row, seconds: float, *, is_fenced: bool, is_warm: bool) -> None:
    pool = Pool(is_fenced=is_fenced)
    report = await pool.start()
    row.note = ", ".join(f"no {layer}" for layer, state in report.items() if state != "on")
    try:
        if is_warm:
            await load_one(row, pool, shopify_script(), AT_ONCE, seconds)
        else:
            await time_first_requests(row, pool)
    finally:
        await pool.close()


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Have the fork servers that start meanwhile leave a layer out, or all of them."""
    layers = _LEFT_OUT.values() if name == NONE else [_LEFT_OUT.get(name, {})]
    changes = {target: answer for layer in layers for target, answer in layer.items()}
    whole = forkserver._PROGRAM
    forkserver._PROGRAM = _prelude(changes) + whole
    try:
        yield
    finally:
        forkserver._PROGRAM = whole


def _prelude(changes: dict[str, str]) -> str:
    """Write the line that replaces functions by answers. One that is gone stops the fork server: no false figure."""
    begin = "import sys; sys.path.insert(0, sys.argv[1]); from gateway.sandbox import landlock, lockdown, seccomp; "
    return begin + "".join(f"{target}; {target} = lambda *_: {answer}; " for target, answer in changes.items())
