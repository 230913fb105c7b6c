"""Fixtures: requests that a person keeps for a source, to try its script on again and again.

Takes a request by reference (see `trial_requests`) or as pasted, gives it a name. The fixtures of the source's plugin
are listed beside them and cannot be changed.
"""

from typing import Any

import orjson

from gateway import clock
from gateway.errors import OperatorError
from gateway.operations.operator import Operator
from gateway.operations.trial_requests import TrialRequest
from gateway.plugins import load_plugin
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.fixtures import delete_fixture, insert_fixture
from gateway.store.fixtures import list_fixtures as read_fixtures
from gateway.store.fixtures import rename_fixture as write_new_name
from gateway.store.sources import load_source

NAME_CHARACTERS_MAX = 80


async def list_fixtures(op: Operator, source: str) -> list[dict[str, Any]]:
    """Name the source's own fixtures, then its plugin's: `{reference, name, kind, origin, expected, …}`."""

    def work(conn: Connection) -> tuple[str | None, list[dict[str, Any]]]:
        return load_source(conn, source)["plugin"], read_fixtures(conn, source)

    plugin, rows = await op.read(work)
    own = [_document(row) for row in rows]
    return own + (_of_plugin(plugin) if plugin else [])


async def add_fixture(
    op: Operator, source: str, name: str, request: TrialRequest, *, expected: Any = None
) -> dict[str, Any]:
    """Keep a request under a name. Raises Conflict for a name that is taken, OperatorError for none at all."""
    at = clock.now()
    row = {
        "source": source,
        "name": _checked(name),
        "head_blob": request.head,
        "body_blob": request.body,
        "origin": request.reference,
        "expected": None if expected is None else orjson.dumps(expected).decode(),
        "author": op.actor,
        "created_at": at,
    }

    def work(conn: Connection) -> None:
        load_source(conn, source)
        insert_fixture(conn, row)
        told = {"name": row["name"], "origin": request.reference}
        write_audit(conn, at=at, actor=op.actor, operation="fixture.add", subject=source, after=told)

    await op.write(work)
    return _document(row)


async def rename_fixture(op: Operator, source: str, name: str, new_name: str) -> None:
    """Raises NotFound, Conflict, OperatorError."""
    checked = _checked(new_name)

    def work(conn: Connection) -> None:
        write_new_name(conn, source, name, checked)
        told = {"operation": "fixture.rename", "subject": source, "before": name, "after": checked}
        write_audit(conn, at=clock.now(), actor=op.actor, **told)

    await op.write(work)


async def remove_fixture(op: Operator, source: str, name: str) -> None:
    """Raises NotFound."""

    def work(conn: Connection) -> None:
        delete_fixture(conn, source, name)
        write_audit(conn, at=clock.now(), actor=op.actor, operation="fixture.remove", subject=source, before=name)

    await op.write(work)


def _checked(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise OperatorError(f"a fixture's name has 1 to {NAME_CHARACTERS_MAX} characters, all of them to be seen")
    return name


def _document(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "reference": f"fixture:{row['name']}",
        "name": row["name"],
        "kind": "fixture",
        "origin": row["origin"],
        "expected": orjson.loads(row["expected"]) if row["expected"] else None,
        "body_bytes": len(row["body_blob"]),
        "author": row["author"],
        "created_at": clock.iso(row["created_at"]),
    }


def _of_plugin(plugin: str) -> list[dict[str, Any]]:
    return [
        {
            "reference": f"plugin:{fixture.name}",
            "name": fixture.name,
            "kind": "plugin",
            "origin": plugin,
            "expected": fixture.expected,
            "body_bytes": len(fixture.body),
            "author": None,
            "created_at": None,
        }
        for fixture in load_plugin(plugin).fixtures
    ]
