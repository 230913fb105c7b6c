"""Life: one event told to a person, from the request to what became of it, and what to do where it did not go well.

Takes an event as `load_event` gives it (with its relatives), gives steps, advice and reasons, in words. Never reads
anything and never draws: that is the template's.
"""

from dataclasses import dataclass
from typing import Any

STAGES = {
    "load": "The script could not be started.",
    "transform": "The script failed in transform.",
    "validate": "The script gave actions that are not valid.",
    "apply": "The actions could not be applied.",
    "replay": "It could not be taken again.",
    "queue": "It was found in the queue, left behind.",
}
WAITS = {
    "contact": "the contact {name}, whom no event has brought yet, and which this action may not create",
    "list": "the list {name}, which does not exist yet, and which this action may not create",
    "merge": "leave to merge: {name} belongs to another contact, and the action does not allow joining the two",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened: when (where that is known), what, and how it looks."""

    title: str
    at: str | None = None
    text: str = ""
    tone: str = "calm"
    event_id: str = ""  # of a step that another event has made
    ms: float | None = None


def tell(event: dict[str, Any], family: list[dict[str, Any]]) -> list[Step]:
    """Give the steps in the order in which they happened."""
    later = [_relative(one) for one in reversed(family) if one["event"]["id"] > event["id"]]
    return [_received(event), *_judged(event), *_attempts(event), *_ended(event), *later]


def _received(event: dict[str, Any]) -> Step:
    if event["replay_of"]:
        return Step("Taken again", event["created_at"], "a replay of", event_id=event["replay_of"])
    if event["edited_from"]:
        return Step("Sent again", event["created_at"], "an edited copy of", event_id=event["edited_from"])
    return Step("Received", event["received_at"])


def _judged(event: dict[str, Any]) -> list[Step]:
    if event["key_id"]:
        return [Step("Accepted", None, f"posted to the action API with {event['key_id']}", "good")]
    said = "vouched for by who sent it" if event["edited_from"] else "authenticate said yes"
    return [
        Step("Genuine", None, said, "good") if event["is_authenticated"] else Step("Not authenticated"),
        _run(event),
    ]


def _run(event: dict[str, Any]) -> Step:
    match event["status"], event["stage"]:
        case "failed" | "discarded", ("load" | "transform" | "validate" | "replay" | "queue") as stage:
            return Step(STAGES[stage].rstrip("."), None, event["reason"] or "", "bad")
        case "ignored", _:
            return Step("Nothing to do", None, event["reason"] or "the script gave no action", "calm")
        case "answered", _:
            return Step("Answered by the script", None, "a handshake: there is nothing to apply", "odd")
    many = len(event["actions"]) if isinstance(event["actions"], list) else 0
    return Step(
        "Transformed", None, f"{many} valid action{'' if many == 1 else 's'}, queued as {event['lane']}", "good"
    )


def _attempts(event: dict[str, Any]) -> list[Step]:
    tries, first = event["attempts"], event["attempt_count"] - len(event["attempts"]) + 1
    left_out = [Step(f"{first - 1} earlier attempts", None, "no longer kept")] if first > 1 else []
    return left_out + [
        Step(f"Attempt {number}", one["at"], one["error"] or "", _tone_of(one["error"]), ms=one["ms"])
        for number, one in enumerate(tries, first)
    ]


def _tone_of(error: str | None) -> str:
    if error is None:
        return "good"
    return "warn" if error.startswith("waits for") else "bad"


def _ended(event: dict[str, Any]) -> list[Step]:
    reason = event["reason"] or ""
    ends = {
        "applied": Step("Applied", event["applied_at"], "once, in one transaction", "good"),
        "waiting": Step("Waiting", None, "until another event brings what it lacks", "warn"),
        "held": Step("Held", None, "its source is paused; it is applied when that is resumed", "warn"),
        "duplicate": Step(
            "A duplicate", None, "another event of the same delivery counts", event_id=event["replaced_by"] or ""
        ),
        "discarded": Step("Discarded", None, reason),
    }
    if event["status"] == "failed" and event["stage"] in (None, "apply"):
        return [Step(STAGES["apply"].rstrip("."), None, reason, "bad")]
    return [ends[event["status"]]] if event["status"] in ends else []


def _relative(relative: dict[str, Any]) -> Step:
    event, kinship = relative["event"], relative["kinship"]
    titles = {"replay": "Taken again", "edited copy": "Sent again, edited", "redelivery": "Delivered again"}
    tone = {"applied": "good", "failed": "bad", "waiting": "warn", "held": "warn"}.get(event["status"], "calm")
    return Step(titles.get(kinship, "The original"), event["created_at"], event["status"], tone, event["id"])


@dataclass(frozen=True, slots=True)
class Advice:
    """What went wrong: in a sentence, with its places, and the line of the script where there is one."""

    title: str
    faults: list[str]
    line: int | None = None
    text: str = ""


def advise(event: dict[str, Any]) -> Advice | None:
    """Say what went wrong with an event that failed; None for the others."""
    if event["status"] != "failed":
        return None
    stage, trace = event["stage"] or "", event["trace"]
    last = trace[-1] if isinstance(trace, list) and trace else {}
    reason = event["reason"] or "no reason is known"
    faults = reason.split("; ") if stage == "validate" else [reason]
    return Advice(STAGES.get(stage, "It failed."), faults, last.get("line"), str(last.get("text", "")).strip())


def explain_waiting(event: dict[str, Any]) -> list[str]:
    """Say what an event waits for, one thing a line."""
    return [
        WAITS.get(one["kind"], "{name}").replace("{name}", one["name"])
        for one in event["waits_for"]
        if event["status"] == "waiting"
    ]
