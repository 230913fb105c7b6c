"""Echo: a script that answers with what it is told of the request."""

from typing import Any

from running import Running

SCRIPT = '''"""Answers with what the script is told of the request."""

from gateway.toolbox import Answer, dump_json


def authenticate(request, context):
    raise Answer(dump_json({"client_ip": request.client_ip, "url": request.url, "path": request.path}))


def transform(request, context):
    return []
'''


async def ask(running: Running, rest: str, headers: dict[str, str] | None = None, source: str = "echo") -> Any:
    answer = await running.http.get(f"/in/{source}{rest}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()
