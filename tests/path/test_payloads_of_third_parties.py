"""Every payload of the bundled providers, signed and posted to the running gateway: none fails, none waits."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from payloads import PROVIDERS, needs_payloads, payloads_of
from running import PATIENCE_SECONDS, Running

from gateway.operations import events, sources
from gateway.plugins import Fixture, Plugin, load_plugin, sign

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_payloads]

SECRET = "a-secret-for-tests-7c1f"
AT_ONCE = 16

# What the payloads of a provider leave behind at the least, of the things that matter most there.
LEAVES: dict[str, Counter[str]] = {
    "shopify": Counter(upsertOrder=5, upsertContact=20, addProductsToCart=6, addContactsToList=7),
    "stripe": Counter(upsertContact=10, upsertSupplementRecords=15, createContactactivities=10),
    "github": Counter(createContactactivities=15, upsertSupplementRecords=2),
    "segment": Counter(upsertContact=7, createContactactivities=20, addContactsToList=4),
    "woocommerce": Counter(upsertOrder=7, upsertContact=10),
    "recharge": Counter(upsertContact=5, upsertSupplementRecords=5),
}


async def post(running: Running, plugin: Plugin, payload: Fixture, gate: asyncio.Semaphore) -> dict[str, Any]:
    headers = sign(plugin, payload, SECRET, datetime.now(UTC))
    async with gate:
        answer = await running.http.post(f"/in/all-{plugin.name}", content=payload.body, headers=headers)
    assert answer.status_code == 202, (payload.name, answer.text)
    return {"name": payload.name, **answer.json()}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_payload_is_applied_or_ignored(running: Running, provider: str) -> None:
    plugin, gate = load_plugin(provider), asyncio.Semaphore(AT_ONCE)
    source = f"all-{provider}"
    await sources.add_source(running.op, source, plugin=provider, secrets={"signing_secret": SECRET})
    answers = await asyncio.gather(*(post(running, plugin, payload, gate) for payload in payloads_of(provider)))

    assert {answer["status"] for answer in answers} <= {"queued", "ignored"}
    stored = await settled(running, source, len(answers))
    not_fine = [event for event in stored if event["status"] not in ("applied", "ignored", "duplicate")]
    assert not not_fine, [(event["status"], event["reason"]) for event in not_fine]

    # Samples of one vendor share a few invented delivery ids: those are duplicates, and keep their actions.
    became: Counter[str] = Counter()
    for event in stored:
        full = await events.load_event(running.op, event["id"])
        became.update(action["action"] for action in full["actions"])
    assert became >= LEAVES[provider], became


async def settled(running: Running, source: str, count: int) -> list[dict[str, Any]]:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        stored = await events.list_events(running.op, source=source, limit=1000)
        if len(stored) == count and all(event["status"] != "queued" for event in stored):
            return stored
        assert time.monotonic() < give_up_at, (len(stored), count)
        await asyncio.sleep(0.05)


async def test_a_shopify_order_is_read_back_with_its_contact(running: Running) -> None:
    await sources.add_source(running.op, "one-shopify", plugin="shopify", secrets={"signing_secret": SECRET})
    plugin = load_plugin("shopify")
    (payload, *_) = (payload for payload in payloads_of("shopify") if payload.name == "orders/create")
    answer = await post(running, plugin, payload, asyncio.Semaphore(1))
    event = await running.event(await post_to(running, plugin, payload, "one-shopify"))
    assert answer["status"] == "queued"
    action = next(action for action in event["actions"] if action["action"] == "upsertOrder")
    found = await running.http.get(f"/api/orders/{action['orderID']}?origin=one-shopify", headers=running.admin)
    order = found.json()
    assert (order["status"], len(order["items"])) == (action["status"], len(action["items"]))
    for key, value in action["contact"]["identifiers"].items():
        contact = (await running.contact(key, str(value))).json()
        assert action["orderID"] in [order["order_id"] for order in contact["orders"]]


async def post_to(running: Running, plugin: Plugin, payload: Fixture, source: str) -> str:
    headers = sign(plugin, payload, SECRET, datetime.now(UTC))
    answer = await running.http.post(f"/in/{source}", content=payload.body, headers=headers)
    return str(answer.json()["id"])
