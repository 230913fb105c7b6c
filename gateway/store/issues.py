"""Issues: failed events of one source that failed for the same reason, and the sameness itself.

Takes a failure (source, stage, reason, trace), gives the id of its issue: the same failure has the same id, so
that filing asks nothing first. How many events an issue has is asked from the events, never kept: a counter
would drift. Only deliveries count: an event whose delivery another one stands for has not failed any more.
"""

import base64
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, case, func, literal_column, select, tuple_, update

from gateway.event import Status
from gateway.store import dialect
from gateway.store.rows import plain
from gateway.store.tables import events, is_standing
from gateway.store.workbench import IS_UNFILED, issues

STATES = ("open", "acknowledged", "resolved")
CAUSE_CHARACTERS_MAX = 300
# Past this a count says "at least": nobody reads the difference, and a page of issues stays quick.
COUNT_MAX = 10_000
FILED_AT_ONCE = 500

_DIFFERING = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "…"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "'…'"),
    (re.compile(r"\b(?=\w*\d)[\w-]{8,}"), "#"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "#"),
)
_MORE_FAULTS = re.compile(r" … and (?:# )?more$")


_TIME_RAN_OUT = ("limit: cpu", "limit: wall_clock")


@dataclass(frozen=True, slots=True)
class Failure:
    """One event that failed: what an issue is made of."""

    event_id: str
    source: str
    version_id: str | None
    stage: str
    reason: str
    trace: str | None
    at: int

    @property
    def line(self) -> str | None:
        """The last line of the script that it failed in; none where time ran out: that may be at any of a loop."""
        if self.reason.startswith(_TIME_RAN_OUT):
            return None
        try:
            trace = orjson.loads(self.trace) if self.trace else None
        except ValueError:
            return None
        return str(trace[-1]["text"]).strip()[:CAUSE_CHARACTERS_MAX] if trace else None

    @property
    def cause(self) -> str:
        return cause_of(self.reason)

    @property
    def issue_id(self) -> str:
        said = "\0".join((self.source, self.stage, self.cause, self.line or ""))
        return "iss_" + base64.b32encode(sha256(said.encode()).digest()).decode()[:26]


def cause_of(reason: str) -> str:
    """Take from a reason what differs from event to event: addresses, quoted values, ids, numbers.

    A validation says each bad place once, however many items have it.
    """
    for differing, instead in _DIFFERING:
        reason = differing.sub(instead, reason)
    parts = dict.fromkeys(_MORE_FAULTS.sub("", reason).split("; "))
    return "; ".join(parts)[:CAUSE_CHARACTERS_MAX]


def file_failures(connection: Connection, failures: Iterable[Failure]) -> None:
    """Open the issues of these failures, or note them on those there are; a resolved one is open again."""
    rows: dict[str, dict[str, Any]] = {}
    for failure in sorted(failures, key=lambda one: one.event_id):
        row = rows.setdefault(failure.issue_id, _first(failure))
        row["last_event_id"] = max(row["last_event_id"], failure.event_id)
        row["last_seen"] = max(row["last_seen"], failure.at)
    if not rows:
        return
    statement = dialect.insert(connection, issues)
    new, old = statement.excluded, issues.c
    is_resolved = old.state == "resolved"
    changes = {
        "state": case((is_resolved, "open"), else_=old.state),
        "regressed_at": case((is_resolved, new.last_seen), else_=old.regressed_at),
        "last_event_id": case((new.last_event_id > old.last_event_id, new.last_event_id), else_=old.last_event_id),
        "last_seen": case((new.last_seen > old.last_seen, new.last_seen), else_=old.last_seen),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes), list(rows.values()))


def _first(failure: Failure) -> dict[str, Any]:
    return {
        "id": failure.issue_id,
        "source": failure.source,
        "stage": failure.stage,
        "cause": failure.cause,
        "line": failure.line,
        "state": "open",
        "first_event_id": failure.event_id,
        "last_event_id": failure.event_id,
        "first_version_id": failure.version_id,
        "first_seen": failure.at,
        "last_seen": failure.at,
    }


def file_unfiled(connection: Connection) -> int:
    """File failed events that have no issue yet: given up waiting, or older than issues are. Gives how many."""
    names = ("id", "source", "version_id", "stage", "reason", "trace", "created_at")
    rows = connection.execute(
        select(*(events.c[name] for name in names))
        .where(literal_column(f"({IS_UNFILED})"))
        .order_by(events.c.id)
        .limit(FILED_AT_ONCE)
    )
    failures = [Failure(row[0], row[1], row[2], row[3] or "", row[4] or "", row[5], row[6]) for row in rows]
    file_failures(connection, failures)
    by_issue: dict[str, list[str]] = {}
    for failure in failures:
        by_issue.setdefault(failure.issue_id, []).append(failure.event_id)
    for issue_id, event_ids in by_issue.items():
        filed = update(events).where(dialect.one_of(connection, events.c.id, event_ids))
        connection.execute(filed.values(issue=issue_id))
    return len(failures)


def list_issues(
    connection: Connection,
    *,
    sources: Collection[str] | None = None,
    states: Collection[str] = (),
    before: tuple[int, str] | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Give a page, the one that failed last first; `before` is (last_seen, id) of the last one of the page before."""
    chosen = select(issues)
    if sources is not None:
        chosen = chosen.where(issues.c.source.in_(sources))
    if states:
        chosen = chosen.where(issues.c.state.in_(states))
    if before is not None:
        chosen = chosen.where(tuple_(issues.c.last_seen, issues.c.id) < tuple_(*before))
    ordered = chosen.order_by(issues.c.last_seen.desc(), issues.c.id.desc()).limit(limit)
    return [plain(row) for row in connection.execute(ordered).mappings()]


def find_issue(connection: Connection, issue_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(issues).where(issues.c.id == issue_id)).mappings().first()
    return plain(row) if row else None


def update_issue(connection: Connection, issue_id: str, **values: Any) -> None:
    connection.execute(update(issues).where(issues.c.id == issue_id).values(**values))


def count_issue(connection: Connection, issue_id: str, count_max: int = COUNT_MAX) -> int:
    """Count the deliveries that stand failed for this, up to a limit."""
    standing = events.alias("standing")
    is_told = select(standing.c.id).where(standing.c.delivery == events.c.delivery, is_standing("standing")).exists()
    failed = (
        select(events.c.delivery)
        .where(events.c.issue == issue_id, events.c.status == Status.FAILED.value, ~is_told)
        .limit(count_max)
    )
    return connection.scalar(select(func.count(failed.subquery().c.delivery.distinct()))) or 0


def list_issue_versions(connection: Connection, issue_id: str) -> list[dict[str, Any]]:
    """Give the script versions that events of this failed under, with how many of the newest thousand."""
    newest = (
        select(events.c.version_id)
        .where(events.c.issue == issue_id)
        .order_by(events.c.id.desc())
        .limit(1000)
        .subquery("newest")
    )
    counted = select(newest.c.version_id, func.count().label("many")).group_by(newest.c.version_id)
    rows = connection.execute(counted.order_by(func.count().desc()))
    return [{"version_id": row.version_id, "count": row.many} for row in rows]
