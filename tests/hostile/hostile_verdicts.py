"""Verdicts: what came of a hostile script's requests, and what is not as it must be.

Takes what the sender heard and what the gateway keeps of it (the event, or the refused request); gives complaints in
words. Never talks to the gateway.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import orjson
from hostile_scripts import Hostile

SECRET = "the-signing-secret-of-this-source"
FIRST_REQUEST = "SECRET-OF-REQUEST-1"
REASON_CHARACTERS_MAX = 300
LOG_BYTES_MAX = 16 * 1024 + 100

# Why a child was ended, or ended by itself: all else is an exception of the script.
_KILLED = re.compile("limit: |forbidden system call|the sandbox (crashed|ended|broke)")
_OURS = re.compile(r"0x[0-9a-f]{6,}|/(usr|root|home|work|opt)/|site-packages|Traceback|/gateway/")
# At `validate` the script has run to its end, and what it gave is no action.
_VERDICTS = {"load": "reject", "authenticate": "error", "transform": "error", "validate": "ok"}


@dataclass(frozen=True)
class Heard:
    """What a poster heard of one request: of those with the first body it may say what stood in it."""

    is_first: bool
    status: int
    text: str
    request_id: str


@dataclass(frozen=True)
class Came:
    """What came of one request: one of reject, error, killed, ok, shut, and everything that is told of it."""

    verdict: str
    status: int
    said: str
    reason: str = ""
    event: dict[str, Any] | None = None


def came_of_push(detail: str) -> Came:
    """Say what a script is that nobody could publish."""
    return Came("reject", 0, detail, detail)


def came_of_event(heard: Heard, event: dict[str, Any]) -> Came:
    """Say what a kept request is: what its sender heard, and the event as people read it."""
    reason = event["reason"] or ""
    verdict = _verdict(event["stage"], reason) if event["status"] == "failed" else "ok"
    # The lines of a trace are the script's own text: they are compared with it, not searched.
    told = {name: value for name, value in event.items() if name != "trace"}
    return Came(verdict, heard.status, _said(heard, told), reason, event)


def came_of_refusal(heard: Heard, kept: dict[str, Any] | None) -> Came:
    """Say what a refused request is: `kept` has its reason, and is None where the source was not asked at all."""
    if kept is None:
        return Came("shut" if heard.status == 503 else f"{heard.status} for no reason", heard.status, _said(heard, {}))
    stage, _, reason = kept["reason"].partition(": ") if heard.status == 500 else ("", "", kept["reason"])
    verdict = _verdict(stage, reason) if heard.status == 500 else "ok"
    return Came(verdict, heard.status, _said(heard, {"reason": kept["reason"]}), reason)


def _verdict(stage: str, reason: str) -> str:
    verdict = _VERDICTS.get(stage, f"failed at {stage}")
    return "killed" if verdict == "error" and _KILLED.search(reason) else verdict


def _said(heard: Heard, told: dict[str, Any]) -> str:
    return f"{heard.status} {heard.text}\n{orjson.dumps(told).decode()}"


def complaints(hostile: Hostile, came: list[tuple[Heard | None, Came]]) -> list[str]:
    """List what is not as it must be."""
    everything = [each for _, each in came]
    verdicts = {each.verdict for each in everything}
    if "killed" in verdicts:  # who has died a few times, or tried to break out, is not asked again for a while
        verdicts.discard("shut")
    found = [] if verdicts <= hostile.expect else [f"expected {set(hostile.expect)}, came {verdicts}"]
    words = "\n".join(each.said for heard, each in came if not _may_repeat(hostile, heard))
    found += [f"it says {text!r}" for text in (*hostile.forbid, SECRET) if text in words]
    if hostile.forbid_pattern and re.search(hostile.forbid_pattern, words):
        found.append(f"it says what {hostile.forbid_pattern!r} finds")
    silent = [each for each in everything if hostile.says and not _says(hostile, each)]
    found += [f"it does not say {hostile.says!r}: {each.said[:900]}" for each in silent]
    for each in everything:
        found += _complaints_of_one(hostile, each)
    return found + _complaints_of_check(hostile, everything)


def _may_repeat(hostile: Hostile, heard: Heard | None) -> bool:
    """Say whether this is the answer to the request whose secret no other may tell."""
    return heard is not None and heard.is_first and FIRST_REQUEST in hostile.forbid


def _says(hostile: Hostile, came: Came) -> bool:
    return came.verdict == "shut" or bool(re.search(hostile.says or "", came.said))


def _complaints_of_one(hostile: Hostile, came: Came) -> list[str]:
    found = []
    logs = came.event["logs"] if came.event else ""
    if came.status and len(came.reason) > REASON_CHARACTERS_MAX:
        found.append(f"a reason of {len(came.reason)} characters")
    if len(logs.encode()) > LOG_BYTES_MAX:
        found.append(f"a log of {len(logs.encode())} bytes")
    if match := _OURS.search(f"{came.reason}\n{logs}"):
        found.append(f"it shows something of ours: {match[0]!r} in {came.reason!r}")
    lines = {line.strip()[:200] for line in hostile.text.splitlines()}
    trace = (came.event and came.event["trace"]) or []
    found += [f"a line of ours in the trace: {line}" for line in trace if not _is_of_script(line["text"], lines)]
    return found


def _is_of_script(text: str, lines: set[str]) -> bool:
    return text in lines or "•••" in text or "\\x" in text


def _complaints_of_check(hostile: Hostile, came: list[Came]) -> list[str]:
    if hostile.check == "not_true" and any(each.event for each in came):
        return ["what is not True opened the door"]
    if hostile.check == "all_ok_or_reject" and len({each.verdict for each in came}) > 1:
        return [f"the same script came out differently: {[each.verdict for each in came]}"]
    if hostile.check and hostile.check.startswith("all_results_equal:"):
        wanted = json.loads(hostile.check.partition(":")[2])
        given = [_result(each.event) for each in came if each.event is not None and each.verdict == "ok"]
        return [f"requests that know of each other: {given}"] if any(one != wanted for one in given) else []
    return []


def _result(event: dict[str, Any]) -> Any:
    return event["actions"][0]["attributes"]["r"]
