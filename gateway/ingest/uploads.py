"""Uploads: bodies that are still coming in. They hold memory and no place at work.

A place is for a request that is whole, so that nobody takes places by sending slowly. What the unfinished ones hold is
counted in bytes, in all and by address (IPv6: by /64): past the limit, of which one address has a quarter, the sender
hears 503. Never looks into a body.
"""

from typing import NoReturn, Self

from gateway.errors import UploadRefused
from gateway.ingest.strangers import address_group

ADDRESS_SHARE = 4
# What a connection may hold of a body before anybody has asked for it: uvicorn reads so far ahead.
AHEAD_BYTES = 64 * 1024
RETRY_SECONDS = 10


class Uploads:
    """What is held by unfinished bodies, by address."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max, self._of_one_max = bytes_max, bytes_max // ADDRESS_SHARE
        self._held = 0
        self._held_by: dict[str, int] = {}

    def hold(self, who: str, more: int) -> None:
        """Count what somebody holds. Raises UploadRefused."""
        held = self._held_by.get(who, 0) + more
        if held > self._of_one_max:
            _refuse("of this address", self._of_one_max)
        if self._held + more > self._bytes_max:
            _refuse("of all senders", self._bytes_max)
        self._held += more
        self._held_by[who] = held

    def release(self, who: str, held: int) -> None:
        self._held -= held
        left = self._held_by[who] - held
        if left:
            self._held_by[who] = left
        else:
            del self._held_by[who]


class Upload:
    """One body while it comes in: holds what there is of it, and lets go at its end."""

    __slots__ = ("_held", "_uploads", "_who")

    def __init__(self, uploads: Uploads, address: str) -> None:
        self._uploads, self._who, self._held = uploads, address_group(address), 0

    def __enter__(self) -> Self:
        self.hold(AHEAD_BYTES)
        return self

    def hold(self, more: int) -> None:
        """Hold so many bytes more. Raises UploadRefused."""
        self._uploads.hold(self._who, more)
        self._held += more

    def __exit__(self, *_: object) -> None:
        self._uploads.release(self._who, self._held)


def _refuse(whose: str, allowed: int) -> NoReturn:
    detail = f"the bodies {whose} that are still coming in hold all of their {allowed} bytes; send it again later"
    raise UploadRefused(detail, RETRY_SECONDS, limit="upload_bytes_max")
