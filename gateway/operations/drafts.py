"""Drafts: write a script before it is published; compare any two texts of a source.

Takes a text and what its author has seen of the draft, gives the draft as it is now; who saves over somebody
else's newer text hears Conflict, with who and when, and nothing is lost. Publishing a draft makes it a version and
ends it. Never runs a text on a request: that is `trying`'s.
"""

import asyncio
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from gateway import clock
from gateway.errors import Conflict, NotFound, OperatorError
from gateway.operations.diffs import Rows, side_by_side, unified
from gateway.operations.operator import Operator
from gateway.operations.scripts import push_script
from gateway.registry import read_limits
from gateway.sandbox.limits import describe_excess
from gateway.store.audit import write_audit
from gateway.store.drafts import delete_draft, write_draft
from gateway.store.drafts import find_draft as read_draft
from gateway.store.engine import Connection
from gateway.store.sources import load_source
from gateway.store.versions import load_version

DRAFT, LIVE = "draft", "live"


async def find_draft(op: Operator, source: str) -> dict[str, Any] | None:
    """Give `{source, text, revision, author, base_version_id, changed_at, is_stale}`; None where there is no draft.

    `is_stale`: another version has gone live since the draft was begun.
    """

    def work(conn: Connection) -> dict[str, Any] | None:
        live = load_source(conn, source)["live_version_id"]
        row = read_draft(conn, source)
        return row and _document(row, live)

    return await op.read(work)


async def open_editor(op: Operator, source: str) -> dict[str, Any]:
    """Give what an editor begins with: the draft, else the live text, else nothing: `{text, revision, is_draft, …}`.

    `revision` (0: there is no draft) is what `save_draft` is told, so that nobody writes over a text unseen.
    """

    def work(conn: Connection) -> dict[str, Any]:
        row = load_source(conn, source)
        live = load_version(conn, source, row["live_version_id"]) if row["live_version_id"] else None
        draft = read_draft(conn, source)
        shown = {"live_version": live and {"id": live["id"], "number": live["number"]}, "is_draft": draft is not None}
        if draft is not None:
            return shown | _document(draft, row["live_version_id"])
        return shown | {"source": source, "text": live["text"] if live else "", "revision": 0, "is_stale": False}

    return await op.read(work)


async def save_draft(op: Operator, source: str, text: str, *, seen_revision: int) -> dict[str, Any]:
    """Save a text, also one with faults.

    Raises Conflict where somebody has saved since `seen_revision`, OperatorError for more than a script may have.
    """

    def work(conn: Connection) -> dict[str, Any]:
        about = load_source(conn, source)
        if too_long := describe_excess(text, read_limits(about["limits"]).source_bytes):
            raise OperatorError(too_long)
        live = about["live_version_id"]
        before = read_draft(conn, source)
        if (before["revision"] if before else 0) != seen_revision:
            raise _overtaken(source, before)
        row = {
            "source": source,
            "revision": seen_revision + 1,
            "text": text,
            "author": op.actor,
            "base_version_id": before["base_version_id"] if before else live,
            "changed_at": clock.now(),
        }
        write_draft(conn, row)
        told = {"revision": row["revision"], "characters": len(text)}
        write_audit(conn, at=row["changed_at"], actor=op.actor, operation="draft.save", subject=source, after=told)
        return _document(row, live)

    return await op.write(work)


async def discard_draft(op: Operator, source: str) -> None:
    """Take the draft away; the live version is untouched. Raises NotFound where there is none."""

    def work(conn: Connection) -> None:
        load_source(conn, source)
        before = _load(conn, source)
        delete_draft(conn, source)
        text = before["text"].encode("utf-8", "surrogatepass")  # of texts, the audit log keeps what tells them apart
        told = {"author": before["author"], "bytes": len(text), "sha256": sha256(text).hexdigest()}
        write_audit(conn, at=clock.now(), actor=op.actor, operation="draft.discard", subject=source, before=told)

    await op.write(work)


async def publish_draft(op: Operator, source: str, *, seen_revision: int, note: str = "") -> dict[str, Any]:
    """Make the draft a version and live in every gateway; gives the version.

    Raises ScriptRefused, NotFound, and Conflict where somebody has saved since `seen_revision`.
    """
    draft = await op.read(lambda conn: _load(conn, source))
    if draft["revision"] != seen_revision:
        raise _overtaken(source, draft)
    version = await push_script(op, source, draft["text"], note=note, is_published=True)

    def work(conn: Connection) -> None:
        now = read_draft(conn, source)
        if now is not None and now["revision"] == seen_revision:  # else somebody has begun the next one
            delete_draft(conn, source)

    await op.write(work)
    return version


async def check_draft(op: Operator, source: str, text: str) -> dict[str, Any]:
    """Compile a text in the sandbox: `{problems: [{line, column, message}], has_authenticate, docstring}`."""
    row = await op.read(lambda conn: load_source(conn, source))
    checked = await (await op.pool()).check(text, read_limits(row["limits"]))
    return {
        "problems": [asdict(problem) for problem in checked.problems],
        "has_authenticate": checked.has_authenticate,
        "docstring": checked.docstring,
    }


async def load_text(op: Operator, source: str, name: str) -> str:
    """Give a text of a source by name: `draft`, `live`, a version's number or its id. Raises NotFound."""
    return await op.read(lambda conn: _text(conn, source, name))


async def diff_texts(op: Operator, source: str, before: str = LIVE, after: str = DRAFT) -> dict[str, Any]:
    """Compare two texts of a source by name (see `load_text`): `{before, after, unified, rows, added, removed}`."""

    def work(conn: Connection) -> tuple[str, str]:
        return _text(conn, source, before), _text(conn, source, after)

    left, right = await op.read(work)
    shown = await asyncio.to_thread(show_diff, left, right, before, after)  # long texts take a second
    return {"before": before, "after": after} | shown


def show_diff(left: str, right: str, before: str, after: str) -> dict[str, Any]:
    """Give a difference of two texts as one unified text and as rows side by side."""
    rows: Rows = side_by_side(left, right)
    changed = [row["kind"] for row in rows]
    return {
        "unified": unified(left, right, before, after),
        "rows": rows,
        "added": sum(kind in ("added", "changed") for kind in changed),
        "removed": sum(kind in ("removed", "changed") for kind in changed),
    }


def _text(conn: Connection, source: str, name: str) -> str:
    row = load_source(conn, source)
    if name == DRAFT:
        return str(_load(conn, source)["text"])
    if name == LIVE:
        if row["live_version_id"] is None:
            return ""
        name = row["live_version_id"]
    return str(load_version(conn, source, name)["text"])


def _load(conn: Connection, source: str) -> dict[str, Any]:
    row = read_draft(conn, source)
    if row is None:
        raise NotFound(f'source "{source}" has no draft')
    return row


def _overtaken(source: str, draft: dict[str, Any] | None) -> Conflict:
    if draft is None:
        return Conflict(f'the draft of "{source}" was published or discarded meanwhile: open it again', author=None)
    at = clock.iso(draft["changed_at"])
    told = {"author": draft["author"], "changed_at": at, "revision": draft["revision"]}
    return Conflict(f'{draft["author"]} has saved another draft of "{source}" at {at}: look at it before yours', **told)


def _document(row: dict[str, Any], live_version_id: str | None) -> dict[str, Any]:
    return {
        "source": row["source"],
        "text": row["text"],
        "revision": row["revision"],
        "author": row["author"],
        "base_version_id": row["base_version_id"],
        "changed_at": clock.iso(row["changed_at"]),
        "is_stale": row["base_version_id"] != live_version_id,
    }
