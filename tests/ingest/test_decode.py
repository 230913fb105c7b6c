"""What a body is packed in costs no more than it holds."""

import gzip

import pytest

from gateway.errors import BadRequest
from gateway.ingest.decode import decode

MIB = 1024 * 1024


def test_gzip_of_several_members_is_read_to_its_end() -> None:
    parts = [b"one", b"", b"three" * 100_000]
    assert decode(b"".join(map(gzip.compress, parts)), "gzip", MIB) == b"".join(parts)
    assert decode(b"", "gzip", MIB) == b""


def test_gzip_of_thousands_of_empty_members_is_refused() -> None:
    """A megabyte of them took the gateway half a second, ten took minutes; a stranger may send them."""
    with pytest.raises(BadRequest, match="256 members"):
        decode(gzip.compress(b"") * 257, "gzip", MIB)
