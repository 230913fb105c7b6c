"""Comparing: what would a text change for the last real requests of its source?

Takes a text and a number; runs the live version and the text over the source's newest requests, failed ones too, and
says of each: same · changed (field by field) · newly_failing · newly_passing. Requests known to be genuine start at
`transform`, as a replay would; the others at `authenticate`. Nothing is stored or queued. A comparison lives in the
process that runs it: a restart forgets it.
"""

import asyncio
import secrets as random
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from gateway import clock
from gateway.errors import Conflict, HookwrightError, NotFound
from gateway.logs import log
from gateway.operations.action_rows import named
from gateway.operations.diffs import field_changes
from gateway.operations.operator import Operator
from gateway.operations.runnable import Runnable, load_live, load_unpublished
from gateway.operations.trial_requests import TrialRequest
from gateway.operations.trying import Tried, is_failing, run_once
from gateway.store.requests import load_request
from gateway.store.searching import list_newest_roots

COUNT_MAX = 500
# Each request runs twice; more at once would only wait for the two children.
AT_ONCE = 4
CHANGES_MAX = 200
KEPT_MAX = 20
RUNNING_MAX = 4  # each keeps two children busy

KINDS = ("same", "changed", "newly_failing", "newly_passing")


@dataclass(slots=True)
class Comparison:
    """How far one comparison is, and what it has found, newest request first."""

    id: str
    source: str
    actor: str
    text_sha256: str
    live_version_id: str | None = None  # known when it has begun
    total: int = 0
    state: str = "running"  # running | done | cancelled | failed
    error: str | None = None
    started_at: int = field(default_factory=clock.now)
    results: list[dict[str, Any]] = field(default_factory=list)

    def why_outdated(self, text: str, live_version_id: str | None) -> str | None:
        """Say why it tells nothing of this text beside this version; None where it is about the two."""
        if self.text_sha256 != _hashed(text):
            return "the draft has changed since this comparison"
        if self.live_version_id != live_version_id:
            return "another version has gone live since this comparison"
        return None

    def document(self, after: int = 0) -> dict[str, Any]:
        """Give state, counts, times, and the results from a number on: a page that polls asks for what is new."""
        return {
            "id": self.id,
            "source": self.source,
            "state": self.state,
            "error": self.error,
            "total": self.total,
            "done": len(self.results),
            "counts": {kind: sum(result["kind"] == kind for result in self.results) for kind in KINDS},
            "cpu_ms": {
                side: _spread([result[side]["cpu_ms"] for result in self.results]) for side in ("live", "draft")
            },
            "started_at": clock.iso(self.started_at),
            "results": self.results[after:],
        }


async def compare(
    op: Operator, source: str, text: str, *, count: int = 100, progress: Comparison | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Yield one result a request as it comes: `{event_id, kind, received_at, live, draft, changes, is_cut}`.

    Raises ScriptRefused, and NotFound where there is no live version to compare with.
    """
    live, draft = await load_live(op, source), await load_unpublished(op, source, text)
    rows = await op.read(lambda conn: list_newest_roots(conn, source, min(count, COUNT_MAX)))
    if progress is not None:
        progress.total, progress.live_version_id = len(rows), live.script.version_id
    waiting = iter(rows)
    pending: OrderedDict[asyncio.Task[dict[str, Any] | None], None] = OrderedDict()
    try:
        while True:
            while len(pending) < AT_ONCE and (row := next(waiting, None)) is not None:
                pending[asyncio.create_task(_compare_one(op, live, draft, row))] = None
            if not pending:
                return
            first = next(iter(pending))
            result = await first
            del pending[first]
            if result is not None:
                yield result
            elif progress is not None:
                progress.total -= 1
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def _compare_one(op: Operator, live: Runnable, draft: Runnable, row: dict[str, Any]) -> dict[str, Any] | None:
    """Run both over one request; None where retention has removed it meanwhile."""
    stored = await op.read(lambda conn: load_request(conn, row["id"]))
    if stored is None:
        return None
    request = TrialRequest(f"event:{row['id']}", *stored, event_id=row["id"])
    is_vouched = bool(row["is_authenticated"])
    before = await run_once(op, live, request, is_vouched=is_vouched)
    after = await run_once(op, draft, request, is_vouched=is_vouched)
    changes = list(_changes(before, after))
    return {
        "event_id": row["id"],
        "received_at": clock.iso(row["received_at"]),
        "kind": _kind(before, after, changes),
        "live": _side(before),
        "draft": _side(after),
        "changes": changes[:CHANGES_MAX],
        "is_cut": len(changes) > CHANGES_MAX,
    }


def _kind(before: Tried, after: Tried, changes: list[dict[str, Any]]) -> str:
    if is_failing(before.status) != is_failing(after.status):
        return "newly_passing" if is_failing(before.status) else "newly_failing"
    is_same = _said(before) == _said(after) and not changes
    return "same" if is_same else "changed"


def _said(tried: Tried) -> tuple[Any, ...]:
    """What a run comes to beside its actions: status, why, the answer, and by what it is told from others."""
    event = tried.judgement and tried.judgement.event
    reason = event.reason if event else tried.outcome.reason
    reply = tried.judgement and tried.judgement.reply
    return tried.status, reason, reply, tried.outcome.unique_key, tried.outcome.occurred_at


def _side(tried: Tried) -> dict[str, Any]:
    status, reason, reply, unique_key, occurred_at = _said(tried)
    return {
        "status": status,
        "stage": (tried.judgement and tried.judgement.event.stage) or tried.outcome.stage,
        "reason": reason,
        "reply_status": reply.status if reply else None,
        "unique_key": unique_key,
        "occurred_at": clock.iso(occurred_at),
        "trace": list(tried.outcome.trace),
        "cpu_ms": round(tried.outcome.cpu_seconds * 1000, 3),
    }


def _changes(before: Tried, after: Tried) -> list[dict[str, Any]]:
    """Say what differs in the actions, action by action: those that mean the same thing stand beside each other."""
    left, right = _actions(before), _actions(after)
    found: list[dict[str, Any]] = []
    for key in dict.fromkeys([*left, *right]):
        label = {"action": key[0], "contact": key[1]}
        old, new = left.get(key), right.get(key)
        if old is None:
            found.append({**label, "pointer": "", "kind": "added", "after": new})
        elif new is None:
            found.append({**label, "pointer": "", "kind": "removed", "before": old})
        else:
            found += [{**label, **change} for change in field_changes(old, new)]
    return found


def _actions(tried: Tried) -> dict[tuple[str, str, str, int], Any]:
    """Give the actions by what they are about: the name, the person, the order or list, and which of several."""
    if tried.judgement is None:
        return {}
    found: dict[tuple[str, str, str, int], Any] = {}
    numbers: Counter[tuple[str, str, str]] = Counter()
    for action in orjson.loads(tried.outcome.actions):
        about = str(action.get("orderID") or action.get("listName") or action.get("supplement") or "")
        name, person = str(action.get("action")), named(action)
        found[name, person, about, numbers[name, person, about]] = action
        numbers[name, person, about] += 1
    return found


def _hashed(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {"mean": 0.0, "max": 0.0}
    return {"mean": round(sum(values) / len(values), 3), "max": round(max(values), 3)}


class Comparisons:
    """The comparisons of one process, by id: begun by one request of a page, watched and cancelled by later ones."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Comparison, asyncio.Task[None]]] = OrderedDict()

    def start(self, op: Operator, source: str, text: str, *, count: int = 100) -> Comparison:
        """Begin a comparison in the background; the oldest finished ones are forgotten. Raises Conflict past a few."""
        if sum(not task.done() for _, task in self._known.values()) >= RUNNING_MAX:
            raise Conflict(f"{RUNNING_MAX} comparisons are running already: wait for one, or cancel it")
        comparison = Comparison(f"cmp_{random.token_hex(8)}", source, op.actor, _hashed(text))
        task = asyncio.create_task(_run(op, comparison, text, count))
        self._known[comparison.id] = (comparison, task)
        self._forget_oldest()
        return comparison

    def _forget_oldest(self) -> None:
        finished = [one for one, (_, task) in self._known.items() if task.done()]
        for old in finished[: max(0, len(self._known) - KEPT_MAX)]:
            del self._known[old]

    def find(self, comparison_id: str) -> Comparison:
        """Raises NotFound for one that is unknown: forgotten, or begun before a restart."""
        if comparison_id not in self._known:
            raise NotFound("this comparison is not known any more: begin it again")
        return self._known[comparison_id][0]

    def cancel(self, comparison_id: str) -> None:
        """End it; what it has found stays."""
        self.find(comparison_id)
        self._known[comparison_id][1].cancel()

    async def close(self) -> None:
        for _, task in self._known.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in self._known.values()), return_exceptions=True)


async def _run(op: Operator, comparison: Comparison, text: str, count: int) -> None:
    try:
        async for result in compare(op, comparison.source, text, count=count, progress=comparison):
            comparison.results.append(result)
        comparison.state = "done"
    except asyncio.CancelledError:
        comparison.state = "cancelled"
        raise
    except HookwrightError as error:
        comparison.state, comparison.error = "failed", error.detail
    except Exception:
        log.exception("comparison_broke", source=comparison.source)
        comparison.state, comparison.error = "failed", "a fault of ours; the log has its trace"
