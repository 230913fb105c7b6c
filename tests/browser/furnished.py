"""A house full of hostile texts: in every place that somebody else can write to, and the addresses that show them.

Takes a running product; gives for every parameter of an address something that is really there.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
from product import Product

from gateway.config import load_settings
from gateway.operations import drafts, fixtures, keys, scripts, secrets, sources, users
from gateway.operations.bulk import bulk_create
from gateway.operations.events import load_event
from gateway.operations.issues import acknowledge_issue, list_issues
from gateway.operations.operator import Operator, open_operator
from gateway.operations.searching import EventFilter
from gateway.operations.settings import change_settings
from gateway.operations.trial_requests import find_request

# Elements, attributes, addresses, templates of three kinds, writing from right to left, an end of a text, no blank.
EVIL = (
    "\"'><script>alert(1)</script><svg onload=alert(1)><img src=x onerror=alert(1)><iframe srcdoc=x></iframe>"
    "</textarea></title>javascript:alert(1){{7*8641}}${7*8641}<%=7*8641%>\u202eevil\u2066\ufeff"
)
SHORT = "\"'><img src=x onerror=alert(1)>{{7*8641}}"
LONG = "L" * 100_000
CONTROL = "\u0000\u0001\u0007\u001b[31m\u0085\u2028"
WORD = "sesame-open"
PATIENCE_SECONDS = 30
SCRIPT = f'''"""{EVIL.partition("<%")[0]}"""

from gateway.toolbox import Ignore, add_contacts_to_list, order_item, upsert_contact, upsert_order


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    said = request.json
    context.log(request.text)
    if said["kind"] == "ignore":
        raise Ignore(said["evil"])
    if said["kind"] == "fail":
        raise ValueError(said["evil"])
    who = {{"email": "evil@example.com", "evil_id": said["evil"]}}
    yield upsert_contact(identifiers=who, attributes={{said["evil"]: said["evil"], "long": said["long"]}})
    yield add_contacts_to_list(contacts={{"identifiers": who}}, list_name=said["evil"])
    yield upsert_order(
        contact={{"identifiers": who}}, order_id=said["evil"][:100], purchase_date="2026-11-23T10:00:00Z",
        status=said["evil"], items=[order_item(said["evil"][:100], said["evil"], said["evil"])],
    )
'''


def furnish(product: Product) -> dict[str, str]:
    """Fill the house; gives a value by the name of every parameter of an address."""
    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        return thread.submit(asyncio.run, _furnish(product)).result()


async def _furnish(product: Product) -> dict[str, str]:
    names = {name.removeprefix("HOOKWRIGHT_").lower(): value for name, value in product.environment.items()}
    ours = {name: names[name] for name in ("data_dir", "gateway_port", "console_port")}
    async with open_operator(load_settings(**ours), actor=f"test:{SHORT}") as op:
        await _fill_source(op)
        events = await _post_everything(op, product)
        return await _fill_the_rest(op, events)


async def _fill_source(op: Operator) -> None:
    await sources.add_source(op, "evil")
    await sources.add_source(op, "empty")
    await secrets.set_secret(op, "evil", "word", WORD)
    await change_settings(op, "evil", title=SHORT, settings={EVIL: EVIL, "long": LONG[:9000]})
    await scripts.push_script(op, "evil", SCRIPT, note=SHORT, is_published=True)
    await scripts.push_script(op, "evil", SCRIPT + "\n# again\n", note=EVIL[:150])
    await sources.add_source(op, "ready", plugin="shopify", secrets={"signing_secret": "a-long-secret"})


async def _post_everything(op: Operator, product: Product) -> dict[str, str]:
    """Post each kind of event, and what is none; gives the ids by kind, when all of them are settled."""
    events = {}
    async with httpx.AsyncClient(base_url=product.gateway_url, trust_env=False) as http:
        for kind in ("good", "ignore", "fail"):
            body = orjson.dumps({"kind": kind, "evil": EVIL, "long": LONG, "control": CONTROL})
            headers = {"x-word": WORD, "x-evil": EVIL.encode("ascii", "ignore").decode(), "content-type": SHORT}
            answer = await http.post(f"/in/evil?q={SHORT}", content=body, headers=headers)
            events[kind] = answer.json()["id"]
        for source in ("evil", "empty"):
            await http.post(f"/in/{source}", content=EVIL.encode(), headers={"x-word": SHORT, "x-evil": SHORT})
        for body in (bytes(range(256)), b'{"kind": "half \\ud800"}', b"[" * 5000):
            await http.post("/in/evil", content=body, headers={"x-word": WORD})
    for event_id in events.values():
        await until(lambda event_id=event_id: load_event(op, event_id), lambda event: "created_at" in event)
    return events


async def _fill_the_rest(op: Operator, events: dict[str, str]) -> dict[str, str]:
    """Fill what people write themselves."""
    await drafts.save_draft(op, "evil", SCRIPT.replace("said[", "say["), seen_revision=0)
    await fixtures.add_fixture(op, "evil", SHORT, await find_request(op, "evil", f"event:{events['good']}"))
    person = await users.add_user(op, "evil@example.com", "viewer", ["evil"])
    await users.rename_user(op, "evil@example.com", EVIL[:100])
    await keys.create_key(op, SHORT, "sender", ["evil"])
    issue = next(one for one in (await list_issues(op))["issues"] if "<script>" in one["cause"])
    await acknowledge_issue(op, issue["id"], note=EVIL)
    chosen = EventFilter(sources=("evil",), statuses=("failed",), text=SHORT)
    job = await bulk_create(op, "discard", chosen, reason=EVIL[:300])
    good = await load_event(op, events["good"])
    assert good["status"] == "applied", good["reason"]
    return {
        "source": "evil",
        "event_id": events["good"],
        "issue_id": issue["id"],
        "bulk_id": job["id"],
        "identifier": "email:evil@example.com",
        "user_id": person["id"],
        "plugin": "shopify",
        "version": "2",
        "failed": events["fail"],
        "ignored": events["ignore"],
    }


async def until(ask: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool]) -> Any:
    for _ in range(PATIENCE_SECONDS * 20):
        if is_so(answer := await ask()):
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(answer)


def address(path: str, values: dict[str, str]) -> str:
    """Put the values into a route's path."""
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values[found[1]], path)
