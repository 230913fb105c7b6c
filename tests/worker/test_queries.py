"""Applying asks few questions, whatever the size of a batch, and each is answered by an index."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from desk import Desk, activity, bought, event_id, join, make_event, order, put, records, upsert
from sqlalchemy import event

from gateway.event import Event
from gateway.store.rulings import find_standing
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
    """Give the steps by which the database would answer; few rows must not be why it reads all of them."""
    with desk.store.reading() as connection:
        if connection.dialect.name == "sqlite":
            return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]


# The newest contact is read from the end of its key; whether anybody was erased is known after one row.
OF_ONE_ROW = ("ORDER BY contacts.id DESC", "FROM tombstones\n LIMIT")
IS_SCAN = re.compile(rf"(^|Seq )SCAN( ON)? ({'|'.join(metadata.tables)})\b", re.IGNORECASE)


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
    scans = [
        (step, statement)
        for statement, parameters in seen
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        for step in plan(desk, statement, parameters)
        if IS_SCAN.search(step)
    ]
    assert [one for one in scans if not any(words in one[1] for words in OF_ONE_ROW)] == []
    assert len(seen) > 40


def test_the_event_of_a_delivery_that_counts_is_found_by_the_index_of_those(desk: Desk) -> None:
    desk.send(*(make_event(number, unique_key=f"d{number}") for number in range(1, 20)))
    with statements(desk) as seen, desk.store.reading() as connection:
        found = find_standing(connection, ["shop\nd7", "shop\nd8"])
    assert {one.id for one in found.values()} == {event_id(7), event_id(8)}
    steps = plan(desk, *next(one for one in seen if "is_in_force" in one[0]))
    assert any("uq_events_in_force" in step for step in steps), steps


def test_a_plan_that_reads_a_whole_table_would_be_seen(desk: Desk) -> None:
    steps = plan(
        desk, "SELECT id FROM events WHERE attempts = 7", {} if "postgresql" in str(desk.store.engine.url) else ()
    )
    assert any(IS_SCAN.search(step) for step in steps), steps
