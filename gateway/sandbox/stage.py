"""Stage: one shared page of memory on which a child notes how far it is.

Takes (sequence number of the request, stage) from the child; gives them to the gateway at any moment,
without a message, also when the child is already dead. That is how a verdict is known although
`transform` died, and which of several pipelined requests a death belongs to. The page is exactly as
trustworthy as a frame of the child.
"""

import fcntl
import mmap
import os
import tempfile

IDLE, LOAD, AUTHENTICATE, TRANSFORM = range(4)
STAGE_NAMES = ("idle", "load", "authenticate", "transform")

_PAGE_BYTES = mmap.PAGESIZE


class StagePage:
    """Both ends of the page. One aligned 64-bit word, so that a reader never sees half of a change."""

    __slots__ = ("_memory", "_words")

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _PAGE_BYTES)
        self._words = memoryview(self._memory).cast("Q")

    def note(self, sequence: int, stage: int) -> None:
        """Write down that this request (counted from 1 in this child) enters this stage."""
        self._words[0] = sequence << 8 | stage

    def word(self) -> int:
        """Read sequence and stage as one number: equal words mean that nothing moved."""
        return self._words[0]

    def close(self) -> None:
        """Let go of the page, and of the descriptor that Python keeps for it; nobody reads it any more."""
        self._words.release()
        self._memory.close()


def split_word(word: int) -> tuple[int, int]:
    """Give (sequence, stage); a stage that no honest child writes reads as idle."""
    stage = word & 0xFF
    return word >> 8, stage if stage < len(STAGE_NAMES) else IDLE


def open_page_memory() -> int:
    """Give the descriptor of one anonymous page whose size nobody can change any more."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(_PAGE_BYTES)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("hookwright-stage", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _PAGE_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor
