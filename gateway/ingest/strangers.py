"""Strangers: who only makes work is told to come back later, before the body is read.

Counts the refusals of each address (IPv6: each /64), never what is genuine. Past the limit the address hears
429, except at a source that had a genuine request from there lately: senders who share an address with a
misconfigured neighbour go on. The path asks memory alone; Redis is told beside it, a tenth of a second's
refusals at once. What does not fit is not counted: a flood of addresses costs no memory.
"""

import asyncio
from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from gateway.errors import HookwrightError, SenderError, TooMany, Unavailable
from gateway.ingest.rates import STRANGER, Rates
from gateway.logs import log
from gateway.metrics import Metrics
from gateway.metrics.tally import outcome_of

TELL_SECONDS = 0.1
TOLD_AT_ONCE_MAX = 200
WAITING_MAX = 10_000
# Who was genuine stays known for one to two of these.
KNOWN_SECONDS = 600.0
KNOWN_MAX = 50_000

Known = set[tuple[str, str]]


class Strangers:
    def __init__(self, rates: Rates, metrics: Metrics, per_minute: int) -> None:
        self._rates, self._metrics, self._per_minute = rates, metrics, per_minute
        self._refused: Counter[str] = Counter()
        self._known: Known = set()
        self._known_before: Known = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def is_watching(self) -> bool:
        """Is anybody past a limit? As a rule nobody: then nobody's address need be known before the body."""
        return self._rates.is_anybody_full()

    def require_room(self, address: str, source: str) -> None:
        """Raise TooMany for an address that was refused too often and is not known to this source."""
        who = address_group(address)
        if (source, who) not in self._known and (source, who) not in self._known_before:
            self._rates.require_room(STRANGER, who, self._per_minute)

    def note_refusal(self, address: str, error: HookwrightError) -> None:
        """Count a refusal that the sender brought upon itself; not one for want of room."""
        if not isinstance(error, SenderError) or isinstance(error, Unavailable | TooMany):
            return
        self._metrics.count("refusals", outcome_of(error))
        who = address_group(address)
        if self._per_minute and (who in self._refused or len(self._refused) < WAITING_MAX):
            self._refused[who] += 1

    def note_genuine(self, address: str, source: str) -> None:
        """Remember who is no stranger to this source."""
        if len(self._known) < KNOWN_MAX:
            self._known.add((source, address_group(address)))

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        turn_at = loop.time() + KNOWN_SECONDS
        while True:
            await asyncio.sleep(TELL_SECONDS)
            try:
                await self._tell()
            except Exception:  # the watch must not end: nobody would be counted any more
                log.exception("strangers_not_counted")
            self._rates.forget_past()
            if loop.time() > turn_at:
                self._known_before, self._known, turn_at = self._known, set(), loop.time() + KNOWN_SECONDS

    async def _tell(self) -> None:
        for who, count in self._refused.most_common(TOLD_AT_ONCE_MAX):
            del self._refused[who]
            await self._rates.count(STRANGER, who, self._per_minute, count)


@lru_cache(maxsize=8192)
def address_group(address: str) -> str:
    """Give what counts as one sender: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))
