"""Scripts: check a text, push it as a version, publish a version, list versions."""

from hashlib import sha256
from typing import Any

from gateway import clock
from gateway.config import Settings
from gateway.errors import Conflict, ScriptRefused
from gateway.ids import mint_version_id
from gateway.operations.operator import Operator
from gateway.registry import read_limits
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Checked
from gateway.sandbox.pool import Pool
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.sources import load_source, update_source
from gateway.store.versions import find_versions, insert_version, load_version, mark_published
from gateway.store.versions import list_versions as read_versions


async def check_script(settings: Settings, text: str) -> Checked:
    """Compile a text in a sandbox and say every place that is refused. Needs no data folder: CI has none."""
    pool = Pool(is_strict=settings.sandbox == "strict")
    await pool.start()
    try:
        return await pool.check(text)
    finally:
        await pool.close()


async def push_script(
    op: Operator, source: str, text: str, *, note: str = "", is_published: bool = False
) -> dict[str, Any]:
    """Keep a text as a new version; publish it too if asked. Raises ScriptRefused: the live version keeps running."""
    row = await op.read(lambda conn: load_source(conn, source))
    version = await new_version(op, source, text, note=note, limits=read_limits(row["limits"]))

    def work(conn: Connection) -> int:
        load_source(conn, source)
        number = insert_version(conn, version)
        write_audit(
            conn,
            at=version["created_at"],
            actor=op.actor,
            operation="script.push",
            subject=source,
            after={"version_id": version["id"], "number": number, "sha256": version["sha256"], "note": note},
        )
        if is_published:
            _publish(conn, op.actor, source, version)
        return number

    number = await (op.publish(work) if is_published else op.write(work))
    return {"id": version["id"], "source": source, "number": number, "is_live": is_published}


async def publish_version(op: Operator, source: str, version: str) -> dict[str, Any]:
    """Make a version (by id or number) live in every running gateway. Raises NotFound."""

    def work(conn: Connection) -> dict[str, Any]:
        load_source(conn, source)
        row = load_version(conn, source, version)
        _publish(conn, op.actor, source, row)
        return {"id": row["id"], "source": source, "number": row["number"], "is_live": True}

    return await op.publish(work)


async def roll_back(op: Operator, source: str) -> dict[str, Any]:
    """Publish the version that was live before the one that is. Raises NotFound, Conflict where there is none."""

    def work(conn: Connection) -> dict[str, Any]:
        live = load_source(conn, source)["live_version_id"]
        former = [row for row in read_versions(conn, source) if row["published_at"] and row["id"] != live]
        if live is None or not former:
            raise Conflict(f'source "{source}" has no version that was live before this one')
        row = max(former, key=lambda row: row["published_at"])
        _publish(conn, op.actor, source, row)
        return {"id": row["id"], "source": source, "number": row["number"], "is_live": True}

    return await op.publish(work)


async def show_version(op: Operator, source: str, version: str) -> dict[str, Any]:
    """Give a version by id or number, with its text. Raises NotFound."""

    def work(conn: Connection) -> dict[str, Any]:
        live = load_source(conn, source)["live_version_id"]
        return _document(load_version(conn, source, version), live)

    return await op.read(work)


async def list_versions(op: Operator, source: str) -> list[dict[str, Any]]:
    def work(conn: Connection) -> list[dict[str, Any]]:
        live = load_source(conn, source)["live_version_id"]
        return [_document(row, live) for row in read_versions(conn, source)]

    return await op.read(work)


def _document(row: dict[str, Any], live_version_id: str | None) -> dict[str, Any]:
    times = {name: clock.iso(row[name]) for name in ("created_at", "published_at")}
    return {**row, **times, "is_live": row["id"] == live_version_id}


async def find_version_number(op: Operator, version_id: str) -> int | None:
    """Give the number that a version has within its source."""
    return (await op.read(lambda conn: find_versions(conn, [version_id]))).get(version_id)


async def new_version(
    op: Operator, source: str, text: str, *, note: str, limits: Limits | None = None
) -> dict[str, Any]:
    """Make the row of a new version of a text that passes the check. Raises ScriptRefused."""
    checked = await (await op.pool()).check(text, limits)
    if checked.problems:
        raise ScriptRefused(checked.problems)
    return {
        "id": mint_version_id(),
        "source": source,
        "text": text,
        "sha256": sha256(text.encode()).hexdigest(),
        "has_authenticate": checked.has_authenticate,
        "note": note,
        "author": op.actor,
        "created_at": clock.now(),
    }


def _publish(conn: Connection, actor: str, source: str, version: dict[str, Any]) -> None:
    at, before = clock.now(), load_source(conn, source)["live_version_id"]
    mark_published(conn, version["id"], at)
    update_source(conn, source, at, live_version_id=version["id"])
    write_audit(
        conn, at=at, actor=actor, operation="script.publish", subject=source, before=before, after=version["id"]
    )
