"""What belongs to a source, for scripts under test."""

import pytest

from gateway.toolbox import Context


@pytest.fixture
def context() -> Context:
    return Context("shop", "evt_1", {"signing_secret": "s3cret"}, {"zone": "UTC", "tags": ["a"]}, lambda *values: None)
