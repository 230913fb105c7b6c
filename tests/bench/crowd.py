"""Crowd: five hundred sources at once, each with its own script in its own child, through the whole gateway.

Beside one source with the same load. First each source's first request, one by one, through HTTP: a cold
source's sender waits that long. Then all at once; at last on half as many children as sources, where every
request finds that its child was sent home for another: the worst that can be asked of the pool.
"""

import http.client
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import chain

from tests.bench import orders
from tests.bench.figures import Row
from tests.bench.load import post
from tests.bench.memory import resident_mib, sandbox_mib
from tests.bench.processes import cpu_seconds
from tests.bench.product import Product, product

SOURCES = 500
ONE, COLD, ALL, CHURN = "crowd-one", "crowd-cold", "crowd", "crowd-churn"
CHILDREN_MAX = {ONE: 256, ALL: 600, CHURN: 250}


def rows() -> list[Row]:
    return [
        Row(ONE, "one source"),
        Row(COLD, f"{SOURCES} sources, the first request of each, one by one"),
        Row(ALL, f"{SOURCES} sources, 32 connections, all children alive"),
        Row(CHURN, f"{SOURCES} sources on {CHILDREN_MAX[CHURN]} children"),
    ]


def measure(rows: Sequence[Row], seconds: float) -> None:
    one, cold, everybody, churn = rows
    names = [f"shop-{number}" for number in range(SOURCES)]
    _load(one, names[:1], seconds)
    _load(everybody, names, seconds, cold)
    _load(churn, names, seconds)


def _load(row: Row, names: Sequence[str], seconds: float, cold: Row | None = None) -> None:
    with product(sources=names, sandbox_children_max=CHILDREN_MAX[row.name]) as running, running.stack:
        gateway = running.start_gateway()
        times = _post_first(running, names)
        if cold is not None:
            cold.note_times(times)
        each = SOURCES // len(names)
        requests = chain.from_iterable(orders.templates(f"/in/{name}", each) for name in names)
        cpu = cpu_seconds(gateway.pid)
        load = post(running.port, list(requests), seconds)
        load.note(row, cpu_seconds(gateway.pid) - cpu)
        count, mib = sandbox_mib(gateway.pid)
        if mib is not None:
            row.mib.append(mib)
        row.note = f"{count} children, gateway {resident_mib(gateway.pid) or 0:.0f} MiB"


def _post_first(running: Product, names: Sequence[str]) -> list[float]:
    """Post one order to each source; give how long each sender waited."""
    took = []
    with closing(http.client.HTTPConnection("127.0.0.1", running.port)) as gateway:
        for number, name in enumerate(names):
            body = orders.order(number)
            began = time.perf_counter()
            gateway.request("POST", f"/in/{name}", body, orders.headers(body, f"first-{name}"))
            answer = gateway.getresponse()
            answer.read()
            took.append(time.perf_counter() - began)
            if answer.status != 202:
                raise RuntimeError(f"{name} answered {answer.status}")
    return took
