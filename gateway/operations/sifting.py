"""Sifting: which of some events a filter means, payload and all.

Takes rows as the database has found them, gives each with a yes or no as soon as it is known: whoever asks looks at the
clock in between, and goes on another time behind the last one. Each takes a moment, whatever was sent.
"""

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

from gateway.operations.payloads import PayloadTest
from gateway.operations.requests import load_rules
from gateway.store.engine import Connection
from gateway.store.requests import stream_requests
from gateway.store.searching import EventFilter

# So many rows are asked for their bodies in one question; it is soon answered, and few are asked for in vain.
_AT_ONCE = 50


def sift(
    conn: Connection, rows: Sequence[Any], chosen: EventFilter, *, is_raw: bool
) -> Iterator[tuple[Any, bool | None]]:
    """Yield every row, in order, and whether the filter means it; None: there is too much in its body to tell."""
    if not chosen.is_of_payload:
        yield from ((row, chosen.admits(row)) for row in rows)
        return
    test, rules_of = PayloadTest(chosen, is_raw=is_raw), cache(partial(load_rules, conn))
    for part in (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)):
        roots = {row.id: row.root for row in part if chosen.admits(row)}
        requests = stream_requests(conn, list(dict.fromkeys(roots.values())))
        told: dict[str, bool | None] = {}
        for row in part:
            while row.id in roots and row.root not in told:
                root, request = next(requests)
                told[root] = request is not None and test.passes(*request, rules_of(row.source))
            yield row, row.id in roots and told[row.root]
