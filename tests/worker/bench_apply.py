"""How many events a second one worker applies, every commit on disk: python tests/worker/bench_apply.py

The first argument says how many events; `postgresql` behind it takes that instead of SQLite.
Two actions an event (upsertContact with 8 attributes, upsertOrder with 8 items), 5 KB of raw body, one
person each; then the same with all events on one person, one order, one cart, and out of order between
batches: there the second half must not be slower than the first.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from desk import BEGIN, SECOND, Action, bought, event_id, open_desk, order, put, upsert
from postgres import run_postgres

from gateway.event import Event, Status
from gateway.store.migrate import migrate

BODY = b'{"padding": "' + b"x" * 5000 + b'"}'


def shopper(number: int) -> list[Action]:
    person = {"email": f"person{number}@example.com", "shopify_id": str(10_000_000 + number)}
    attributes = {
        "first_name": "Jane",
        "last_name": f"Doe {number}",
        "city": "Ottawa",
        "country": "CA",
        "orders_count": number % 7,
        "total_spent": "199.00",
        "tags": ["new", "web"],
        "channels.email.subscribeStatus": "subscribed",
    }
    items = [bought(f"p{number % 50}-{line}", 1, itemPrice="19.90", category="shirts") for line in range(8)]
    return [
        upsert(person, attributes=attributes),
        order(person, f"{number}", items=items, totalAmount="159.20", tax="12.00"),
    ]


def regular(number: int) -> list[Action]:
    """One person for all: attributes, a cart that fills and empties, one order that changes for ever."""
    person = {"email": "till@example.com"}
    return [
        upsert(person, attributes={"visits": number}),
        put(person, bought(f"p{number % 20}", 2)),
        order(person, f"{number // 50}", status=str(number), items=[bought(f"p{number % 20}", 1)]),
    ]


def make(numbers: Sequence[int], say: Callable[[int], list[Action]]) -> list[Event]:
    return [
        Event(
            id=event_id(number),
            root=event_id(number),
            source="shop",
            received_at=BEGIN + number * SECOND // 100,
            status=Status.QUEUED,
            actions=orjson.dumps(say(number)),
            head=b"{}",
            body=BODY,
        )
        for number in numbers
    ]


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Give an empty database of that kind, as durable as in production."""
    if kind == "postgresql":
        with run_postgres(is_durable=True) as server, server.database() as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.db"
        migrate(url)
        yield url


def measure(kind: str, events: Sequence[Event], size: int) -> list[float]:
    """Give the seconds that each batch took."""
    with database(kind) as url, open_desk(url) as desk:
        took = []
        for start in range(0, len(events), size):
            began = time.perf_counter()
            desk.send(*events[start : start + size])
            took.append(time.perf_counter() - began)
        return took


def swapped(numbers: list[int], size: int) -> list[int]:
    """Let neighbours that are up to a batch apart overtake each other."""
    dice = random.Random(7)
    return sorted(numbers, key=lambda number: number + dice.uniform(0, size))


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    kind = "postgresql" if "postgresql" in sys.argv else "sqlite"
    for size in (1, 32, 256, 1000):
        count = min(many, size * 400)
        took = measure(kind, make(range(count), shopper), size)
        print(f"{size:5d} a batch: {count / sum(took):7.0f} events/s")
    for size in (32, 256):
        took = measure(kind, make(swapped(list(range(many)), size), regular), size)
        half = len(took) // 2
        first, second = half * size / sum(took[:half]), half * size / sum(took[half : half * 2])
        print(f"{size:5d} a batch, one person: {first:7.0f} events/s in the first half, {second:7.0f} in the second")


if __name__ == "__main__":
    main()
