"""Registry: what a gateway must know of all sources, in one reading, and the number that says it changed."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.store.rows import plain
from gateway.store.tables import keys, registry, secrets, sources, versions


def read_generation(conn: Connection) -> int:
    return conn.execute(select(registry.c.generation)).scalar() or 0


def raise_generation(conn: Connection) -> int:
    """Say that something a gateway must know has changed; in the transaction that changes it."""
    changed = conn.execute(update(registry).values(generation=registry.c.generation + 1))
    if changed.rowcount == 0:
        conn.execute(insert(registry).values(id=1, generation=1))
    return read_generation(conn)


def read_publications(conn: Connection) -> dict[str, int]:
    """Say when the live version of each source was published."""
    joined = sources.join(versions, versions.c.id == sources.c.live_version_id)
    live = select(sources.c.name, versions.c.published_at).select_from(joined)
    return {row.name: row.published_at for row in conn.execute(live.where(sources.c.state != "removed"))}


def read_source(conn: Connection, name: str) -> dict[str, Any] | None:
    """Read one source as `read_snapshot` does all of them; None for one that never was or is removed."""
    joined = sources.outerjoin(versions, versions.c.id == sources.c.live_version_id)
    live = select(sources, versions.c.text, versions.c.has_authenticate, versions.c.published_at).select_from(joined)
    row = conn.execute(live.where(sources.c.name == name, sources.c.state != "removed")).mappings().first()
    if row is None:
        return None
    sealed = conn.execute(select(secrets).where(secrets.c.source == name)).mappings()
    return {"generation": 0, "sources": [plain(row)], "secrets": [plain(one) for one in sealed], "keys": []}


def read_snapshot(conn: Connection) -> dict[str, Any]:
    """Read sources with their live versions and sealed secrets, and the keys in force."""
    joined = sources.outerjoin(versions, versions.c.id == sources.c.live_version_id)
    live = select(sources, versions.c.text, versions.c.has_authenticate, versions.c.published_at).select_from(joined)
    return {
        "generation": read_generation(conn),
        "sources": [plain(row) for row in conn.execute(live.where(sources.c.state != "removed")).mappings()],
        "secrets": [plain(row) for row in conn.execute(select(secrets)).mappings()],
        "keys": [plain(row) for row in conn.execute(select(keys).where(keys.c.revoked_at.is_(None))).mappings()],
    }
