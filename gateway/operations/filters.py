"""Filters: searches of events that a person keeps under a name; each person has their own."""

from typing import Any
from urllib.parse import parse_qsl

from gateway import clock
from gateway.errors import NotFound, OperatorError
from gateway.operations.operator import Operator
from gateway.operations.searching import read_filter
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.filters import delete_filter, write_filter
from gateway.store.filters import list_filters as read_filters

NAME_CHARACTERS_MAX = 80
QUERY_CHARACTERS_MAX = 4000


async def list_filters(op: Operator) -> list[dict[str, Any]]:
    """Give the operator's filters by name: `{name, query, created_at}`; `query` is what stands behind the `?`."""
    rows = await op.read(lambda conn: read_filters(conn, op.actor))
    return [row | {"created_at": clock.iso(row["created_at"])} for row in rows]


async def save_filter(op: Operator, name: str, query: str) -> dict[str, Any]:
    """Keep a search, in place of the operator's one of that name. Raises OperatorError for one that cannot be read."""
    name, query = name.strip(), query.removeprefix("?")
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or len(query) > QUERY_CHARACTERS_MAX:
        raise OperatorError(f"a filter has a name of 1 to {NAME_CHARACTERS_MAX} characters, and is not endless")
    read_filter(dict(parse_qsl(query)))
    at = clock.now()
    row = {"owner": op.actor, "name": name, "query": query, "created_at": at}

    def work(conn: Connection) -> None:
        write_filter(conn, row)
        told = {"name": name, "query": query}
        write_audit(conn, at=at, actor=op.actor, operation="filter.save", subject=op.actor, after=told)

    await op.write(work)
    return {"name": name, "query": query, "created_at": clock.iso(at)}


async def remove_filter(op: Operator, name: str) -> None:
    """Raises NotFound."""

    def work(conn: Connection) -> None:
        if not delete_filter(conn, op.actor, name):
            raise NotFound(f'you have no filter "{name}"')
        write_audit(conn, at=clock.now(), actor=op.actor, operation="filter.remove", subject=op.actor, before=name)

    await op.write(work)
