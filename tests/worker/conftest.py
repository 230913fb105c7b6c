"""A store in memory for each test, and few words to say what is sent to it."""

from collections.abc import Iterator

import pytest
from desk import Desk, open_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk
