"""What becomes of a request: verdicts, endings, actions, replies, texts, keys and times."""

import base64

import orjson
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRANSFORM = "\ndef transform(request, context):\n    return [{'action': 'x'}]\n"
ENDINGS = "from gateway.toolbox import Answer, Ignore, Reject, TryLater\n"


async def test_true_opens_the_door_and_the_actions_come_back_as_bytes(play):
    outcome = await play(TRANSFORM)
    assert (outcome.kind, outcome.is_authenticated, outcome.actions) == ("actions", True, b'[{"action":"x"}]')
    assert outcome.cpu_seconds > 0


@pytest.mark.parametrize("verdict", ["1", "'True'", "None", "[True]", "False", "1.0", "request"])
async def test_anything_but_true_itself_is_rejected(play, verdict):
    outcome = await play(f"def authenticate(request, context):\n    return {verdict}\n{TRANSFORM}")
    assert (outcome.kind, outcome.is_authenticated, outcome.status) == ("rejected", False, 401)
    assert outcome.reason.startswith("authenticate gave")


async def test_a_script_without_authenticate_never_opens(play, pool):
    text = f"# no def authenticate here\n{TRANSFORM}"
    outcome = await play(text)
    assert (outcome.kind, outcome.reason) == ("rejected", "the script has no authenticate")
    opened = await play(text, start_at="transform")
    assert (opened.kind, opened.is_authenticated) == ("actions", True)


async def test_an_exception_in_authenticate_is_a_failure_that_nobody_authenticated(play):
    outcome = await play(f"def authenticate(request, context):\n    return {{}}['k']\n{TRANSFORM}")
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", False, "authenticate")
    assert outcome.reason == "KeyError: k"


async def test_a_replay_at_transform_does_not_ask_authenticate(play):
    outcome = await play(f"def authenticate(request, context):\n    return False\n{TRANSFORM}", start_at="transform")
    assert (outcome.kind, outcome.is_authenticated) == ("actions", True)


@pytest.mark.parametrize(
    ("statement", "kind", "status", "reason"),
    [
        ("raise Reject('a test shop', 403)", "rejected", 403, "a test shop"),
        ("raise Ignore('nobody')", "ignored", None, "nobody"),
        ("raise TryLater('soon', 90)", "try_later", None, "soon"),
        ("return []", "ignored", None, "no actions"),
        ("return None", "ignored", None, "no actions"),
    ],
)
async def test_transform_ends_early_in_its_own_words(play, statement, kind, status, reason):
    outcome = await play(f"{ENDINGS}def transform(request, context):\n    {statement}\n")
    assert (outcome.kind, outcome.is_authenticated, outcome.status, outcome.reason) == (kind, True, status, reason)
    assert outcome.retry_after_seconds == (90 if kind == "try_later" else None)


async def test_a_handshake_is_answered_from_authenticate_too(play):
    text = f"{ENDINGS}def authenticate(request, context):\n    raise Answer(request.json['challenge'])\n{TRANSFORM}"
    outcome = await play(text, {"challenge": "c-1"})
    assert (outcome.kind, outcome.is_authenticated, outcome.actions) == ("answered", False, b"[]")
    assert (outcome.reply.status, outcome.reply.body) == (200, b"c-1")


async def test_ignore_in_authenticate_does_not_open_the_door(play):
    outcome = await play(f"{ENDINGS}def authenticate(request, context):\n    raise Ignore('x')\n{TRANSFORM}")
    assert (outcome.kind, outcome.is_authenticated, outcome.status) == ("rejected", False, 401)


async def test_a_reply_goes_with_the_actions(play):
    respond = "context.respond(201, {'ok': 1}, headers={'x-a': 'b'})"
    outcome = await play(f"def transform(request, context):\n    {respond}\n    yield {{'a': 1}}\n")
    assert (outcome.kind, outcome.reply.status, outcome.reply.body) == ("actions", 201, b'{"ok":1}')
    assert outcome.reply.headers == (("x-a", "b"),)
    assert outcome.reply.content_type == "application/json"


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("{'a': 1}", "transform gave a dict: return a list of actions, or yield them"),
        ("'text'", "transform gave a str"),
        ("[1]", "action 0 is a int, not a dict"),
        ("[{'a': float('nan')}]", "nan is not a number in JSON"),
        ("[{'a': None, 'b': [float('inf')]}]", "inf is not a number in JSON"),
        ("[{'a': 2 ** 64}]", "an action is not JSON: Integer exceeds 64-bit range"),
        ("[{'a': b'x'}]", "an action is not JSON"),
        ("[{'a': {1}}]", "an action is not JSON"),
        ("[{1: 2}]", "an action is not JSON: Dict key must be str"),
        ("[{'a': '\\ud800'}]", "an action is not JSON"),
        ("[{'a': transform}]", "an action is not JSON"),
        ("[{}] * 1001", "limit: 1000 actions"),
        ("({'n': n} for n in range(2000))", "limit: 1000 actions"),
        ("[{'a': 'x' * 1048577}]", "limit: result 1 MiB"),
    ],
)
async def test_what_is_no_list_of_actions_fails_after_the_yes(play, result, reason):
    outcome = await play(f"def transform(request, context):\n    return {result}\n")
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", True, "transform")
    assert outcome.reason.startswith(reason)


@pytest.mark.parametrize(
    "code", ["a = {}; a['a'] = a", "a = {}; [a := {'a': a} for _ in range(500)]"], ids=["a cycle", "too deep"]
)
async def test_a_result_that_has_no_end_fails(play, code):
    outcome = await play(f"def transform(request, context):\n    {code}\n    return [a]\n")
    assert (outcome.kind, outcome.stage) == ("failed", "transform")


async def test_decimals_times_and_nulls_are_written_as_json(play):
    text = """
from gateway.toolbox import money
def transform(request, context):
    return ({"m": money("1.50"), "t": request.received_at, "n": None},)
"""
    outcome = await play(text)
    assert orjson.loads(outcome.actions) == [{"m": "1.50", "t": "2024-01-02T03:04:05+00:00", "n": None}]


async def test_a_failure_shows_the_script_s_own_lines_only(play):
    price = "def price(order):\n    return order['total']\n\n"
    outcome = await play(f"{price}def transform(request, context):\n    yield price(request.json)\n")
    assert outcome.reason == "KeyError: total"
    assert list(outcome.trace) == [
        {"line": 5, "function": "transform", "text": "yield price(request.json)"},
        {"line": 2, "function": "price", "text": "return order['total']"},
    ]


async def test_secrets_are_masked_in_reason_and_log_but_not_in_actions(play):
    secret = "s3cr3t-value-of-shop"
    encoded = base64.b64encode(secret.encode()).decode()
    text = """
from gateway.toolbox import encode_base64
def transform(request, context):
    key = context.secrets["signing_secret"]
    print(key, encode_base64(key.encode()))
    if request.json:
        raise ValueError("x" * 290 + key)
    return [{"key": key}]
"""
    failed = await play(text, {"fail": 1}, secrets={"signing_secret": secret})
    assert secret[:5] not in failed.reason
    assert encoded not in failed.logs
    assert secret not in failed.logs
    assert "•••" in failed.logs
    done = await play(text, secrets={"signing_secret": secret})
    assert orjson.loads(done.actions) == [{"key": secret}]


async def test_control_characters_in_a_reason_are_escaped(play):
    outcome = await play("def transform(request, context):\n    raise ValueError('a\\x1b[31m\\nb')\n")
    assert outcome.reason == "ValueError: a\\x1b[31m\\x0ab"


async def test_print_and_context_log_come_back_as_the_log(play):
    outcome = await play("def transform(request, context):\n    print('a', 1, sep='-')\n    context.log([None], 'b')\n")
    assert outcome.logs == "a-1\n[None] b\n"


async def test_each_request_starts_in_a_fresh_namespace(pool, play):
    text = """
SEEN = []
def transform(request, context):
    SEEN.append(request.json["n"])
    before = len(context.settings["list"])
    context.settings["list"].append(1)
    return [{"seen": SEEN, "before": before}]
"""
    for number in (1, 2):
        outcome = await play(text, {"n": number}, settings={"list": []}, source="fresh-namespace")
        assert orjson.loads(outcome.actions) == [{"seen": [number], "before": 0}]


@pytest.mark.parametrize(
    ("unique_by", "expected"),
    [
        ("header:x-delivery", "d-1"),
        ("json:event.id", "77"),
        ("json:lines.0.id|header:x-delivery", "d-1"),
        ("json:missing.path", None),
        ("nonsense", None),
        (None, None),
    ],
)
async def test_the_unique_key_is_read_from_the_first_place_that_has_one(play, unique_by, expected):
    body = {"event": {"id": 77}, "lines": [{"id": ""}]}
    outcome = await play(TRANSFORM, body, headers={"x-delivery": "d-1"}, unique_by=unique_by)
    assert outcome.unique_key == expected


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2024-01-01T00:00:00Z", None, 1_704_067_200_000_000),
        ("2024-01-01T01:00:00", "Europe/Vienna", 1_704_067_200_000_000),
        ("2024-01-01T02:00:00", "+02:00", 1_704_067_200_000_000),
        (1_704_067_200, None, 1_704_067_200_000_000),
        (1_704_067_200_123, None, 1_704_067_200_123_000),
        ("2024-01-01T00:00:00", None, None),
        ("yesterday", None, None),
        (True, None, None),
    ],
)
async def test_the_time_of_the_event_is_read_with_its_zone(play, value, zone, expected):
    outcome = await play(TRANSFORM, {"at": value}, occurred_at="json:gone|json:at", occurred_at_zone=zone)
    assert outcome.occurred_at == expected


async def test_a_failed_request_still_knows_its_delivery(play):
    outcome = await play("def transform(request, context):\n    1 / 0\n", {"id": "x"}, unique_by="json:id")
    assert (outcome.kind, outcome.unique_key) == ("failed", "x")


async def test_a_body_that_is_no_json_is_no_reason_to_fail(play):
    outcome = await play(TRANSFORM, b"\xff\xfe not json", unique_by="json:id", occurred_at="json:at")
    assert (outcome.kind, outcome.unique_key, outcome.occurred_at) == ("actions", None, None)
