"""Every page on ten thousand events: all are answered. What they weigh and how long they took is told at the end."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import gateway

ROOT = Path(gateway.__file__).parents[1]


def test_every_page_is_answered_with_ten_thousand_events_behind_it(
    monkeypatch: pytest.MonkeyPatch, figure: Callable[[str], None]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    fill = import_module("tests.bench.fill")
    with fill.prepared(10_000) as (settings, values):
        found = asyncio.run(fill.weigh(settings, values, rounds=1))
    for page, status, size, middle, _ in found:
        figure(f"{status}  {size / 1024:6.1f} KiB  {middle:7.1f} ms  {page}")
        assert status in (200, 303), page
        assert size < 60_000, f"{page} is heavy"
    assert len(found) == len(fill.PAGES)
