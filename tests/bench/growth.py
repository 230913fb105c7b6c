"""Growth: what applying an event costs while the tables grow, and which table it is that makes it dearer.

A thousand events are applied by the worker's own code; then their rows are copied, with numbers of their
own, until the database has the size that is wanted. At each size batches of 256 are timed: people who are
new, and people from all over the table. At last one person with a long history, event by event. The events
are small (an order of one line), so that a million of them fit on a disk: it is the number of rows that is
looked at, not their size.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from sqlalchemy import Table, text

from gateway.event import Event, Lane, Status
from gateway.store.engine import Store, open_store
from gateway.store.migrate import migrate
from gateway.worker.apply import ApplySettings, apply_batch
from tests.bench import databases
from tests.bench.copies import SAMPLE, numeral, take_sample, write_copies
from tests.bench.figures import Row
from tests.bench.statements import watched

BATCH, BATCHES, SINGLES = 256, 12, 30
HISTORIES = (100, 1_000, 10_000)
# Numbers of the events that are timed: past those of all copies.
FIRST_TIMED = 9_000_000
_BEGIN = 1_790_000_000_000_000  # 2026-09-21, in microseconds
_SECOND = 1_000_000


@dataclass(slots=True)
class Desk:
    """A database that grows."""

    store: Store
    folder: Path
    tables: list[Table]
    numbers: Iterator[int]
    copies: int = 1

    def apply(self, events: Sequence[Event]) -> float:
        """Apply a batch; give the seconds that it took."""
        began = time.perf_counter()
        apply_batch(self.store, events, settings=ApplySettings(), lane=Lane.LIVE)
        return time.perf_counter() - began

    def grow(self, size: int) -> None:
        write_copies(self.store, self.tables, self.copies, size // SAMPLE)
        self.copies = max(self.copies, size // SAMPLE)
        if self._is_postgresql():  # where a daemon does it, a minute later; SQLite has none
            with self.store.writing() as connection:
                connection.execute(text("ANALYZE"))

    def mib(self) -> float:
        if self._is_postgresql():
            with self.store.reading() as connection:
                size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        else:
            size = sum(path.stat().st_size for path in self.folder.iterdir())
        return float(size) / 2**20

    def _is_postgresql(self) -> bool:
        return self.store.engine.dialect.name == databases.POSTGRESQL


def rows(sizes: Sequence[int], database: str) -> list[Row]:
    """Give two rows a size, and two a history."""
    made = []
    for size in sizes:
        made += [Row(f"{database}-new-{size}", f"{size:,} contacts and events: new people")]
        made += [Row(f"{database}-known-{size}", f"{size:,} contacts and events: known people")]
    for history in HISTORIES:
        told = f"one person of {history:,} events"
        made += [Row(f"{database}-next-{history}", f"{told}: the next one")]
        made += [Row(f"{database}-late-{history}", f"{told}: one from before all others, with a cart")]
    return made


def measure(rows: Sequence[Row], database: str) -> None:
    """Measure one round: one database that grows from the first size to the last."""
    with (
        TemporaryDirectory(prefix="hw-") as folder,
        databases.database(database) as url,
        _open(Path(folder), url) as desk,
    ):
        for row in rows:
            _, kind, amount = row.name.split("-")
            _MEASURES[kind](row, desk, int(amount))


@contextmanager
def _open(folder: Path, url: str = "") -> Iterator[Desk]:
    url = url or f"sqlite:///{folder / 'growth.db'}"
    migrate(url)
    store = open_store(url)
    try:
        desk = Desk(store, folder, [], count(FIRST_TIMED))
        desk.apply([order(number, person=number) for number in range(SAMPLE)])
        desk.tables = take_sample(store)
        yield desk
    finally:
        store.close()


def _measure_new(row: Row, desk: Desk, size: int) -> None:
    desk.grow(size)
    _time(row, desk, BATCH, BATCHES, lambda number: order(number, person=number))


def _measure_known(row: Row, desk: Desk, size: int) -> None:
    people = random.Random(size).choices(range(size), k=BATCH * BATCHES)
    _time(row, desk, BATCH, BATCHES, lambda number: order(number, person=people.pop()))


def _measure_next(row: Row, desk: Desk, history: int) -> None:
    for start in range(0, history, SAMPLE):
        desk.apply([_visit(next(desk.numbers), history) for _ in range(start, min(start + SAMPLE, history))])
    _time(row, desk, 1, SINGLES, lambda number: _visit(number, history))


def _measure_late(row: Row, desk: Desk, history: int) -> None:
    _time(row, desk, 1, SINGLES, lambda number: _visit(number, history, late_seconds=FIRST_TIMED))


_MEASURES: dict[str, Callable[[Row, Desk, int], None]] = {
    "new": _measure_new,
    "known": _measure_known,
    "next": _measure_next,
    "late": _measure_late,
}


def _time(row: Row, desk: Desk, batch: int, batches: int, make: Callable[[int], Event]) -> None:
    """Time so many batches; note the time an event, and where in the database it was spent."""
    work = [[make(next(desk.numbers)) for _ in range(batch)] for _ in range(batches)]
    events, cpu = batch * batches, time.process_time()
    with watched(desk.store) as seconds:
        took = [desk.apply(each) for each in work]
    row.cpu_us.append((time.process_time() - cpu) / events * 1e6)
    row.rates.append(events / sum(took))
    row.note_times([each / batch for each in took])
    tables = ", ".join(f"{name} {spent / events * 1e6:.0f}" for name, spent in seconds.most_common(3))
    row.note = f"{desk.mib():,.0f} MiB; SQL {seconds.total() / events * 1e6:.0f} µs: {tables}"


def order(number: int, *, person: int) -> Event:
    who = {"email": f"p{numeral(person)}@example.com", "shop_id": numeral(person)}
    attributes = {"first_name": "Jane", "city": "Ottawa", "orders_count": number % 10}
    line = {"productID": f"p{number % 50}", "sku": "s", "name": "shirt", "qty": 1, "itemPrice": "19.90"}
    return _event(
        number,
        number,
        {
            "action": "upsertContact",
            "identifiers": who,
            "attributes": attributes,
            "mergeOptions": {"mergeAllowed": True},
        },
        {
            "action": "upsertOrder",
            "contact": {"identifiers": who},
            "orderID": numeral(number),
            "purchaseDate": "2026-09-01T00:00:00Z",
            "status": "paid",
            "items": [line],
            "totalAmount": "19.90",
        },
    )


def _visit(number: int, person: int, *, late_seconds: int = 0) -> Event:
    """Say what a regular does: he looks in, and puts something into his cart."""
    who = {"email": f"regular-{person}@example.com"}
    line = {"productID": f"p{number % 20}", "sku": "s", "name": "shirt", "category": "", "qty": 1}
    return _event(
        number,
        number - late_seconds,
        {"action": "upsertContact", "identifiers": who, "attributes": {"visits": number}},
        {"action": "addProductsToCart", "contact": {"identifiers": who}, "items": [line]},
    )


def _event(number: int, second: int, *actions: dict[str, object]) -> Event:
    event_id = f"evt_{numeral(number):0>26}"
    return Event(
        id=event_id,
        root=event_id,
        source="shop",
        received_at=_BEGIN + second * _SECOND,
        status=Status.QUEUED,
        actions=orjson.dumps(actions),
        body=b'{"small": true}',
        unique_key=f"d-{numeral(number)}",
    )
