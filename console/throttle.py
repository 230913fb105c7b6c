"""Throttle: how often a password may be tried, and by whom. Counted in Redis, for all consoles.

Takes who tries; raises TooMany past a limit, before any password is looked at. A browser that has signed in to the
account before, or is signed in now, is counted for itself alone: whatever others try, they cannot hold its owner out.
Anybody else is a stranger: counted by address, by account from that address, by account. Without Redis nobody signs
in: who cannot count must not open. Addresses, accounts and devices are kept as hashes, for the window alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from redis.asyncio import Redis

from gateway.errors import TooMany
from gateway.ingest.strangers import address_group

WINDOW_SECONDS = 15 * 60
TRIES_PER_ADDRESS = 50  # an office behind one address
TRIES_PER_ACCOUNT = 20
TRIES_FROM_ADDRESS = 10  # of one account: so that one address alone cannot shut it to all
TRIES_PER_DEVICE = 20
REFUSALS_TOLD = 100  # rows of the audit log, of all addresses
_NAME = "hookwright:sign-in:"
_REFUSED = "hookwright:sign-in-refused:"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many tries of whom."""

    name: str
    quota: int
    who: str
    is_forgiven: bool = True  # once the right password came

    @property
    def key(self) -> str:
        return _NAME + sha256(f"{self.name}:{self.who}".encode()).hexdigest()


def limits_of_stranger(address: str, email: str) -> Sequence[Limit]:
    """Limit who may be anybody, by address (IPv6: its /64, which is one sender's) and by account."""
    group, account = address_group(address), email.strip().lower()
    return (
        Limit("address", TRIES_PER_ADDRESS, group, is_forgiven=False),  # an account of one's own would buy new tries
        Limit("account-from-address", TRIES_FROM_ADDRESS, f"{group} {account}"),
        Limit("account", TRIES_PER_ACCOUNT, account),
    )


def limits_of_device(device: str) -> Sequence[Limit]:
    return (Limit("device", TRIES_PER_DEVICE, device),)


async def count_try(redis: Redis, limits: Sequence[Limit]) -> None:
    """Count a try; what one limit refuses does not count against the next. Raises TooMany."""
    for limit in limits:
        if await _count(redis, limit.key) > limit.quota:
            raise TooMany(
                f"too many tries; wait {WINDOW_SECONDS // 60} minutes, or ask an admin for a one-time link",
                limit=f"sign-in-{limit.name}",
                quota=limit.quota,
                window_seconds=WINDOW_SECONDS,
                retry_after_seconds=WINDOW_SECONDS,
            )


async def forget_tries(redis: Redis, limits: Sequence[Limit]) -> None:
    """Begin anew for who knew the password."""
    await redis.delete(*(limit.key for limit in limits if limit.is_forgiven))


async def count_refusal(redis: Redis, address: str) -> int:
    """Count a wrong password; gives how many came from this address, 0 where the audit log says enough of them.

    A row at every doubling, and so many of all addresses: a stranger cannot fill the log. Whose account it was makes
    no difference here, since the time of an answer would tell.
    """
    group = sha256(address_group(address).encode()).hexdigest()
    count = await _count(redis, _REFUSED + group)
    if count & (count - 1):
        return 0
    return count if await _count(redis, f"{_REFUSED}told") <= REFUSALS_TOLD else 0


async def _count(redis: Redis, key: str) -> int:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(key, 0, ex=WINDOW_SECONDS, nx=True)
        pipe.incr(key)
        return int((await pipe.execute())[1])
