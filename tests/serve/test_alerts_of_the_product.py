"""The whole way of an alert: an event that is parked, the POST that tells of it, and the secret that checks it."""

import asyncio
import base64
import hashlib
import hmac
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hearers import hearing
from running import PATIENCE_SECONDS, WORD, prepare, run_all
from typer.testing import CliRunner

from gateway.cli.app import app

BROKEN = '''"""Says yes, and then falls over."""


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    raise ValueError("not today")
'''


async def test_people_are_told_of_a_parked_event_and_can_check_who_tells(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hearing("/alerts") as hearer:
        with TemporaryDirectory(prefix="hw-") as folder:
            settings = prepare(Path(folder), f"{valkey_url}?db=33", alert_url=hearer.url)
            async with run_all(settings) as running:
                await running.op.redis.delete("hookwright:alerted:broken")
                await running.add_source("broken", BROKEN)
                assert (await running.http.post("/in/broken", content=b"{}", headers=WORD)).status_code == 202
                async with asyncio.timeout(PATIENCE_SECONDS):
                    headers, body = await hearer.heard.get()
            monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", folder)
            shown = await asyncio.to_thread(CliRunner().invoke, app, ["keys", "alert-secret"])
    told = orjson.loads(body)
    assert (told["type"], told["data"]) == ("events.failed", {"source": "broken", "count": 1})
    key = base64.b64decode(shown.stdout.strip().removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
