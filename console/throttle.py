"""Throttle: how often a sign-in may be tried, from one address and for one account. Counted in Redis, for all consoles.

Takes an address and an e-mail; raises TooMany past the limit, before any password is looked at. Without Redis nobody
signs in: who cannot count must not open. Addresses and accounts are kept as hashes, for the window alone.
"""

from hashlib import sha256

from redis.asyncio import Redis

from gateway.errors import TooMany
from gateway.ingest.strangers import address_group

WINDOW_SECONDS = 15 * 60
TRIES_PER_ADDRESS = 50  # an office behind one address
TRIES_PER_ACCOUNT = 20
_NAME = "hookwright:sign-in:"


async def count_try(redis: Redis, address: str, email: str) -> None:
    """Count a try. Raises TooMany."""
    keys = keys_of(address, email)
    async with redis.pipeline(transaction=True) as pipe:
        for key in keys:
            pipe.set(key, 0, ex=WINDOW_SECONDS, nx=True)
            pipe.incr(key)
        counts = (await pipe.execute())[1::2]
    for count, quota, limit in zip(counts, (TRIES_PER_ADDRESS, TRIES_PER_ACCOUNT), ("address", "account"), strict=True):
        if count > quota:
            raise TooMany(
                f"too many tries; wait {WINDOW_SECONDS // 60} minutes, or ask an admin for a one-time link",
                limit=f"sign-in-{limit}",
                quota=quota,
                window_seconds=WINDOW_SECONDS,
                retry_after_seconds=WINDOW_SECONDS,
            )


async def forget_tries(redis: Redis, address: str, email: str) -> None:
    """Begin anew for an account whose owner has come in."""
    await redis.delete(keys_of(address, email)[1])


def keys_of(address: str, email: str) -> tuple[str, str]:
    """Name the two counts: of the address (IPv6: its /64, which is one sender's), of the account."""
    counted = f"address:{address_group(address)}", f"account:{email.strip().lower()}"
    by_address, by_account = (sha256(text.encode()).hexdigest() for text in counted)
    return _NAME + by_address, _NAME + by_account
