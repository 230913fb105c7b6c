"""The bench measures what it says: what it leaves out is there, and what it copies is what applying would have left."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import gateway
from gateway.store.engine import Store
from gateway.store.tables import metadata

ROOT = Path(gateway.__file__).parents[1]
# What the clock on the wall says, and how long something took.
_OF_THE_MOMENT = {"created_at", "applied_at", "tries"}


@pytest.fixture(autouse=True)
def _bench_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_every_row_of_the_bench_has_a_name_of_its_own() -> None:
    parts = import_module("tests.bench.parts")
    options = parts.Options(rounds=1, seconds=1.0, events=1, posts=1, sizes=(1000, 2000))
    for name, part in parts.PARTS.items():
        rows = [row.name for row in part.rows(options)]
        assert len(rows) == len(set(rows)), name
        assert set(part.bases) <= set(rows), name


def test_each_layer_that_the_bench_leaves_out_exists() -> None:
    layers = import_module("tests.bench.layers")
    for changes in layers._LEFT_OUT.values():
        for target in changes:
            module, _, function = target.partition(".")
            assert callable(getattr(import_module(f"gateway.sandbox.{module}"), function))


def rows_of(store: Store) -> dict[str, list[Any]]:
    with store.reading() as connection:
        return {
            table.name: sorted(
                repr([row[column.name] for column in table.columns if column.name not in _OF_THE_MOMENT])
                for row in connection.execute(select(table)).mappings()
            )
            for table in metadata.sorted_tables
            if table.name != "totals"  # the size of all bodies, kept beside them
        }


def test_copied_rows_are_those_that_applying_leaves(tmp_path: Path) -> None:
    growth, copies = import_module("tests.bench.growth"), import_module("tests.bench.copies")
    events = [growth.order(number, person=number) for number in range(2 * copies.SAMPLE)]
    told = [
        replace(event, received_at=events[number % copies.SAMPLE].received_at) for number, event in enumerate(events)
    ]
    (tmp_path / "copied").mkdir()
    (tmp_path / "applied").mkdir()
    with growth._open(tmp_path / "copied") as desk:
        desk.grow(2 * copies.SAMPLE)
        copied = rows_of(desk.store)
    with growth._open(tmp_path / "applied") as desk:
        desk.apply(told[copies.SAMPLE :])
        applied = rows_of(desk.store)
    assert len(applied["events"]) == len(applied["contacts"]) == len(applied["orders"]) == 2 * copies.SAMPLE
    assert copied == applied
