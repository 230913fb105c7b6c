"""The console of the running product, with people of its own: what the tests of single pages share."""

from html import unescape
from typing import Any

import orjson
from running import WORD, Running
from visitors import ROLES, House, Visitor

from console.app import build_console
from gateway.operations.audit import list_audit

EVIL = '"><script>alert(1)</script>'


async def staff(running: Running, room: str, *sources: str) -> House:
    """Add sources, somebody of each role, and an integrator of the first source alone, who is called `ours`."""
    house = House(build_console(running.op, running.settings), running.op, running.settings, {})
    for role in ROLES:
        house.people[role] = await house.add(f"{room}-{role}@example.com", role)
    for name in sources:
        await running.add_source(name)
    house.people["ours"] = await house.add(f"{room}-ours@example.com", "integrator", sources[0])
    return house


async def post(running: Running, source: str, **document: Any) -> str:
    """Post a document to a source, and wait until it is settled; gives the event's id."""
    answer = await running.http.post(f"/in/{source}", content=orjson.dumps(document), headers=WORD)
    assert answer.status_code < 300, answer.text
    event_id = str(answer.json()["id"])
    await running.event(event_id)
    return event_id


async def page(visitor: Visitor, path: str, status: int = 200) -> str:
    """Give what a page shows, as its reader would see it."""
    answer = await visitor.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.headers)
    return unescape(answer.text)


async def write(visitor: Visitor, path: str, status: int = 303, **fields: Any) -> str:
    """Send a form; gives where it leads, or what the page says that is drawn again."""
    answer = await visitor.post(path, fields)
    assert answer.status_code == status, (path, answer.status_code, unescape(answer.text)[-3000:])
    return answer.headers["location"] if status == 303 else unescape(answer.text)


async def last_write(house: House, operation: str) -> dict[str, Any]:
    """Give the newest audit row of an operation."""
    return (await list_audit(house.op, operation=operation))[0][0]
