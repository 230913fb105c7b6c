"""Measure what a source notices of others that burn: its answers alone, and beside scripts that loop, fill and crash.

Run it as `python -m tests.sandbox.bench_neighbours [seconds]`. It prints and asserts nothing.
"""

import asyncio
import sys
import time

import uvloop

from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script
from tests.sandbox.bench_roundtrip import SCRIPT, SECRET, order_body, signed_head

YES = "def authenticate(request, context):\n    return True\n"
BURNERS = {
    "loop": "def transform(request, context):\n    while True: pass\n",
    "fill memory": "def transform(request, context):\n    kept = []\n    while True: kept.append(bytes(1 << 20))\n",
    "work for 100 ms": "def transform(request, context):\n    return [{'n': sum(range(10_000_000))}]\n",
}
POSTERS = 4
BURNERS_OF_A_KIND = 4
THINK_SECONDS = 0.002


async def load(pool: Pool, script: Script, seconds: float) -> list[float]:
    body = order_body()
    head = signed_head(body)
    end_at = time.perf_counter() + seconds
    took: list[float] = []

    async def post() -> None:
        while (began := time.perf_counter()) < end_at:
            await pool.run(script, head, body, event_id="evt_01HZZZZZZZZZZZZZZZZZZZZZZZ")
            took.append(time.perf_counter() - began)
            await asyncio.sleep(THINK_SECONDS)

    await asyncio.gather(*(post() for _ in range(POSTERS)))
    return sorted(took)


async def burn(pool: Pool, script: Script) -> None:
    """Post again and again, as if a person lifted every backoff at once."""
    while True:
        pool.lift(script.source)
        await pool.run(script, signed_head(b"{}"), b"{}", event_id="evt_01HZZZZZZZZZZZZZZZZZZZZZZZ")


def show(title: str, took: list[float]) -> None:
    p50, p99 = (took[len(took) * share // 100] * 1e3 for share in (50, 99))
    print(
        f"{title:<28}{len(took):>7} answers   p50 {p50:>6.2f} ms   p99 {p99:>6.2f} ms   worst {took[-1] * 1e3:>6.2f} ms"
    )


async def main(seconds: float) -> None:
    pool = Pool()
    await pool.start()
    script = Script("neighbour", "ver_1", "1", SCRIPT, {"signing_secret": SECRET})
    await load(pool, script, 0.5)
    show("alone", await load(pool, script, seconds))
    for name, text in BURNERS.items():
        scripts = [Script(f"{name}-{n}", "ver_1", "1", YES + text) for n in range(BURNERS_OF_A_KIND)]
        burners = [asyncio.create_task(burn(pool, each)) for each in scripts]
        await asyncio.sleep(0.2)
        show(f"beside {BURNERS_OF_A_KIND} that {name}", await load(pool, script, seconds))
        for task in burners:
            task.cancel()
        await asyncio.gather(*burners, return_exceptions=True)
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0))
