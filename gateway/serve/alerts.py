"""Alerts: people are told of what cannot wait, by a signed POST to HOOKWRIGHT_ALERT_URL.

    source.quarantined   a script tried to leave its sandbox
    events.failed        events of a source were parked: at most once a minute a source, with how many
    backpressure.began   senders hear 503, and why
    backpressure.ended   … no more

Looks, once a second, at what the program counts anyway: the path knows nothing of alerts, and never waits for
one. Signed as Standard Webhooks have it (webhook-id, -timestamp, -signature), with a key of its own derived
from SECRET_KEY: `hookwright keys alert-secret` shows it to the receiver. Each is tried four times, then it is
said in the log. This is the only request that the product sends of its own accord.
"""

import asyncio
import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.ids import mint_alert_id
from gateway.logs import log
from gateway.metrics import Metrics
from gateway.sandbox.pool import Pool

LOOK_SECONDS = 1.0
EVERY_SECONDS = 60
PAUSES_SECONDS = (1.0, 5.0, 25.0)
TIMEOUT_SECONDS = 10.0
WAITING_MAX = 100

Full = Callable[[], str | None]


def sign(secret: bytes, alert_id: str, at: int, body: bytes) -> str:
    """Give the value of webhook-signature (Standard Webhooks, v1)."""
    signed = hmac.digest(secret, b"%b.%d.%b" % (alert_id.encode(), at, body), "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


class Alerts:
    def __init__(self, url: str, secret: bytes, redis: Redis, metrics: Metrics, pool: Pool, full: Full) -> None:
        self._url, self._secret, self._redis = url, secret, redis
        self._metrics, self._pool, self._full = metrics, pool, full
        self._waiting: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(WAITING_MAX)
        self._told_failed: dict[str, int] = {}
        self._told_caught = 0
        self._was_full = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        if self._url:
            self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._send_all())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:  # the watch must not end: nobody would be told of anything any more
                log.exception("alerts_not_looked")

    async def look(self) -> None:
        """See what has happened since the last look."""
        caught = self._pool.caught  # here: what another process has caught, that one tells
        for quarantine in caught[self._told_caught :]:
            self._put("source.quarantined", source=quarantine.source, reason=quarantine.reason)
        self._told_caught = len(caught)
        full = self._full()
        if full and not self._was_full:
            self._put("backpressure.began", reason=full)
        if self._was_full and not full:
            self._put("backpressure.ended")
        self._was_full = full is not None
        await self._look_at_failures()

    async def _look_at_failures(self) -> None:
        for source, counters in list(self._metrics.series.items()):
            failed = counters.get("applied:failed", 0)
            more = failed - self._told_failed.get(source, 0)
            if more and await self._is_our_minute(source):
                self._put("events.failed", source=source, count=more)
                self._told_failed[source] = failed

    async def _is_our_minute(self, source: str) -> bool:
        """Ask whether nobody has told of this source for a minute; what is not told now is told then."""
        try:
            key = f"hookwright:alerted:{source}"
            return bool(await self._redis.set(key, "1", nx=True, ex=EVERY_SECONDS))
        except (RedisError, OSError):
            return False

    def _put(self, kind: str, **data: Any) -> None:
        try:
            self._waiting.put_nowait((kind, data))
        except asyncio.QueueFull:
            self._metrics.count("dropped", "alert")

    async def _send_all(self) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            while True:
                await self._send(client, *await self._waiting.get())

    async def _send(self, client: httpx.AsyncClient, kind: str, data: dict[str, Any]) -> None:
        alert_id, why = mint_alert_id(), ""
        body = orjson.dumps({"type": kind, "timestamp": clock.iso(clock.now()), "data": data})
        for pause in (*PAUSES_SECONDS, None):
            at = int(time.time())
            headers = {
                "content-type": "application/json",
                "webhook-id": alert_id,
                "webhook-timestamp": str(at),
                "webhook-signature": sign(self._secret, alert_id, at, body),
            }
            try:
                answer = await client.post(self._url, content=body, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                why = type(error).__name__
            else:
                if answer.is_success:
                    log.info("alert", kind=kind, id=alert_id)
                    return
                why = f"answered {answer.status_code}"
            if pause is not None:
                await asyncio.sleep(pause)
        log.error("alert_not_told", kind=kind, id=alert_id, why=why)
