"""How the tests of the sandbox make scripts and requests."""

import itertools
from typing import Any, Literal

import orjson

from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

RECEIVED_AT = 1_704_164_645_000_000
EVENT_ID = "evt_01HZZZZZZZZZZZZZZZZZZZZZZZ"
YES = "\ndef authenticate(request, context):\n    return True\n"

_numbers = itertools.count(1)


def make_head(headers: dict[str, str] | None = None, **fields: Any) -> bytes:
    """Write a request's head as the gateway keeps it."""
    pairs = [["content-type", "application/json"], *([name, value] for name, value in (headers or {}).items())]
    head = {"method": "POST", "path": "", "query": "", "url": "https://example.com/in/s", "headers": pairs}
    head |= {"client_ip": "192.0.2.1", "received_at": RECEIVED_AT, "content_type": "application/json"}
    return orjson.dumps(head | fields)


def make_script(text: str, **fields: Any) -> Script:
    """Make a script of a source that nobody else uses."""
    return Script(
        **{"source": f"source-{next(_numbers)}", "version_id": "ver_1", "revision": "1", "text": text, **fields}
    )


async def play_script(
    pool: Pool,
    text: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    start_at: Literal["authenticate", "transform"] = "authenticate",
    is_measured: bool = False,
    **fields: Any,
) -> Outcome:
    """Run one request through a script; a script without authenticate gets one that says yes."""
    whole = text if "def authenticate" in text else text + YES
    data = body if isinstance(body, bytes) else orjson.dumps({} if body is None else body)
    script = make_script(whole, **fields)
    return await pool.run(
        script, make_head(headers), data, event_id=EVENT_ID, start_at=start_at, is_measured=is_measured
    )
