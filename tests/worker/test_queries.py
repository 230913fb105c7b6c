"""Applying asks few questions, whatever the size of a batch, and each is answered by an index."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from desk import Desk, activity, bought, join, make_event, order, put, records, upsert
from sqlalchemy import event

from gateway.event import Event
from gateway.store.tables import metadata


@contextmanager
def statements(desk: Desk) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    event.listen(desk.store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(desk.store.engine, "before_cursor_execute", note)


def plan(desk: Desk, statement: str, parameters: Any) -> list[str]:
    with desk.store.reading() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def everything(number: int, **fields: Any) -> Event:
    person = {"email": f"person{number}@example.com", "customId": f"c{number}"}
    return make_event(
        number,
        upsert(person, attributes={"VIP": True, "city": "Ottawa"}),
        order(person, f"{number % 7}", items=[bought("P")]),
        put({"customId": f"c{number}"}, bought("P", 2)),
        records({"customId": f"c{number}"}, {"id": number % 5}),
        activity({"customId": f"c{number}"}),
        join("VIP", {"customId": f"c{number}"}, isAllowedToCreateLists=bool(number % 2)),
        **fields,
    )


def test_a_batch_of_many_asks_no_more_than_a_batch_of_one(desk: Desk) -> None:
    with statements(desk) as few:
        desk.send(everything(1))
    with statements(desk) as many:
        desk.send(*(everything(number) for number in range(2, 100)))
    assert len(many) <= len(few) + 5


def test_no_query_of_applying_reads_a_whole_table(desk: Desk) -> None:
    desk.send(*(everything(number) for number in range(1, 20)))
    twins = [everything(21, unique_key="d"), everything(22, unique_key="d")]
    replays = [everything(30, root=3), make_event(31, root=4)]
    waiting = make_event(23, activity({"email": "nobody@example.com"}))
    bringing = make_event(32, upsert({"customId": "c5", "email": "nobody@example.com"}))
    merging = make_event(33, upsert({"customId": "c6", "email": "person7@example.com"}))
    earlier = make_event(34, order({"customId": "c1"}, "6", items=[bought("P")], occurredAt="2020-01-01T00:00:00Z"))
    with statements(desk) as seen:
        desk.send(*twins, waiting)
        desk.send(*replays, bringing)
        desk.send(merging, earlier)
        desk.event(3)
    is_scan = re.compile(rf"SCAN ({'|'.join(metadata.tables)})\b")
    scans = [
        (step, statement)
        for statement, parameters in seen
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        for step in plan(desk, statement, parameters)
        if is_scan.match(step)
    ]
    # The newest contact is read from the end of its key: one row.
    assert [one for one in scans if "ORDER BY contacts.id DESC" not in one[1]] == []
    assert len(seen) > 40
