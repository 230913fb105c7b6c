"""Passwords: hashed and checked by argon2, in a thread, and never two ways to tell why one is wrong.

Takes what a person typed, gives a hash or a yes. A check of somebody unknown costs what any other costs.
Never keeps, logs or shows a password.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.errors import OperatorError

CHARACTERS_MIN = 12
CHARACTERS_MAX = 256  # argon2 would take a megabyte as well, and its time

# RFC 9106's second choice, argon2's own default: 64 MiB and some 50 ms each, so never more than two at once.
_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")


def check_strength(password: str) -> None:
    """Raises OperatorError for a password that is too short or too long."""
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise OperatorError(f"a password has {CHARACTERS_MIN} to {CHARACTERS_MAX} characters: a few words do well")


async def hash_password(password: str) -> str:
    check_strength(password)
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """Compare. Without a hash (nobody of that name, or no password yet) the same work is done for a no."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, _verify, password[:CHARACTERS_MAX], password_hash)


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
