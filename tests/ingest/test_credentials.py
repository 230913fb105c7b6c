"""Our own keys are cut from what is kept; a sender's own credentials are its script's business."""

import asyncio
import base64
from typing import Any

import orjson
import pytest
from running import OPEN_SCRIPT, WORD, Running

from console.security import Cookies
from gateway.access import MASK
from gateway.operations import events
from gateway.store.requests import load_request

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "credentials@example.com", "visits": 1})


async def stored_headers(running: Running, event_id: str) -> dict[str, str]:
    await running.event(event_id)
    stored = await running.op.read(lambda conn: load_request(conn, event_id))
    assert stored is not None
    return dict(orjson.loads(stored[0])["headers"])


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
@pytest.mark.parametrize("scheme", ["", "Bearer ", "Basic ", "Token "])
async def test_a_senders_own_credential_is_kept_as_it_came(running: Running, header: str, scheme: str) -> None:
    name = f"own-{header}-{scheme.strip().lower() or 'bare'}"
    await running.add_source(name, OPEN_SCRIPT.replace('"x-word"', f'"{header}"'), word=f"{scheme}c2VuZGVyOjEyMw==")
    answer = await running.http.post(f"/in/{name}", content=BODY, headers={header: f"{scheme}c2VuZGVyOjEyMw=="})
    assert answer.status_code == 202
    assert (await stored_headers(running, answer.json()["id"]))[header] == f"{scheme}c2VuZGVyOjEyMw=="


async def test_our_own_key_is_cut_wherever_it_is_presented(running: Running) -> None:
    await running.add_source("own-keys")
    key = (await running.make_key("sender"))["x-api-key"]
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for header, value in [("x-api-key", key), ("authorization", f"Bearer {key}"), ("authorization", f"basic {basic}")]:
        answer = await running.http.post("/in/own-keys", content=BODY, headers={"x-word": "sesame-open", header: value})
        assert (await stored_headers(running, answer.json()["id"]))[header] == MASK


async def test_our_own_key_is_cut_from_a_rejected_request_too(running: Running) -> None:
    await running.add_source("rejected-keys")
    key = (await running.make_key("sender"))["x-api-key"]
    await running.http.post("/in/rejected-keys", content=BODY, headers={"x-api-key": key, "x-word": "wrong"})
    (kept,) = await running_rejected(running, "rejected-keys")
    assert set(dict(kept["head"]["headers"])["x-api-key"]) == {"•"}
    assert key not in repr(kept)
    assert base64.b64decode(kept["body"]) == BODY


async def running_rejected(running: Running, source: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while not (found := await events.list_rejected(running.op, source)):
            await asyncio.sleep(0.01)
    return found


async def test_the_consoles_own_cookies_are_cut_and_others_stay(running: Running) -> None:
    """A browser that is signed in to a console on this host sends its cookie to every port of it, so also here."""
    script = OPEN_SCRIPT.replace(
        'context.secrets["word"]', 'context.secrets["word"] and not print(request.headers.get("cookie"))'
    )
    await running.add_source("cookies", script)
    for names in (Cookies(running.settings), Cookies(running.settings.model_copy(update={"console_url": "https://c"}))):
        token = "a-session-token-of-an-admin"
        known = names.known_as("ann@example.com")
        sent = f"first=1; {names.session}={token}; {names.said}={token}; {known}={token}; last=2"
        answer = await running.http.post("/in/cookies", content=BODY, headers=WORD | {"cookie": sent})
        event_id = answer.json()["id"]
        kept = (await stored_headers(running, event_id))["cookie"]
        assert kept == f"first=1; {names.session}=; {names.said}=; {known}=; last=2"
        logged = (await running.event(event_id))["logs"]
        assert "first=1" in logged
        assert token not in logged


async def test_an_api_event_keeps_no_key(running: Running) -> None:
    key = await running.make_key("sender")
    posted = await running.http.post("/api/upsertContact", json={"identifiers": {"email": "k@k.k"}}, headers=key)
    assert (await stored_headers(running, posted.json()["id"]))["x-api-key"] == MASK
