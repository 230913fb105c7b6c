"""Hostile scripts: what they are, how they are run, and what must be true of each, whatever it tried.

Takes a script of a corpus that was written for `transform(request)` or of our own; runs it through a real Pool and
gives what came of it. Adapts the call of a corpus script, never its body.
"""

import itertools
import json
import os
import re
import textwrap
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import SandboxUnavailable
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

SECRET = "the-signing-secret-of-this-source"
FIRST_REQUEST = "SECRET-OF-REQUEST-1"
REASON_CHARACTERS_MAX = 300
LOG_BYTES_MAX = 16 * 1024 + 100

# Why a child was ended, or ended by itself: all else is an exception of the script.
_KILLED = re.compile("limit: |forbidden system call|the sandbox (crashed|ended|broke)")
_OURS = re.compile(r"0x[0-9a-f]{6,}|/(usr|root|home|work|opt)/|site-packages|Traceback|/gateway/")

_ALL_RIGHT = "def authenticate(request, context):\n    return True\n"
_AUTHENTICATE = """
hostile_authenticate = authenticate
def authenticate(request, context):
    return hostile_authenticate(request.json)
"""
_TRANSFORM = """
hostile_transform = transform
def transform(request, context):
    return [{"r": hostile_transform(request.json)}]
"""
_RAW = """
def transform(request, context):
{body}
    return [{{"r": repr(locals().get("result"))}}]
"""
_TOLD = {"attacks", "expect", "says", "calls", "forbid", "body", "settings", "unique_by", "occurred_at", "cpu_seconds"}

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Hostile:
    """One script and what must come of it."""

    name: str
    text: str
    expect: frozenset[str]
    calls: int = 1
    forbid: tuple[str, ...] = ()
    forbid_pattern: str | None = None
    is_raw: bool = False
    says: str | None = None
    check: str | None = None
    body: Any = None
    settings: dict[str, Any] | None = None
    unique_by: str | None = None
    occurred_at: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Came:
    """What came of one request: one of reject, error, killed, ok, and everything that was said."""

    verdict: str
    outcome: Outcome | None
    said: str


def corpus_folder() -> Path | None:
    """Name the folder of hostile scripts of others: HOOKWRIGHT_TEST_HOSTILE, or the payloads' neighbour."""
    if named := os.environ.get("HOOKWRIGHT_TEST_HOSTILE"):
        folder = Path(named)
    elif payloads := os.environ.get("HOOKWRIGHT_TEST_PAYLOADS"):
        folder = Path(payloads).resolve().parent / "hostile"
    else:
        return None
    return folder if (folder / "INDEX.jsonl").exists() else None


def read_corpus(folder: Path) -> list[Hostile]:
    lines = (folder / "INDEX.jsonl").read_text(encoding="utf-8").splitlines()
    return [_adapt(json.loads(line), folder) for line in lines]


def _adapt(row: dict[str, Any], folder: Path) -> Hostile:
    if "gen" in row:
        text = str(eval(row["gen"]))
    else:
        text = (folder / row["file"]).read_bytes().decode("utf-8", "surrogatepass")
    is_raw = row["mode"] == "raw"
    return Hostile(
        name=row["name"],
        text=_raw(text) if is_raw else _called(text, row.get("fns") or [row["fn"]]),
        expect=frozenset(row["expect"]),
        calls=row["calls"],
        forbid=tuple(row["forbid"]),
        forbid_pattern="|".join(row.get("forbid_re", [])) or None,
        is_raw=is_raw,
        check=row.get("check"),
    )


def _raw(text: str) -> str:
    return _ALL_RIGHT + _RAW.format(body=textwrap.indent(text, "    "))


def _called(text: str, functions: list[str]) -> str:
    parts = [text, _AUTHENTICATE if "authenticate" in functions else _ALL_RIGHT]
    parts.append(
        _TRANSFORM if "transform" in functions else "def transform(request, context):\n    return [{'r': 1}]\n"
    )
    return "\n".join(parts)


def read_own(path: Path) -> Hostile:
    """Read a script of ours; its first lines say what must come of it: `# expect: error`, `# says: …`."""
    text = path.read_text(encoding="utf-8")
    told = dict(re.findall(r"^# (\w+): (.+)$", text, re.MULTILINE))
    assert told.keys() >= {"attacks", "expect"}, path
    assert told.keys() <= _TOLD, path
    return Hostile(
        name=path.stem,
        text=text if "def authenticate" in text else f"{text}\n{_ALL_RIGHT}",
        expect=frozenset(told["expect"].split()),
        calls=int(told.get("calls", 1)),
        forbid=(told["forbid"],) if "forbid" in told else (),
        says=told.get("says"),
        body=eval(told["body"], {}) if "body" in told else None,
        settings=json.loads(told["settings"]) if "settings" in told else None,
        unique_by=told.get("unique_by"),
        occurred_at=told.get("occurred_at"),
        limits=_patient(float(told["cpu_seconds"])) if "cpu_seconds" in told else Limits(),
    )


def _patient(seconds: float) -> Limits:
    """Give time to a script that is not about time, so that a busy machine does not end it first."""
    return Limits(transform_cpu_seconds=seconds, wall_seconds=4 * seconds)


def make_head(**fields: Any) -> bytes:
    """Write a request's head as the gateway keeps it."""
    head = {
        "method": "POST",
        "path": "",
        "query": "a=1&a=2",
        "url": "https://example.com/in/s",
        "client_ip": "192.0.2.1",
    }
    head |= {"headers": [["content-type", "application/json"], ["x-topic", "a/b"]], "content_type": "application/json"}
    return orjson.dumps({**head, "received_at": 1_704_164_645_000_000, **fields})


def make_script(hostile: Hostile) -> Script:
    """Give the script a source of its own, with a secret that must not get out."""
    return Script(
        f"hostile-{next(_numbers)}",
        "ver_1",
        "1",
        hostile.text,
        {"signing_secret": SECRET},
        hostile.settings or {},
        hostile.unique_by,
        hostile.occurred_at,
        limits=hostile.limits,
    )


async def play(pool: Pool, hostile: Hostile) -> list[Came]:
    """Run the script's requests one after the other; leave nothing of it in the pool."""
    script = make_script(hostile)
    try:
        script.load_document()
    except orjson.JSONEncodeError as error:
        return [Came("reject", None, str(error))]
    try:
        return [await _play_once(pool, script, hostile, number) for number in range(hostile.calls)]
    finally:
        pool.lift(script.source)
        pool.retire(script.source)


async def _play_once(pool: Pool, script: Script, hostile: Hostile, number: int) -> Came:
    sent = {"n": 1, "text": "hello", "items": [1, 2, 3], "secret": FIRST_REQUEST if number == 0 else "x"}
    body = hostile.body if type(hostile.body) is bytes else orjson.dumps(sent | (hostile.body or {}))
    try:
        outcome = await pool.run(script, make_head(), body, event_id="evt_01HZZZZZZZZZZZZZZZZZZZZZZZ")
    except SandboxUnavailable as unavailable:
        pool.lift(script.source)
        return Came("killed", None, unavailable.detail)
    # The lines of a trace are the script's own text: they are compared with it, not searched.
    said = repr(replace(outcome, trace=()))
    return Came(_verdict(outcome), outcome, said if number or FIRST_REQUEST not in hostile.forbid else "")


def _verdict(outcome: Outcome) -> str:
    if outcome.kind != "failed":
        return "ok"
    if outcome.stage == "load":
        return "reject"
    return "killed" if _KILLED.search(outcome.reason or "") else "error"


def complaints(hostile: Hostile, came: list[Came]) -> list[str]:
    """List what is not as it must be."""
    verdicts = {each.verdict for each in came}
    found = [] if verdicts <= hostile.expect else [f"expected {set(hostile.expect)}, came {verdicts}"]
    words = "\n".join(each.said for each in came)
    found += [f"it says {text!r}" for text in (*hostile.forbid, SECRET) if text in words]
    if hostile.forbid_pattern and re.search(hostile.forbid_pattern, words):
        found.append(f"it says what {hostile.forbid_pattern!r} finds")
    if hostile.says and not re.search(hostile.says, words):
        found.append(f"it does not say {hostile.says!r}")
    for each in came:
        if each.outcome is not None:
            found += _complaints_of_outcome(hostile, each.outcome)
    return found + _complaints_of_check(hostile, came)


def _complaints_of_outcome(hostile: Hostile, outcome: Outcome) -> list[str]:
    found = []
    reason = outcome.reason or ""
    if len(reason) > REASON_CHARACTERS_MAX:
        found.append(f"a reason of {len(reason)} characters")
    if len(outcome.logs.encode()) > LOG_BYTES_MAX:
        found.append(f"a log of {len(outcome.logs.encode())} bytes")
    if match := _OURS.search(f"{reason}\n{outcome.logs}"):
        found.append(f"it shows something of ours: {match[0]!r} in {reason!r}")
    lines = {line.strip()[:200] for line in hostile.text.splitlines()}
    found += [
        f"a line of ours in the trace: {line}" for line in outcome.trace if not _is_of_script(line["text"], lines)
    ]
    if outcome.kind == "actions":
        json.loads(outcome.actions)
    return found


def _is_of_script(text: str, lines: set[str]) -> bool:
    return text in lines or "•••" in text or "\\x" in text


def _complaints_of_check(hostile: Hostile, came: list[Came]) -> list[str]:
    kinds = [each.outcome.kind for each in came if each.outcome is not None]
    if hostile.check == "not_true" and set(kinds) & {"actions", "ignored"}:
        return ["what is not True opened the door"]
    if hostile.check == "all_ok_or_reject" and len(set(kinds)) > 1:
        return [f"the same script came out differently: {kinds}"]
    if hostile.check and hostile.check.startswith("all_results_equal:"):
        wanted = [{"r": json.loads(hostile.check.partition(":")[2])}]
        given = [json.loads(each.outcome.actions) for each in came if each.outcome is not None and each.verdict == "ok"]
        return [f"requests that know of each other: {given}"] if any(one != wanted for one in given) else []
    return []
