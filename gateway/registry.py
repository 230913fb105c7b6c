"""Registry: what a gateway knows of all sources, in memory.

A snapshot with a generation number: read from the database, kept in a file of the data folder too,
so that a gateway starts and serves while the database is away. A change raises the generation and
tells it over Redis; every second the database is asked as well. The new script is warm in the
sandbox before it takes over. A script that tried to leave one sandbox is shut in all of them.
Unknown names never reach the database.
"""

import asyncio
import base64
import contextlib
import os
import secrets as random
import socket
import time
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.errors import HookwrightError, ScriptRefused
from gateway.logs import log
from gateway.queue.keys import GATEWAYS, GENERATION_CHANNEL
from gateway.queue.quarantines import read_quarantines, tell_quarantine
from gateway.queue.uses import KeyUses
from gateway.sandbox.health import Quarantine
from gateway.sandbox.limits import Limits
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Previous, Script
from gateway.seal import Sealer
from gateway.store.engine import Store
from gateway.store.registry import read_generation, read_snapshot

POLL_SECONDS = 1.0
LISTEN_SECONDS = 60.0
GATEWAY_STALE_SECONDS = 10.0
# The limits of a source that hold before its script runs; the others are its sandbox's.
EDGE_LIMITS = ("body_bytes_max", "queue_events_max", "requests_per_minute")
_SANDBOX_LIMITS = {field.name for field in fields(Limits)}  # one that a newer program has set is none of ours


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    name: str
    role: str
    sources: frozenset[str]  # empty: every source

    def reaches(self, source: str) -> bool:
        return not self.sources or source in self.sources


@dataclass(frozen=True, slots=True)
class Source:
    """One source as the gateway serves it; `script` is None where there is none yet."""

    name: str
    state: str
    plugin: str | None
    script: Script | None
    has_authenticate: bool
    body_bytes_max: int | None
    queue_events_max: int | None
    requests_per_minute: int | None
    capture_until: int | None  # until then requests are kept as samples, and nothing is applied …
    capture_left: int | None  # … but no more than that many


@dataclass(frozen=True, slots=True)
class Snapshot:
    generation: int = -1
    sources: Mapping[str, Source] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)  # by SHA-256 of the key


class Registry:
    """Holds the newest snapshot. `find` and `find_key` are what the path asks, without awaiting."""

    def __init__(self, store: Store, redis: Redis, sealer: Sealer, pool: Pool | None, path: Path | None) -> None:
        self._store, self._redis, self._sealer, self._pool, self._path = store, redis, sealer, pool, path
        self._snapshot = Snapshot()
        self._uses = KeyUses(redis)
        self._task: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()
        self._id = f"{socket.gethostname()}:{os.getpid()}:{random.token_hex(4)}"

    @property
    def generation(self) -> int:
        return self._snapshot.generation

    def find(self, name: str) -> Source | None:
        return self._snapshot.sources.get(name)

    def find_key(self, key: str) -> Key | None:
        """Find who holds this key, which counts as used: by its hash, so that the time it takes tells nothing of it."""
        found = self._snapshot.keys.get(sha256(key.encode()).hexdigest())
        if found is not None:
            self._uses.note(found.id)
        return found

    async def start(self) -> None:
        """Load the newest snapshot there is; watch for newer ones."""
        try:
            await self.refresh()
        except Exception as error:  # whatever ails the database: the path does not need it
            if not self._load_file():
                raise
            log.warning("registry_from_file", generation=self.generation, why=_why(error))
        await self._share_quarantines()
        if self._pool is not None:
            self._pool.hear_of_escapes(self._nudge.set)
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(RedisError, OSError):
            await cast("Awaitable[int]", self._redis.hdel(GATEWAYS, self._id))

    async def refresh(self) -> None:
        """Take up what the database says, if it is newer than what is known."""
        raw = await asyncio.to_thread(self._read_if_newer)
        if raw is not None:
            await self._adopt(raw)
            self._save_file(raw)
            log.info("registry", generation=self.generation, sources=len(self._snapshot.sources))
        with contextlib.suppress(RedisError, OSError):
            seen = f"{self.generation}:{time.time():.3f}"
            await cast("Awaitable[int]", self._redis.hset(GATEWAYS, self._id, seen))

    def _read_if_newer(self) -> dict[str, Any] | None:
        with self._store.reading() as conn:
            return read_snapshot(conn) if read_generation(conn) != self.generation else None

    async def _adopt(self, raw: dict[str, Any]) -> None:
        before, after = self._snapshot, build_snapshot(raw, self._sealer)
        if self._pool is not None:
            for source in after.sources.values():
                await self._warm(before.sources.get(source.name), source, self._pool)
        self._snapshot = after
        if self._pool is not None:
            for name in before.sources:
                now = after.sources.get(name)
                self._pool.retire(name, now.script.revision if now and now.script else None)

    async def _warm(self, before: Source | None, after: Source, pool: Pool) -> None:
        """Have the new script ready before it takes over; sources that nobody asks start on demand."""
        if before is None or before.script is None or after.script is None:
            return
        if before.script.revision != after.script.revision:
            pool.forget_deaths(after.name)  # a person has changed it: those of the old one no longer count
            try:
                await pool.warm(after.script)
            except HookwrightError as error:
                reason = "refused" if isinstance(error, ScriptRefused) else "not ready"
                log.error("script_not_warm", source=after.name, version_id=after.script.version_id, reason=reason)

    async def _share_quarantines(self) -> None:
        """Shut what any process has caught, tell the others what this one has, forget what was published anew."""
        if self._pool is None:
            return
        for name, known in self._pool.quarantined.items():
            if not self._is_live(name, known.published_at):
                self._pool.lift(name)
        try:
            told = await read_quarantines(self._redis)
            for name, document in told.items():
                if self._is_live(name, document["published_at"]):
                    self._pool.shut(Quarantine(**{each.name: document[each.name] for each in fields(Quarantine)}))
            for name, known in self._pool.quarantined.items():
                if name not in told or told[name]["published_at"] != known.published_at:
                    await tell_quarantine(self._redis, name, asdict(known))
        except Exception as error:  # what is known stays in force, and is told at the next look
            log.warning("quarantines_not_shared", why=_why(error))

    def _is_live(self, name: str, published_at: int) -> bool:
        source = self.find(name)
        return source is not None and source.script is not None and source.script.published_at == published_at

    async def _watch(self) -> None:
        listener = asyncio.create_task(self._listen())
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._nudge.wait()
                self._nudge.clear()
                try:
                    await self.refresh()
                except Exception as error:  # the watch must not end: nothing would be heard of any more
                    log.warning("registry_stale", generation=self.generation, why=_why(error))
                await self._share_quarantines()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self) -> None:
        """Hear of a new generation at once; without Redis the watch still asks every second."""
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(GENERATION_CHANNEL)
                    while True:  # silence is no failure here: nothing is published for days
                        if await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS):
                            self._nudge.set()
            except (RedisError, OSError):
                await asyncio.sleep(POLL_SECONDS)

    def _save_file(self, raw: dict[str, Any]) -> None:
        """Keep the snapshot, secrets sealed as they are, for a start without the database."""
        if self._path is None:
            return
        scratch = self._path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(raw, default=lambda value: base64.b64encode(value).decode()))
        scratch.replace(self._path)

    def _load_file(self) -> bool:
        if self._path is None or not self._path.exists():
            return False
        try:
            self._snapshot = build_snapshot(_thaw(self._path.read_bytes()), self._sealer)
        except (ValueError, TypeError, LookupError) as error:
            log.error("registry_file_damaged", path=str(self._path), why=_why(error))
            return False
        return True


def _thaw(kept: bytes) -> dict[str, Any]:
    raw: dict[str, Any] = orjson.loads(kept)
    for row in raw["secrets"]:
        row["sealed_blob"] = base64.b64decode(row["sealed_blob"])
        row["previous_blob"] = row["previous_blob"] and base64.b64decode(row["previous_blob"])
    return raw


def _why(error: Exception) -> str:
    return error.detail if isinstance(error, HookwrightError) else type(error).__name__


def build_snapshot(raw: dict[str, Any], sealer: Sealer) -> Snapshot:
    """Make of rows what the path needs; a secret that does not open is left out, and said."""
    opened: dict[str, dict[str, str]] = {}
    previous: dict[str, dict[str, Previous]] = {}
    for row in raw["secrets"]:
        opened.setdefault(row["source"], {}).update(_open_secret(row, row["sealed_blob"], sealer))
        if row["previous_blob"] and row["previous_until"] > clock.now():
            old = _open_secret(row, row["previous_blob"], sealer)
            rotated = {name: Previous(value, row["previous_until"]) for name, value in old.items()}
            previous.setdefault(row["source"], {}).update(rotated)
    sources = {
        row["name"]: _build_source(row, opened.get(row["name"], {}), previous.get(row["name"], {}))
        for row in raw["sources"]
    }
    keys = {
        row["sha256"]: Key(row["id"], row["name"], row["role"], frozenset(orjson.loads(row["sources"])))
        for row in raw["keys"]
    }
    return Snapshot(raw["generation"], sources, keys)


def _open_secret(row: dict[str, Any], sealed: bytes, sealer: Sealer) -> dict[str, str]:
    try:
        return {row["name"]: sealer.unseal(sealed, row["source"], row["name"])}
    except HookwrightError as error:
        log.error("secret_sealed_shut", source=row["source"], secret=row["name"], why=error.detail)
        return {}


def read_limits(text: str) -> Limits:
    """Read what a source's sandbox is held to, of all limits that the source has of its own."""
    return Limits(**{name: limit for name, limit in orjson.loads(text).items() if name in _SANDBOX_LIMITS})


def _build_source(row: dict[str, Any], secrets: dict[str, str], previous: dict[str, Previous]) -> Source:
    limits = orjson.loads(row["limits"])
    at_the_edge = {name: limits.get(name) for name in EDGE_LIMITS}
    script = None
    if row["text"] is not None:
        parts = (
            row["live_version_id"],
            row.get("published_at"),  # publishing the same text again gives it new children, and ends a quarantine
            row["settings"],
            row["limits"],
            orjson.dumps(secrets, option=orjson.OPT_SORT_KEYS),
        )
        script = Script(
            source=row["name"],
            version_id=row["live_version_id"],
            revision=sha256(repr(parts).encode()).hexdigest()[:16],
            text=row["text"],
            secrets=secrets,
            settings=orjson.loads(row["settings"]),
            unique_by=row["unique_by"],
            occurred_at=row["occurred_at"],
            occurred_at_zone=row["occurred_at_zone"],
            limits=read_limits(row["limits"]),
            previous_secrets=previous,
            published_at=row.get("published_at") or 0,
        )
    return Source(
        row["name"],
        row["state"],
        row["plugin"],
        script,
        bool(row["has_authenticate"]),
        capture_left=row["capture_left"],
        capture_until=row["capture_until"] if row["capture_until"] and row["capture_until"] > clock.now() else None,
        **at_the_edge,
    )


async def wait_for_gateways(redis: Redis, generation: int, *, timeout_seconds: float = 3.0) -> int:
    """Tell every gateway of a new generation and wait until all that are alive have it. Gives how many lag."""
    try:
        await redis.publish(GENERATION_CHANNEL, str(generation))
        deadline = time.monotonic() + timeout_seconds
        while lagging := await _count_lagging(redis, generation):
            if time.monotonic() > deadline:
                return lagging
            await asyncio.sleep(0.02)
    except (RedisError, OSError):
        return 0
    return 0


async def _count_lagging(redis: Redis, generation: int) -> int:
    seen = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(GATEWAYS))
    lagging = 0
    for value in seen.values():
        has, _, at = value.decode().partition(":")
        lagging += int(has) < generation and time.time() - float(at) < GATEWAY_STALE_SECONDS
    return lagging
