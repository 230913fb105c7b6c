"""Issues: what keeps failing, and what people say of it.

Takes a source or an id, gives issues with how many deliveries stand failed for each. A failure after somebody has
resolved an issue opens it again (`regressed_at`). To repair all of one, replay it in bulk: `EventFilter(issue=…)`.
"""

from collections.abc import Sequence
from typing import Any

from gateway import clock
from gateway.errors import NotFound, OperatorError
from gateway.operations.operator import Operator
from gateway.operations.searching import search_events
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.issues import COUNT_MAX, STATES, count_issue, find_issue, list_issue_versions, update_issue
from gateway.store.issues import list_issues as read_issues
from gateway.store.searching import EventFilter
from gateway.store.versions import find_versions

PAGE = 50
EVENTS_SHOWN = 20
NOTE_CHARACTERS_MAX = 2000


async def list_issues(
    op: Operator,
    *,
    sources: Sequence[str] | None = None,
    states: Sequence[str] = (),
    before: str = "",
    limit: int = PAGE,
) -> dict[str, Any]:
    """Give `{issues, next}`, the one that failed last first; `sources` None: all.

    An issue: `{id, source, stage, cause, line, state, count, is_count_capped, first_seen, last_seen, first_event_id,
    last_event_id, first_version, regressed_at, note, changed_by, changed_at}`.
    """
    if unknown := [state for state in states if state not in STATES]:
        raise OperatorError(f'there is no state "{unknown[0]}": {", ".join(STATES)}')
    last_seen, _, last_id = before.partition(".")
    if before and not (last_seen.isdecimal() and len(last_seen) < 19):
        raise OperatorError(f'"{before}" is no place in the list of issues')
    after = (int(last_seen), last_id) if before else None

    def work(conn: Connection) -> dict[str, Any]:
        rows = read_issues(conn, sources=sources, states=states, before=after, limit=limit + 1)
        more = rows[limit - 1] if len(rows) > limit else None
        shown = _documents(conn, rows[:limit])
        return {"issues": shown, "next": more and f"{more['last_seen']}.{more['id']}"}

    return await op.read(work)


async def load_issue(op: Operator, issue_id: str) -> dict[str, Any]:
    """Give one issue with its newest events, and the versions that they failed under. Raises NotFound."""

    def work(conn: Connection) -> dict[str, Any]:
        row = _load(conn, issue_id)
        counted = list_issue_versions(conn, issue_id)
        names = find_versions(conn, [one["version_id"] for one in counted if one["version_id"]])
        versions = [one | {"number": names.get(one["version_id"])} for one in counted]
        return _documents(conn, [row])[0] | {"versions": versions}

    shown = await op.read(work)
    page = await search_events(op, EventFilter(issue=issue_id), limit=EVENTS_SHOWN)
    return shown | {"events": page["events"], "next_events": page["next"]}


async def acknowledge_issue(op: Operator, issue_id: str, *, note: str | None = None) -> None:
    """Say that somebody looks after it. Raises NotFound."""
    await _set_state(op, issue_id, "acknowledged", note)


async def resolve_issue(op: Operator, issue_id: str, *, note: str | None = None) -> None:
    """Say that it is repaired; the next failure of its kind opens it again. Raises NotFound."""
    await _set_state(op, issue_id, "resolved", note)


async def reopen_issue(op: Operator, issue_id: str, *, note: str | None = None) -> None:
    """Raises NotFound."""
    await _set_state(op, issue_id, "open", note)


async def _set_state(op: Operator, issue_id: str, state: str, note: str | None) -> None:
    """Change the state; `note` None leaves the note that is there."""
    if note is not None and len(note) > NOTE_CHARACTERS_MAX:
        raise OperatorError(f"a note has at most {NOTE_CHARACTERS_MAX} characters")

    def work(conn: Connection) -> None:
        before, at = _load(conn, issue_id), clock.now()
        after = {"state": state, "note": before["note"] if note is None else note}
        update_issue(conn, issue_id, **after, changed_by=op.actor, changed_at=at)
        told = {"before": {name: before[name] for name in after}, "after": after}
        write_audit(conn, at=at, actor=op.actor, operation="issue.state", subject=issue_id, **told)

    await op.write(work)


def _load(conn: Connection, issue_id: str) -> dict[str, Any]:
    row = find_issue(conn, issue_id)
    if row is None:
        raise NotFound(f"there is no issue {issue_id}")
    return row


def _documents(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    numbers = find_versions(conn, [row["first_version_id"] for row in rows if row["first_version_id"]])
    return [_document(row, count_issue(conn, row["id"]), numbers) for row in rows]


def _document(row: dict[str, Any], count: int, numbers: dict[str, int]) -> dict[str, Any]:
    version_id = row.pop("first_version_id")
    times = {name: clock.iso(row[name]) for name in ("first_seen", "last_seen", "regressed_at", "changed_at")}
    return {
        **row,
        **times,
        "count": count,
        "is_count_capped": count >= COUNT_MAX,
        "first_version": version_id and {"id": version_id, "number": numbers.get(version_id)},
    }
