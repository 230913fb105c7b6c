"""A webhook's whole way, from the post to the rows, and what the sender hears at every turn."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import time
import zlib
from typing import Any

import brotli
import orjson
import pytest
import zstandard
from running import OPEN_SCRIPT, PATIENCE_SECONDS, WORD, Running

from gateway.operations import bulk, events, replay, scripts, sources
from gateway.store.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = {"email": "ann@example.com", "visits": 1}


async def post(running: Running, source: str, body: Any = None, **keywords: Any) -> Any:
    content = orjson.dumps(BODY if body is None else body)
    return await running.http.post(f"/in/{source}", content=content, headers={**WORD, **keywords})


async def test_a_genuine_post_is_answered_with_its_id_and_becomes_a_contact(running: Running) -> None:
    await running.add_source("whole")
    answer = await post(running, "whole", {"email": "Whole@Example.com", "visits": 7})
    assert answer.status_code == 202
    assert answer.json() == {"id": answer.headers["x-request-id"], "status": "queued"}

    event = await running.event(answer.json()["id"])
    assert event["status"] == "applied"
    assert event["source"] == "whole"
    assert event["version_id"].startswith("ver_")
    assert event["attempt_count"] == 1
    assert event["actions"][0]["action"] == "upsertContact"

    contact = (await running.contact("email", "whole@example.com")).json()
    assert contact["attributes"] == {"visits": 7}


async def test_an_id_that_was_answered_is_never_unknown(running: Running) -> None:
    await running.add_source("never-unknown")
    for number in range(20):
        event_id = (await post(running, "never-unknown", {"email": f"n{number}@example.com", "visits": 1})).json()["id"]
        answer = await running.http.get(f"/api/events/{event_id}", headers=running.admin)
        assert answer.status_code == 200, event_id


async def test_an_unknown_source_is_404_and_says_so(running: Running) -> None:
    answer = await post(running, "nobody")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert 'no source "nobody"' in answer.json()["detail"]


async def test_a_post_that_is_not_genuine_is_401_and_leaves_no_event(running: Running) -> None:
    await running.add_source("guarded")
    answer = await running.http.post("/in/guarded", content=b"{}", headers={"x-word": "wrong"})
    assert answer.status_code == 401
    found = await running.http.get(f"/api/events/{answer.headers['x-request-id']}", headers=running.admin)
    assert found.status_code == 404


async def test_authenticate_that_breaks_is_500_and_tells_a_stranger_nothing(running: Running) -> None:
    script = OPEN_SCRIPT.replace('request.headers.get("x-word")', 'request.json["no such field"]')
    await running.add_source("broken-door", script)
    answer = await post(running, "broken-door")
    assert answer.status_code == 500
    assert "no such field" not in answer.text


async def test_a_missing_secret_names_itself_to_the_people_of_the_source(running: Running) -> None:
    await running.add_source("no-secret", OPEN_SCRIPT.replace('"word"', '"forgotten"'))
    assert (await post(running, "no-secret")).status_code == 500
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (rejected := await events.list_rejected(running.op, "no-secret")):  # written beside the answer
        assert time.monotonic() < give_up_at
    (kept,) = rejected
    assert 'secret "forgotten" is not set' in kept["reason"]


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("failing-sum", "1 / 0", "ZeroDivisionError"),
        ("failing-loop", "while True: pass", "limit"),
        ("failing-number", "return 5", "transform"),
        ("failing-nobody", "return [{'action': 'upsertContact', 'identifiers': {}}]", "/0/identifiers"),
        ("failing-action", "return [{'action': 'explode'}]", "no such action"),
    ],
)
async def test_a_transform_that_fails_is_202_and_kept_with_its_reason(
    running: Running, name: str, line: str, reason: str
) -> None:
    script = OPEN_SCRIPT[: OPEN_SCRIPT.index("    yield")] + f"    print('before')\n    {line}\n"
    await running.add_source(name, script)
    answer = await post(running, name)
    assert answer.status_code == 202
    assert answer.json()["status"] == "failed"
    event = await running.event(answer.json()["id"])
    assert event["status"] == "failed"
    assert reason in event["reason"]
    assert event["stage"] in ("transform", "validate")
    if "1 / 0" in line:
        assert event["trace"][-1]["text"] == "1 / 0"
        assert event["logs"] == "before\n"


async def test_after_a_fixed_script_is_pushed_a_replay_applies_what_failed(running: Running) -> None:
    await running.add_source("repaired", OPEN_SCRIPT.replace('["visits"]', '["visitz"]'))
    failed = (await post(running, "repaired", {"email": "r@example.com", "visits": 3})).json()["id"]
    assert (await running.event(failed))["status"] == "failed"
    await scripts.push_script(running.op, "repaired", OPEN_SCRIPT, is_published=True)

    again = await replay.replay_event(running.op, failed)
    event = await running.event(again)
    assert (event["status"], event["replay_of"], event["lane"]) == ("applied", failed, "bulk")
    assert (await running.event(failed))["replaced_by"] == again
    assert (await running.contact("email", "r@example.com")).json()["attributes"] == {"visits": 3}


async def test_replaying_twice_changes_nothing(running: Running) -> None:
    await running.add_source("twice")
    original = (await post(running, "twice", {"email": "t@example.com", "visits": 1})).json()["id"]
    await running.event(original)
    before = (await running.contact("email", "t@example.com")).json()
    for _ in range(2):
        await running.event(await replay.replay_event(running.op, original))
    after = (await running.contact("email", "t@example.com")).json()
    assert {**after, "changed_at": None} == {**before, "changed_at": None}


async def test_a_replay_by_filter_takes_each_delivery_once_and_counts_first(running: Running) -> None:
    await running.add_source("filtered", OPEN_SCRIPT.replace('["visits"]', '["visitz"]'))
    ids = [
        (await post(running, "filtered", {"email": f"f{n}@example.com", "visits": n})).json()["id"] for n in range(5)
    ]
    for event_id in ids:
        await running.event(event_id)
    await scripts.push_script(running.op, "filtered", OPEN_SCRIPT, is_published=True)
    chosen = EventFilter(sources=("filtered",), statuses=("failed",))
    assert (await bulk.bulk_count(running.op, "replay", chosen))["count"] == 5
    await bulk.bulk_create(running.op, "replay", chosen)
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while len(await events.list_events(running.op, source="filtered", status="applied")) < 5:
        assert time.monotonic() < give_up_at
    left = await bulk.bulk_count(running.op, "replay", chosen)
    assert left["count"] == 0, "what was repaired has not failed any more"


async def test_a_published_version_serves_the_very_next_request(running: Running) -> None:
    await running.add_source("swapped")
    for number in range(2, 6):
        script = OPEN_SCRIPT.replace('request.json["visits"]', str(number))
        pushed = await scripts.push_script(running.op, "swapped", script, is_published=True)
        assert pushed["number"] == number
        answer = await post(running, "swapped", {"email": "s@example.com", "visits": 0})
        event = await running.event(answer.json()["id"])
        assert event["version_id"] == pushed["id"]


async def test_a_script_broken_at_push_is_refused_and_the_live_one_keeps_running(running: Running) -> None:
    from gateway.errors import ScriptRefused

    await running.add_source("kept-live")
    with pytest.raises(ScriptRefused) as refused:
        await scripts.push_script(
            running.op, "kept-live", "def transform(request, context):\n    import os\n", is_published=True
        )
    assert refused.value.problems[0].line == 2
    assert "os" in refused.value.problems[0].message
    assert (await post(running, "kept-live")).status_code == 202


async def test_a_disabled_source_is_410_and_an_enabled_one_takes_posts_again(running: Running) -> None:
    await running.add_source("switched")
    await sources.disable_source(running.op, "switched")
    assert (await post(running, "switched")).status_code == 410
    await sources.enable_source(running.op, "switched")
    assert (await post(running, "switched")).status_code == 202


async def test_a_paused_source_holds_and_resuming_takes_it_up(running: Running) -> None:
    await running.add_source("paused")
    await sources.pause_source(running.op, "paused")
    answer = await post(running, "paused", {"email": "held@example.com", "visits": 1})
    assert (answer.status_code, answer.json()["status"]) == (202, "held")
    assert (await running.event(answer.json()["id"], "held"))["status"] == "held"
    assert (await running.contact("email", "held@example.com")).status_code == 404
    assert await sources.resume_source(running.op, "paused") == 1
    assert (await running.event(answer.json()["id"], "applied"))["status"] == "applied"
    assert (await running.contact("email", "held@example.com")).status_code == 200


async def test_a_source_without_a_script_keeps_what_comes_as_samples(running: Running) -> None:
    await sources.add_source(running.op, "scriptless")
    answer = await running.http.post("/in/scriptless", content=b'{"a": 1}')
    assert (answer.status_code, answer.json()["status"]) == (200, "captured")
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (samples := await events.list_samples(running.op, "scriptless")):
        assert time.monotonic() < give_up_at
    assert base64.b64decode(samples[0]["body"]) == b'{"a": 1}'


async def test_a_body_over_the_limit_is_413_also_when_it_only_unfolds_to_that(running: Running) -> None:
    await running.add_source("limited")
    large = b" " * (running.settings.body_bytes_max + 1)
    assert (await running.http.post("/in/limited", content=large, headers=WORD)).status_code == 413
    for name, packed in (
        ("gzip", gzip.compress(large)),
        ("deflate", zlib.compress(large)),
        ("br", brotli.compress(large)),
        ("zstd", zstandard.compress(large)),
    ):
        answer = await running.http.post("/in/limited", content=packed, headers={**WORD, "content-encoding": name})
        assert answer.status_code == 413, name
        assert name in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_packed_body_is_signed_and_read_unpacked(running: Running, encoding: str) -> None:
    secret = "a-signing-secret"
    script = OPEN_SCRIPT.replace(
        'request.headers.get("x-word") == context.secrets["word"]',
        'verify_hmac(request, header="x-sign", secret=context.secrets["word"])',
    ).replace("import upsert_contact", "import upsert_contact, verify_hmac")
    await running.add_source(f"packed-{encoding}", script, word=secret)
    body = orjson.dumps({"email": f"{encoding}@example.com", "visits": 1})
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress}
    headers = {"x-sign": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), "content-encoding": encoding}
    answer = await running.http.post(f"/in/packed-{encoding}", content=pack[encoding](body), headers=headers)
    assert answer.status_code == 202, answer.text
    assert (await running.event(answer.json()["id"]))["status"] == "applied"


SHAPES = """from gateway.toolbox import parse_csv, parse_ndjson, parse_xml, upsert_contact


def authenticate(request, context):
    return True


def transform(request, context):
    kind = request.content_type.split(";")[0]
    if kind == "text/csv":
        email = parse_csv(request.text)[0]["email"]
    elif kind == "application/x-ndjson":
        email = parse_ndjson(request.text)[1]["email"]
    elif kind == "application/xml":
        email = parse_xml(request.text)["contact"]["email"]
    elif kind == "application/json":
        email = request.json["email"]
    elif kind == "application/octet-stream":
        email = request.body.decode("utf-8")
    else:
        email = request.form["email"]
    seen = {"method": request.method, "path": request.path, "q": request.query.get("q")}
    yield upsert_contact(identifiers={"email": email}, attributes=seen)
"""


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"email": "json@shapes.example"}'),
        ("application/x-www-form-urlencoded", b"email=form%40shapes.example"),
        (
            "multipart/form-data; boundary=xx",
            b'--xx\r\nContent-Disposition: form-data; name="email"\r\n\r\nmultipart@shapes.example\r\n--xx--\r\n',
        ),
        ("application/xml", b"<contact><email>xml@shapes.example</email></contact>"),
        ("text/csv", b"email,age\ncsv@shapes.example,3\n"),
        ("application/x-ndjson", b'{"email": "x"}\n{"email": "ndjson@shapes.example"}\n'),
        ("application/octet-stream", b"raw@shapes.example"),
    ],
)
async def test_every_shape_of_body_reaches_the_script(running: Running, kind: str, body: bytes) -> None:
    if (await running.http.get("/in/shapes")).status_code == 404:
        await running.add_source("shapes", SHAPES)
    answer = await running.http.put("/in/shapes/below/it?q=a%20b", content=body, headers={"content-type": kind})
    event = await running.event(answer.json()["id"])
    assert event["status"] == "applied", event["reason"]
    assert event["actions"][0]["attributes"] == {"method": "PUT", "path": "/below/it", "q": "a b"}
    assert event["actions"][0]["identifiers"]["email"].endswith("@shapes.example")


async def test_a_handshake_by_get_is_answered_by_the_script_and_hardened(running: Running) -> None:
    script = (
        "from gateway.toolbox import Answer\n\n"
        "def authenticate(request, context):\n"
        "    if request.method == 'GET':\n"
        "        headers = {'set-cookie': 'a=b', 'cache-control': 'no-store'}\n"
        "        raise Answer(request.query.get('hub.challenge'), headers=headers)\n"
        "    return False\n\n"
        "def transform(request, context):\n    return []\n"
    )
    await running.add_source("handshake", script)
    answer = await running.http.get("/in/handshake?hub.challenge=%3Cscript%3E")
    assert (answer.status_code, answer.text) == (200, "<script>")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert (await running.event(answer.headers["x-request-id"]))["status"] == "answered"


async def test_try_later_is_503_with_the_time_to_come_back(running: Running) -> None:
    script = OPEN_SCRIPT[: OPEN_SCRIPT.index("    yield")] + "    raise TryLater('closed', retry_after_seconds=7)\n"
    await running.add_source("later", script.replace("import upsert_contact", "import TryLater"))
    answer = await post(running, "later")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_a_source_whose_script_has_no_authenticate_wants_an_api_key(running: Running) -> None:
    script = "from gateway.toolbox import upsert_contact\n" + OPEN_SCRIPT[OPEN_SCRIPT.index("def transform") :]
    await running.add_source("keyed", script)
    assert (await post(running, "keyed")).status_code == 401
    assert (await post(running, "keyed", **await running.make_key("sender", "whole"))).status_code == 403
    assert (await post(running, "keyed", **await running.make_key("viewer"))).status_code == 403
    key = (await running.make_key("sender", "keyed"))["x-api-key"]
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for header in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}, {"authorization": f"Basic {basic}"}):
        answer = await post(running, "keyed", **header)
        assert answer.status_code == 202
        event_id = answer.json()["id"]
        await running.event(event_id)
        assert key not in (await stored_head(running, event_id))


async def stored_head(running: Running, event_id: str) -> str:
    from gateway.store.requests import load_request

    stored = await running.op.read(lambda conn: load_request(conn, event_id))
    assert stored is not None
    return stored[0].decode()


async def test_the_stored_body_is_byte_for_byte_what_came_in(running: Running) -> None:
    from gateway.store.requests import load_request

    await running.add_source("bytewise")
    body = b'{"visits" : 1.0,\n "email":"b\\u0079tes@example.com" , "big": 123456789012345678901234567890}'
    answer = await running.http.post("/in/bytewise", content=body, headers=WORD)
    event = await running.event(answer.json()["id"])
    stored = await running.op.read(lambda conn: load_request(conn, event["id"]))
    assert stored is not None
    assert stored[1] == body


async def test_the_same_delivery_twice_counts_once_and_the_second_names_the_first(running: Running) -> None:
    await running.add_source("delivered")
    await running.op.publish(lambda conn: _set_unique(conn, "delivered"))
    first, second = [
        (await post(running, "delivered", {"email": "d@example.com", "visits": n}, **{"x-delivery": "d-1"})).json()[
            "id"
        ]
        for n in (1, 2)
    ]
    assert (await running.event(first))["status"] == "applied"
    event = await running.event(second)
    assert (event["status"], event["replaced_by"]) == ("duplicate", first)
    assert (await running.contact("email", "d@example.com")).json()["attributes"] == {"visits": 1}


def _set_unique(conn: Any, name: str) -> None:
    from gateway.store.sources import update_source

    update_source(conn, name, 1, unique_by="header:x-delivery")


async def test_publishing_again_and_again_drops_no_request(running: Running) -> None:
    await running.add_source("busy")
    stop, statuses = asyncio.Event(), list[int]()

    async def post_on() -> None:
        while not stop.is_set():
            statuses.append((await post(running, "busy", {"email": "busy@example.com", "visits": 1})).status_code)

    posting = [asyncio.create_task(post_on()) for _ in range(4)]
    for number in range(8):
        script = OPEN_SCRIPT.replace('request.json["visits"]', str(number))
        await scripts.push_script(running.op, "busy", script, is_published=True)
        answered = len(statuses)
        while len(statuses) == answered and not any(task.done() for task in posting):
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*posting)
    assert len(statuses) > 8
    assert set(statuses) == {202}


async def test_a_replay_stays_in_the_delivery_of_its_request_when_the_manifest_has_changed(running: Running) -> None:
    await running.add_source("renamed")
    first = await post(running, "renamed", {"email": "rn@example.com", "visits": 1}, **{"x-delivery": "r-1"})
    await running.event(first.json()["id"])
    await running.op.publish(lambda conn: _set_unique(conn, "renamed"))
    again = await running.event(await replay.replay_event(running.op, first.json()["id"]))
    assert (again["status"], again["unique_key"]) == ("applied", None)
    assert (await running.event(first.json()["id"]))["replaced_by"] == again["id"], "both would count"
