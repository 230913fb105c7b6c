"""A store on a fresh, migrated database, of both kinds in turn."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gateway.store.engine import Store, open_store


@pytest.fixture
def opened() -> Iterator[Callable[..., Store]]:
    """Give what opens a store and closes it after the test."""
    with ExitStack() as stack:

        def opened(url: str, **options: Any) -> Store:
            store = open_store(url, **options)
            stack.callback(store.close)
            return store

        yield opened


@pytest.fixture
def store(store_url: str, opened: Callable[..., Store]) -> Store:
    return opened(store_url)
