"""A program in front of the console: every answer that it gets is held against the document."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import TypeAdapter
from running import OPEN_SCRIPT, WORD, Running

from gateway.api import table
from gateway.api.management.serve import ENDPOINTS
from gateway.api.operation import Operation

MENDED = OPEN_SCRIPT.replace('request.json["visits"]', 'request.json.get("visits", 0)')
OPERATIONS = (*(endpoint.operation for endpoint in ENDPOINTS), *table.READING)


def operation_of(method: str, path: str) -> Operation | None:
    """Find what an address means; a part that an operation spells out is more than one that it leaves open."""
    found = [one for one in OPERATIONS if one.method == method and _pattern(one).fullmatch(path)]
    return min(found, key=lambda one: len(one.path_names), default=None)


def _pattern(operation: Operation) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+(:path)?}", lambda part: ".+" if part[1] else "[^/]+", operation.path))


@dataclass
class Program:
    """Somebody with a key, at the console."""

    http: httpx.AsyncClient
    key: dict[str, str]

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Call, and compare what comes back with what the document promises."""
        content = {"json": body} if body is not None else {}
        answer = await self.http.request(method, path, headers=self.key, **content, **options)
        operation = operation_of(method, path.partition("?")[0])
        assert operation is not None, path
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            said = {401, 403, *(error.status for error in operation.all_errors)}
            assert answer.status_code in said, (answer.status_code, operation.name, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"title", "status", "detail", "request_id"} <= set(answer.json())
            return answer
        assert answer.status_code == operation.status, answer.text
        if operation.answer is None:
            assert answer.content == b""
        else:
            TypeAdapter(operation.answer).validate_json(answer.content)
        return answer

    async def done(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Call what has to go well; gives the document that comes back."""
        answer = await self.call(method, path, body, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def program_of(running: Running, http: httpx.AsyncClient, role: str = "admin", *reach: str) -> Program:
    return Program(http, await running.make_key(role, *reach))


async def post(running: Running, source: str, **body: Any) -> str:
    """Post to a source whose script is the open one, and wait until the event is settled."""
    event_id = str((await running.http.post(f"/in/{source}", json=body, headers=WORD)).json()["id"])
    await running.event(event_id)
    return event_id
