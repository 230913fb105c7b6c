"""Statements: how long the database works for which table.

Takes a store, gives the seconds that its statements have taken, by the table that each is about. What a
statement waits for in the driver counts; the commit does not.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from gateway.store.engine import Store

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE) (\w+)")


@contextmanager
def watched(store: Store) -> Iterator[Counter[str]]:
    """Count the seconds of each table meanwhile; those of all other statements are under the empty name."""
    seconds, began = Counter[str](), dict[int, float]()

    def begin(_connection: Any, cursor: Any, *_: Any) -> None:
        began[id(cursor)] = time.perf_counter()

    def end(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        table = _TABLE.search(statement)
        seconds[table[1] if table else ""] += time.perf_counter() - began.pop(id(cursor))

    hooks = {"before_cursor_execute": begin, "after_cursor_execute": end}
    for name, hook in hooks.items():
        event.listen(store.engine, name, hook)
    try:
        yield seconds
    finally:
        for name, hook in hooks.items():
            event.remove(store.engine, name, hook)
