"""A store for each test, of both kinds in turn, and few words to say what is sent to it."""

from collections.abc import Iterator

import pytest
from databases import KINDS, fresh_database
from desk import Desk, open_desk

from gateway.worker.apply import ApplySettings


@pytest.fixture(scope="session", params=KINDS)
def shared_desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Give a desk that the tests of a session share: whoever takes it clears it."""
    with fresh_database(request.param, request) as url, open_desk(url) as desk:
        yield desk


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.clear()
    shared_desk.settings = ApplySettings()
    return shared_desk
