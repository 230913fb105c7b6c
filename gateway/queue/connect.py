"""Connect: how to reach Redis, and whether it keeps what it was given.

URLs are read by redis-py: arq's own reader leaves percent-encoded passwords as they are. Sentinel
is `redis+sentinel://[:password@]host:port[,host:port]/service[/database]`.
"""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from arq.connections import ArqRedis
from redis.asyncio import Redis
from redis.asyncio.connection import BlockingConnectionPool, ConnectionPool
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.exceptions import RedisError

from gateway.errors import BadSetting

SENTINEL = "redis+sentinel://"
CONNECTIONS_MAX = 64


class _ToRead(float):
    """A time-out that redis-py keeps when it reads and does not see when it asks, by truth, whether sending has one.

    It sends under `asyncio.wait_for`, which in Python 3.11 swallows a cancel that comes with the last byte: tasks
    that were told to end went on for ever.
    """

    def __bool__(self) -> bool:
        return False


# A server that is frozen, or gone without a word, answers nothing, ever: whoever waits must hear that.
ANSWER_SECONDS = 5.0
TIMEOUTS = {"socket_timeout": _ToRead(ANSWER_SECONDS), "socket_connect_timeout": 3.0}


def connection_pool(url: str, *, connections_max: int = CONNECTIONS_MAX) -> ConnectionPool:
    """Open a pool to the Redis of this URL. Raises BadSetting for a URL that names none."""
    try:
        if url.startswith(SENTINEL):
            return _sentinel_pool(url)
        return BlockingConnectionPool.from_url(
            url, max_connections=connections_max, timeout=10, health_check_interval=30, **TIMEOUTS
        )
    except ValueError as error:
        raise BadSetting(f"HOOKWRIGHT_REDIS_URL: {error}") from None


def open_redis(url: str) -> Redis:
    return Redis(connection_pool=connection_pool(url))


def open_arq(url: str) -> ArqRedis:
    return ArqRedis(connection_pool=connection_pool(url))


def _sentinel_pool(url: str) -> SentinelConnectionPool:
    parts = urlsplit(url)
    addresses = parts.netloc.rpartition("@")[2].split(",")
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise BadSetting(f"HOOKWRIGHT_REDIS_URL: {SENTINEL}host:port/SERVICE wants the name of the service")
    password = unquote(parts.netloc.rpartition("@")[0].partition(":")[2]) or None
    hosts = [(host, int(port or 26379)) for host, _, port in (address.partition(":") for address in addresses)]
    sentinel = Sentinel(  # type: ignore[no-untyped-call] # redis-py leaves it untyped
        hosts, password=password, db=int(database or 0), **TIMEOUTS
    )
    return _SentinelPool(  # type: ignore[no-untyped-call] # likewise
        service, sentinel, password=password, db=int(database or 0), **TIMEOUTS
    )


class _SentinelPool(SentinelConnectionPool):
    """redis-py's leaves its connections to the sentinels open for ever."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose(close_connection_pool=True)


@dataclass(frozen=True, slots=True)
class Durability:
    """What the Redis in use promises; `warnings` say in words what does not hold our own promise."""

    appendonly: str
    appendfsync: str
    maxmemory_policy: str
    maxmemory: int
    warnings: tuple[str, ...]


async def read_durability(redis: Redis) -> Durability:
    """Ask Redis for the settings that a 202 stands on. A Redis that refuses CONFIG is said to be unknown."""
    try:
        found = {
            key: value
            for name in ("appendonly", "appendfsync", "maxmemory-policy", "maxmemory")
            for key, value in (await redis.config_get(name)).items()
        }
    except RedisError as error:
        unknown = (
            f"Redis does not show its settings ({error}): appendonly, appendfsync and maxmemory-policy are unknown"
        )
        return Durability("unknown", "unknown", "unknown", 0, (unknown,))
    text = {str(_text(key)): str(_text(value)) for key, value in found.items()}
    return Durability(
        text.get("appendonly", "unknown"),
        text.get("appendfsync", "unknown"),
        text.get("maxmemory-policy", "unknown"),
        int(text.get("maxmemory", "0")),
        tuple(_warnings(text)),
    )


def _warnings(text: dict[str, str]) -> list[str]:
    warnings = []
    if text.get("appendonly") != "yes":
        warnings.append("appendonly is off: a restart of Redis loses what was answered 202")
    elif text.get("appendfsync") != "always":
        warnings.append("appendfsync is not always: a crash of Redis may lose the last second of what was answered 202")
    if text.get("maxmemory-policy") != "noeviction":
        warnings.append("maxmemory-policy is not noeviction: a full Redis throws events away")
    if text.get("maxmemory", "0") == "0":
        warnings.append("maxmemory is 0: no limit of memory holds, and a flood takes all that the machine has")
    return warnings


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
