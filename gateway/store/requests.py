"""Requests: what came in, byte for byte, compressed where that pays.

Takes and gives the bytes of a head (JSON) and a body; how they lie in the table is known here alone. Keeps
the total of all that is stored, so that nobody has to add it up.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from threading import local
from typing import Any

import zstandard
from sqlalchemy import Connection, func, insert, select, update

from gateway.event import Event
from gateway.store import dialect
from gateway.store.tables import events, requests, totals

ZSTD = "zstd"
# Level 1 takes 10 µs for an order of 5 KB and leaves a fifth of it; level 3 takes longer and leaves as much.
_LEVEL = 1
# Shorter ones are mostly the frame around them.
_BYTES_MIN = 256
# Less saved than this is not worth undoing it.
_PAYS = 0.9
# As they are stored; what one of them holds may be more.
_AT_ONCE_BYTES = 4 * 1024 * 1024
_REQUEST_BYTES = "request_bytes"
_of_thread = local()


def is_gone(event: Event) -> bool:
    """Tell a root whose raw request was gone before it came: it was imported so, or belongs to an erased person."""
    return not event.is_replay and not event.head


def save_requests(connection: Connection, roots: Collection[Event]) -> None:
    rows = [_row(event) for event in roots if not is_gone(event)]
    if rows:
        dialect.insert_rows(connection, requests, rows)
        _count(connection, sum(len(row["head_blob"]) + len(row["body_blob"]) for row in rows))


def load_request(connection: Connection, event_id: str) -> tuple[bytes, bytes] | None:
    """Give head (JSON) and body as they came in, for a replay its root's; None where they are gone."""
    row = connection.execute(
        select(requests.c.head_blob, requests.c.body_blob, requests.c.encoding)
        .join(events, events.c.root == requests.c.event_id)
        .where(events.c.id == event_id)
    ).one_or_none()
    return None if row is None else unpack_request(row.head_blob, row.body_blob, row.encoding)


def stream_requests(connection: Connection, roots: Sequence[str]) -> Iterator[tuple[str, tuple[bytes, bytes] | None]]:
    """Give each root with its head and body, None where they are gone, in this order.

    A body may have megabytes: few are in memory at once, and each is unpacked when it is its turn.
    """
    for few in _few_at_once(roots, _measure(connection, roots)):
        are_theirs = dialect.one_of(connection, requests.c.event_id, few)
        rows = {row.event_id: row for row in connection.execute(select(requests).where(are_theirs))}
        for root in few:
            row = rows.pop(root, None)
            yield root, None if row is None else unpack_request(row.head_blob, row.body_blob, row.encoding)


def _measure(connection: Connection, roots: Collection[str]) -> dict[str, int]:
    """Give what each holds as it is stored; the bytes themselves are not read for that."""
    are_theirs = dialect.one_of(connection, requests.c.event_id, roots)
    size = func.length(requests.c.body_blob).label("size")
    return {row.event_id: row.size for row in connection.execute(select(requests.c.event_id, size).where(are_theirs))}


def _few_at_once(roots: Iterable[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    few, size = list[str](), 0
    for root in roots:
        if few and size + sizes.get(root, 0) > _AT_ONCE_BYTES:
            yield few
            few, size = [], 0
        few.append(root)
        size += sizes.get(root, 0)
    if few:
        yield few


def load_requests(connection: Connection, roots: Collection[str]) -> dict[str, tuple[bytes, bytes]]:
    """Give those of the roots that are there: head and body by root."""
    rows = connection.execute(select(requests).where(dialect.one_of(connection, requests.c.event_id, roots)))
    return {row.event_id: unpack_request(row.head_blob, row.body_blob, row.encoding) for row in rows}


def delete_requests(connection: Connection, roots: Collection[str]) -> int:
    """Delete raw requests; gives the bytes that they held."""
    if not roots:
        return 0
    are_theirs = dialect.one_of(connection, requests.c.event_id, roots)
    size = func.length(requests.c.head_blob) + func.length(requests.c.body_blob)
    freed = int(connection.scalar(select(func.coalesce(func.sum(size), 0)).where(are_theirs)) or 0)
    connection.execute(requests.delete().where(are_theirs))
    _count(connection, -freed)
    return freed


def read_request_bytes(connection: Connection) -> int:
    """Give what all raw requests hold, as they are stored."""
    return connection.scalar(select(totals.c.value).where(totals.c.name == _REQUEST_BYTES)) or 0


def _count(connection: Connection, more: int) -> None:
    counted = update(totals).where(totals.c.name == _REQUEST_BYTES).values(value=totals.c.value + more)
    if connection.execute(counted).rowcount == 0:
        connection.execute(insert(totals).values(name=_REQUEST_BYTES, value=more))


def _row(event: Event) -> dict[str, Any]:
    head, body, encoding = pack_request(event.head, event.body)
    return {"event_id": event.id, "head_blob": head, "body_blob": body, "encoding": encoding}


def pack_request(head: bytes, body: bytes) -> tuple[bytes, bytes, str | None]:
    """Compress both, or neither where that does not pay; gives how they lie in the table."""
    size = len(head) + len(body)
    if size < _BYTES_MIN:
        return head, body, None
    packed = _compressor().compress(head), _compressor().compress(body)
    if len(packed[0]) + len(packed[1]) > size * _PAYS:
        return head, body, None
    return *packed, ZSTD


def unpack_request(head: bytes, body: bytes, encoding: str | None) -> tuple[bytes, bytes]:
    if encoding is None:
        return head, body
    undo = zstandard.ZstdDecompressor()
    return undo.decompress(head), undo.decompress(body)


def _compressor() -> zstandard.ZstdCompressor:
    """Give this thread's: one costs more to make than a request to compress, and may not be shared."""
    if not hasattr(_of_thread, "compressor"):
        _of_thread.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
    found: zstandard.ZstdCompressor = _of_thread.compressor
    return found
