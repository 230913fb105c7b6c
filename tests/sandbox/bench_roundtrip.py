"""Measure one sandbox: requests a second one after the other and pipelined, and what the gateway's side of each costs.

Run it as `python -m tests.sandbox.bench_roundtrip [seconds]`. It prints and asserts nothing.
"""

import asyncio
import base64
import hashlib
import hmac
import sys
import time

import orjson
import uvloop

from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

SECRET = "bench-signing-secret"
LINES = 8
SCRIPT = '''
"""A shop: an order becomes a contact and an order."""

from gateway.toolbox import Ignore, order_item, upsert_contact, upsert_order, verify_shopify


def authenticate(request, context):
    return verify_shopify(request, context.secrets["signing_secret"])


def transform(request, context):
    order = request.json
    customer = order.get("customer") or {}
    contact = {"identifiers": {"email": order.get("email"), "shop_id": customer.get("id")}}
    if not any(contact["identifiers"].values()):
        raise Ignore("an order without a person")
    yield upsert_contact(**contact, attributes={"first_name": customer.get("first_name")})
    yield upsert_order(
        contact=contact,
        order_id=order["id"],
        purchase_date=order["created_at"],
        status=order["financial_status"],
        total_amount=order["total_price"],
        items=[
            order_item(
                str(line["product_id"]), line["sku"], line["name"], qty=line["quantity"], item_price=line["price"]
            )
            for line in order["line_items"]
        ],
    )
'''


def order_body() -> bytes:
    """Write an order of about 5 KB."""
    line = {"product_id": 632910392, "sku": "IPOD2008PINK", "name": "IPod Nano - 8GB", "quantity": 1, "price": "199.00"}
    details = {f"property_{number}": "x" * 24 for number in range(9)}
    order = {
        "id": 820982911946154508,
        "email": "jon@example.com",
        "created_at": "2024-01-02T03:04:05+01:00",
        "financial_status": "paid",
        "total_price": "398.00",
        "customer": {"id": 115310627314723954, "first_name": "John", "city": "Ottawa"},
        "line_items": [line | details for _ in range(LINES)],
    }
    return orjson.dumps(order)


def signed_head(body: bytes) -> bytes:
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = [["content-type", "application/json"], ["x-shopify-hmac-sha256", signature], ["x-webhook-id", "d-1"]]
    head = {"method": "POST", "path": "", "query": "", "url": "https://example.com/in/shop", "headers": headers}
    head |= {"client_ip": "192.0.2.1", "received_at": 1704164645000000, "content_type": "application/json"}
    return orjson.dumps(head)


async def measure(pool: Pool, script: Script, at_once: int, seconds: float) -> None:
    """Keep that many requests in flight for a while; print requests a second and CPU a request."""
    body = order_body()
    head = signed_head(body)
    deadline = time.perf_counter() + seconds
    done = 0
    child_seconds = 0.0

    async def send() -> None:
        nonlocal done, child_seconds
        while time.perf_counter() < deadline:
            outcome = await pool.run(script, head, body, event_id="evt_01HZZZZZZZZZZZZZZZZZZZZZZZ")
            assert outcome.kind == "actions", outcome
            child_seconds += outcome.cpu_seconds
            done += 1

    began, cpu_began = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send() for _ in range(at_once)))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    micros = 1e6 / done
    print(
        f"{at_once:>4} at once  {done / wall:>8,.0f} requests/s   gateway {cpu * micros:>5.1f} µs CPU each   "
        f"child {child_seconds * micros:>5.1f} µs   {wall * micros * at_once:>7.0f} µs until the answer"
    )


async def main(seconds: float) -> None:
    pool = Pool()
    report = await pool.start()
    print(", ".join(f"{layer} {state}" for layer, state in report.items()))
    script = Script("shop", "ver_1", "1", SCRIPT, {"signing_secret": SECRET}, unique_by="header:x-webhook-id")
    began = time.perf_counter()
    await pool.warm(script)
    ready_ms = (time.perf_counter() - began) * 1e3
    print(f"first child of a source ready in {ready_ms:.1f} ms; body {len(order_body())} bytes")
    for at_once in (1, 4, 16, 32, 128):
        await measure(pool, script, at_once, seconds)
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0))
