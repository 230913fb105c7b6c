"""How Redis is reached, and what is said of one that does not keep what it was given."""

import pytest
from own_valkey import OwnValkey, client
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from gateway.errors import BadSetting
from gateway.queue.connect import connection_pool, read_durability

PASSWORD = "p@ss:w/rd#%"
ENCODED = "p%40ss%3Aw%2Frd%23%25"


async def test_a_password_of_special_characters_is_percent_encoded_in_the_url(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis:
        await redis.config_set("requirepass", PASSWORD)
    address = own_valkey.url.removeprefix("unix://")
    async with client(f"unix://:{ENCODED}@{address}") as redis:
        assert await redis.ping()
    async with client(f"unix://:wrong@{address}") as redis:
        with pytest.raises(RedisConnectionError, match="invalid username-password"):
            await redis.ping()


def test_user_password_host_port_and_database_are_read_from_the_url() -> None:
    read = connection_pool(f"redis://worker:{ENCODED}@queue.example.com:6380/5").connection_kwargs
    assert (read["username"], read["password"]) == ("worker", PASSWORD)
    assert (read["host"], read["port"], read["db"]) == ("queue.example.com", 6380, 5)


def test_a_sentinel_url_names_hosts_service_password_and_database() -> None:
    pool = connection_pool(f"redis+sentinel://:{ENCODED}@a.example.com:26380,b.example.com/mymaster/3")
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "mymaster"
    assert (pool.connection_kwargs["password"], pool.connection_kwargs["db"]) == (PASSWORD, 3)
    sentinels = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"]) for one in sentinels] == [("a.example.com", 26380), ("b.example.com", 26379)]


@pytest.mark.parametrize(
    "url",
    [
        "http://queue.example.com",
        "queue.example.com:6379",
        "redis+sentinel://host:26379",
        "redis+sentinel://host:port/service",
        "redis+sentinel://host/service/db",
        "redis://host:port",
    ],
)
def test_a_url_that_names_no_redis_is_a_bad_setting_by_name(url: str) -> None:
    with pytest.raises(BadSetting, match="HOOKWRIGHT_REDIS_URL"):
        connection_pool(url)


def test_a_bad_url_is_told_without_its_password() -> None:
    with pytest.raises(BadSetting) as caught:
        connection_pool("redis://:very-secret@host:port")
    assert "very-secret" not in caught.value.detail


async def test_a_redis_that_keeps_its_word_is_warned_of_nothing(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis:
        durability = await read_durability(redis)
    assert (durability.appendonly, durability.appendfsync) == ("yes", "always")
    assert durability.maxmemory_policy == "noeviction"
    assert durability.warnings == ()


@pytest.mark.parametrize(
    ("setting", "value", "warning"),
    [
        ("appendonly", "no", "a restart of Redis loses"),
        ("appendfsync", "everysec", "may lose the last second"),
        ("appendfsync", "no", "may lose the last second"),
        ("maxmemory-policy", "allkeys-lru", "throws events away"),
        ("maxmemory", "0", "takes all that the machine has"),
    ],
)
async def test_each_setting_that_breaks_the_promise_of_a_202_is_said(
    own_valkey: OwnValkey, setting: str, value: str, warning: str
) -> None:
    async with client(own_valkey.url) as redis:
        await redis.config_set(setting, value)
        (said,) = (await read_durability(redis)).warnings
    assert setting in said
    assert warning in said


async def test_a_redis_that_does_not_show_its_settings_is_said_to_be_unknown(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis:
        await redis.acl_setuser("default", commands=["-config"])
        with pytest.raises(NoPermissionError):
            await redis.config_get("appendonly")
        durability = await read_durability(redis)
    assert durability.appendonly == "unknown"
    (said,) = durability.warnings
    assert "unknown" in said
