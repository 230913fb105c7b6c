"""Stage: a little shared memory on which a child notes how far it is, and what the script has printed by then.

Takes (sequence number of the request, stage) and lines of the log from the child; gives them to the gateway at any
moment, without a message, also when the child is already dead. That is how a verdict is known although
`transform` died, and which of several pipelined requests a death belongs to. Takes from the gateway up to
which request nobody waits any more; the child passes over these. The page is exactly as trustworthy as a
frame of the child: what is read is bounded, and no text yet.
"""

import fcntl
import mmap
import os
import signal
import tempfile

# The signal at which a child writes where it is, once for all: then it is killed.
ASK_WHERE = signal.SIGUSR1

IDLE, LOAD, AUTHENTICATE, TRANSFORM = range(4)
STAGE_NAMES = ("idle", "load", "authenticate", "transform")

_PAGE_BYTES = mmap.PAGESIZE
# Of a request that is killed no more is kept. Memory that nobody has printed into is not taken.
LOG_BYTES = 16 * 1024
_MEMORY_BYTES = _PAGE_BYTES + LOG_BYTES
_WORD, _LOG_LENGTH, _PASSED_OVER = range(3)


class StagePage:
    """Both ends of the page. Aligned 64-bit words, so that a reader never sees half of a change."""

    __slots__ = ("_memory", "_words")

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _MEMORY_BYTES)
        self._words = memoryview(self._memory).cast("Q")

    def note(self, sequence: int, stage: int) -> None:
        """Write down that this request (counted from 1 in this child) enters this stage."""
        self._words[_WORD] = sequence << 8 | stage

    def word(self) -> int:
        """Read sequence and stage as one number: equal words mean that nothing moved."""
        return self._words[_WORD]

    def clear_log(self) -> None:
        """Begin the log of another request."""
        self._words[_LOG_LENGTH] = 0

    def add_log(self, data: bytes) -> None:
        """Write down what was printed, as far as there is room. It counts when all of it is there."""
        length = self._words[_LOG_LENGTH]
        if length < LOG_BYTES:
            start, kept = _PAGE_BYTES + length, data[: LOG_BYTES - length]
            self._memory[start : start + len(kept)] = kept
        self._words[_LOG_LENGTH] = length + len(data)

    def log(self) -> tuple[bytes, bool]:
        """Read what was printed, and whether that is all of it."""
        length = self._words[_LOG_LENGTH]
        return self._memory[_PAGE_BYTES : _PAGE_BYTES + min(length, LOG_BYTES)], length <= LOG_BYTES

    def pass_over(self, sequence: int) -> None:
        """Have the child pass over all requests up to this one that it has not begun."""
        self._words[_PASSED_OVER] = sequence

    @property
    def passed_over(self) -> int:
        return self._words[_PASSED_OVER]

    def close(self) -> None:
        """Let go of the page, and of the descriptor that Python keeps for it; nobody reads it any more."""
        self._words.release()
        self._memory.close()


def split_word(word: int) -> tuple[int, int]:
    """Give (sequence, stage); a stage that no honest child writes reads as idle."""
    stage = word & 0xFF
    return word >> 8, stage if stage < len(STAGE_NAMES) else IDLE


def open_page_memory() -> int:
    """Give the descriptor of anonymous memory whose size nobody can change any more."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(_MEMORY_BYTES)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("hookwright-stage", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _MEMORY_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor
