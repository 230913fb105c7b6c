"""Workbench: what the tests of drafts, trials, issues and bulk work say in few words."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from running import PATIENCE_SECONDS, WORD, Running

BRITTLE = '''"""Breaks where there is no visits, and says so in the log."""

from gateway.toolbox import Ignore, upsert_contact


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    context.log("event", context.event_id)
    person = request.json
    if person.get("nothing"):
        raise Ignore("nothing to do")
    yield upsert_contact(
        identifiers={"email": person["email"]}, attributes={"visits": person["visits"]}, merge_allowed=True
    )
'''
MENDED = BRITTLE.replace('person["visits"]', 'person.get("visits", 0)')


async def post(running: Running, source: str, **document: Any) -> str:
    """Post a document to a source; gives the event's id."""
    answer = await running.http.post(f"/in/{source}", content=orjson.dumps(document), headers=WORD)
    assert answer.status_code in (200, 202), answer.text
    return str(answer.json()["id"])


async def post_settled(running: Running, source: str, **document: Any) -> str:
    event_id = await post(running, source, **document)
    await running.event(event_id)
    return event_id


async def until(ask: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool]) -> Any:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not is_so(answer := await ask()):
        assert time.monotonic() < give_up_at, answer
        await asyncio.sleep(0.02)
    return answer
