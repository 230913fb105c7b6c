"""Sources: add, show, pause, resume, disable, enable, remove."""

import re
from typing import Any

import orjson

from gateway import clock
from gateway.errors import OperatorError
from gateway.operations.operator import Operator
from gateway.operations.scripts import new_version
from gateway.operations.secrets import seal_row
from gateway.plugins import Plugin, load_plugin
from gateway.queue.retake import enqueue_retake
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.events import count_by_status
from gateway.store.pending import list_held
from gateway.store.secrets import list_secrets, load_all_secrets, write_secret
from gateway.store.sources import insert_source, load_source, update_source
from gateway.store.sources import list_sources as read_sources
from gateway.store.versions import insert_version, load_version, mark_published

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
BUILT_IN = "api"  # where API events of keys without a source belong
RETAKE_AT_ONCE = 256


async def add_source(
    op: Operator,
    name: str,
    *,
    plugin: str | None = None,
    secrets: dict[str, str] | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Add a source; with a plugin its script is live at once. Raises Conflict, NotFound, OperatorError."""
    if not SLUG.fullmatch(name) or name == BUILT_IN:
        raise OperatorError(
            f'"{name}" cannot name a source: 1 to 64 of a-z, 0-9 and -, not at the ends, and not "{BUILT_IN}"'
        )
    ready = load_plugin(plugin) if plugin else None
    row = _new_row(name, ready, settings or {})
    version = await new_version(op, name, ready.script, note=f"plugin {plugin}") if ready else None

    def work(conn: Connection) -> None:
        insert_source(conn, row)
        if version is not None:
            insert_version(conn, version)
            mark_published(conn, version["id"], version["created_at"])
            update_source(conn, name, row["changed_at"], live_version_id=version["id"])
        for secret, value in (secrets or {}).items():
            write_secret(conn, seal_row(op.sealer, name, secret, value))
        write_audit(
            conn, at=row["created_at"], actor=op.actor, operation="source.add", subject=name, after={"plugin": plugin}
        )

    await op.publish(work)
    return await show_source(op, name)


def _new_row(name: str, plugin: Plugin | None, settings: dict[str, Any]) -> dict[str, Any]:
    at = clock.now()
    manifest = plugin.manifest if plugin else None
    defaults = {setting.name: setting.default for setting in manifest.settings} if manifest else {}
    unknown = set(settings) - set(defaults)
    if manifest and unknown:
        known = ", ".join(sorted(defaults)) or "none"
        raise OperatorError(f"the plugin has no setting {', '.join(sorted(unknown))}; it has: {known}")
    return {
        "name": name,
        "plugin": plugin.name if plugin else None,
        "title": manifest.title if manifest else name,
        "state": "live",
        "settings": orjson.dumps({**defaults, **settings}).decode(),
        "limits": "{}",
        "unique_by": manifest.unique_by if manifest else None,
        "occurred_at": manifest.occurred_at if manifest else None,
        "occurred_at_zone": manifest.occurred_at_zone if manifest else None,
        "created_at": at,
        "changed_at": at,
    }


async def list_sources(op: Operator) -> list[dict[str, Any]]:
    return [_document(op, row) for row in await op.read(read_sources)]


async def show_source(op: Operator, name: str) -> dict[str, Any]:
    """Describe a source: state, live version, settings, the names of its secrets, events by status."""

    def work(conn: Connection) -> dict[str, Any]:
        row = load_source(conn, name)
        live = load_version(conn, name, row["live_version_id"]) if row["live_version_id"] else None
        return {
            **_document(op, row),
            "live_version": live and {"id": live["id"], "number": live["number"], "note": live["note"]},
            "settings": orjson.loads(row["settings"]),
            "retention_days": row["retention_days"],
            "redaction": orjson.loads(row["redaction"]),
            "secrets": [secret["name"] for secret in list_secrets(conn, name)],
            "missing_secrets": _missing_secrets(row, {secret["name"] for secret in list_secrets(conn, name)}),
            "events": count_by_status(conn, name),
        }

    return await op.read(work)


def _missing_secrets(row: dict[str, Any], present: set[str]) -> list[str]:
    if row["plugin"] is None:
        return []
    return [
        secret.name
        for secret in load_plugin(row["plugin"]).manifest.secrets
        if secret.is_required and secret.name not in present
    ]


async def list_missing_secrets(op: Operator) -> dict[str, list[str]]:
    """Name the secrets that sources require and do not have, by source; a disabled one needs none."""

    def work(conn: Connection) -> dict[str, list[str]]:
        present: dict[str, set[str]] = {}
        for secret in load_all_secrets(conn):
            present.setdefault(secret["source"], set()).add(secret["name"])
        rows = (row for row in read_sources(conn) if row["state"] != "disabled")
        missing = {row["name"]: _missing_secrets(row, present.get(row["name"], set())) for row in rows}
        return {name: names for name, names in missing.items() if names}

    return await op.read(work)


async def pause_source(op: Operator, name: str) -> None:
    """Keep what comes in as `held`: accepted, not applied, until the source is resumed."""
    await _set_state(op, name, "paused", "source.pause")


async def resume_source(op: Operator, name: str) -> int:
    """Apply again, and take up what was held, oldest first, on the bulk lane. Gives how many were held."""
    await _set_state(op, name, "live", "source.resume")
    return await take_up_held(op, name)


async def take_up_held(op: Operator, name: str) -> int:
    taken, after = 0, ""
    while held := await op.read(lambda conn, after=after: list_held(conn, name, after, RETAKE_AT_ONCE)):  # type: ignore[misc]
        await enqueue_retake(op.redis, held)
        taken, after = taken + len(held), held[-1]
    return taken


async def disable_source(op: Operator, name: str) -> None:
    """Answer 410 from now on. Many senders unsubscribe a webhook that answers 410."""
    await _set_state(op, name, "disabled", "source.disable")


async def enable_source(op: Operator, name: str) -> int:
    return await resume_source(op, name)


async def remove_source(op: Operator, name: str) -> None:
    """Take a source away: its URL is unknown from now on, its events stay, its name is never used again."""
    await _set_state(op, name, "removed", "source.remove")


async def _set_state(op: Operator, name: str, state: str, operation: str) -> None:
    def work(conn: Connection) -> int:
        before, at = load_source(conn, name), clock.now()
        update_source(conn, name, at, state=state)
        write_audit(conn, at=at, actor=op.actor, operation=operation, subject=name, before=before["state"], after=state)
        return 0

    await op.publish(work)


def _document(op: Operator, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "plugin": row["plugin"],
        "title": row["title"],
        "state": row["state"],
        "url": f"{op.settings.effective_public_url}/in/{row['name']}",
        "live_version_id": row["live_version_id"],
        "created_at": clock.iso(row["created_at"]),
        "changed_at": clock.iso(row["changed_at"]),
    }
