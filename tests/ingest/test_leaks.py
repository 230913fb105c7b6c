"""Marked values go in everywhere; then everything that the real program has written is searched for them."""

import asyncio
import base64
import hashlib
import hmac
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import orjson
from running import PATIENCE_SECONDS, free_port

from gateway.config import Settings, load_settings
from gateway.operations import events, keys, scripts, secrets, sources
from gateway.operations.operator import Operator, open_operator

SECRET = "marked-secret-value-7261"
BODY = "marked-body-3312"
STRANGER = "marked-stranger-9940"

SCRIPT = '''"""Says more than it should, in every way a script can."""

from gateway.toolbox import upsert_contact, verify_hmac


def authenticate(request, context):
    if request.headers.get("x-break"):
        raise ValueError(f"broken with {context.secrets['signing_secret']} and {request.text}")
    return verify_hmac(request, header="x-sign", secret=context.secrets["signing_secret"])


def transform(request, context):
    print("the secret is", context.secrets["signing_secret"])
    if request.headers.get("x-fail"):
        raise ValueError(f"failed with {context.secrets['signing_secret']} and {request.text}")
    yield upsert_contact(identifiers={"email": request.json["email"]})
'''


@contextmanager
def up(folder: Path, log: Path) -> Iterator[Settings]:
    """Run the whole program as people do, at its most talkative, until the block ends."""
    port = free_port()
    names = {"DATA_DIR": folder, "GATEWAY_PORT": port, "CONSOLE_PORT": free_port(), "LOG_FORMAT": "json"}
    names |= {"LOG_LEVEL": "debug"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    environment |= {f"HOOKWRIGHT_{name}": str(value) for name, value in names.items()}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway.cli", "up"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            start_new_session=True,
        )
        try:
            await_ready(port, process)
            yield load_settings(data_dir=folder, gateway_port=port, log_level="error")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)


def await_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, "it ended"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < give_up_at, "it never got ready"
        time.sleep(0.05)


@asynccontextmanager
async def people(settings: Settings) -> AsyncIterator[tuple[Operator, httpx.AsyncClient]]:
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.gateway_port}", timeout=PATIENCE_SECONDS)
    async with http, open_operator(settings, actor="test") as op:
        yield op, http


async def post_everything(op: Operator, http: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Post genuine, failing, breaking, unsigned and unreadable requests; gives an API key and the answered ids."""
    await sources.add_source(op, "marked")
    await secrets.set_secret(op, "marked", "signing_secret", SECRET)
    await scripts.push_script(op, "marked", SCRIPT, is_published=True)
    key = (await keys.create_key(op, "marked", "admin", []))["key"]
    body = orjson.dumps({"email": f"{BODY}@example.com"})
    signed = {"x-sign": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
    posts = [
        ("/in/marked", body, signed),
        ("/in/marked", body, {**signed, "x-fail": "1"}),
        ("/in/marked", body, {**signed, "x-break": "1"}),
        ("/in/marked", STRANGER.encode(), {"x-sign": STRANGER, "authorization": f"Bearer {STRANGER}"}),
        ("/in/marked?token=" + STRANGER, body, {"content-encoding": "gzip"}),
        ("/api/upsertContact", b'{"identifiers": {"email": "%b@x.y"}}' % BODY.encode(), {"x-api-key": key}),
        ("/api/upsertContact", b'{"identifiers": {"email": 1.5}, "%b": 1}' % BODY.encode(), {"x-api-key": key}),
        ("/api/upsertContact", BODY.encode(), {"x-api-key": key}),
        ("/api/batch", b"[]", {"authorization": f"Bearer {key}x"}),
    ]
    answers = [await http.post(path, content=content, headers=headers) for path, content, headers in posts]
    assert [answer.status_code for answer in answers] == [202, 202, 500, 401, 400, 202, 422, 400, 401]
    assert not any(SECRET in answer.text for answer in answers)
    return key, [answer.headers["x-request-id"] for answer in answers]


async def settled(op: Operator, event_ids: list[str]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    for event_id in event_ids:
        while "applied_at" not in await events.load_event(op, event_id):
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.02)


def holders(folder: Path, marker: str) -> list[str]:
    """Name every file that holds a value, plain or in base64."""
    needles = [marker.encode(), base64.b64encode(marker.encode()).rstrip(b"=")]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path.relative_to(folder)) for path in files if any(needle in path.read_bytes() for needle in needles)]


async def test_nothing_that_was_sent_or_sealed_is_in_any_log(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "log" / "up.log"
    log.parent.mkdir()
    with up(data, log) as settings:
        async with people(settings) as (op, http):
            key, ids = await post_everything(op, http)
            await settled(op, [ids[0], ids[1], ids[5]])
            failed = await events.load_event(op, ids[1])
            rejected = await events.list_rejected(op, "marked")
            while len(rejected) < 2:
                rejected = await events.list_rejected(op, "marked")

    said = log.read_text()
    lines = [orjson.loads(line) for line in said.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["id"] for line in requests} >= set(ids[:4]), "the log has a line a webhook, with its id"
    assert {"batch", "request"} <= {line["event"] for line in lines}
    for marker in (SECRET, BODY, STRANGER, key):
        assert marker not in said, marker
        assert not [name for name in holders(data, marker) if name.endswith(".log")], marker

    assert holders(data, SECRET) == [], "sealed at rest, and masked wherever a script repeats it"
    assert holders(data, key) == [], "known by its hash alone"
    assert SECRET not in repr(failed)
    assert failed["stage"] == "transform"
    assert SECRET not in repr(rejected)
