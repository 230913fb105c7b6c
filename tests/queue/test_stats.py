"""Counters over time: of one source and of all, from several processes, kept as long as their span."""

from arq.connections import ArqRedis

from gateway.metrics import NOBODY
from gateway.queue.keys import STATS, TOTALS
from gateway.queue.stats import EVERYBODY, SPANS, add_stats, read_last_requests, read_moments, read_totals

NOW = 1_800_000_003.5


async def test_counts_of_several_processes_add_up_in_one_moment(redis: ArqRedis) -> None:
    for _ in range(2):
        await add_stats(redis, "shop", {"requests:queued": 3, "ack:4": 3}, NOW)
    for span in SPANS.values():
        moments = await read_moments(redis, "shop", span, NOW)
        assert len(moments) == span.moments
        assert moments[-1].counters == {"requests:queued": 6, "ack:4": 6}
        assert moments[-1].at <= NOW < moments[-1].at + span.seconds
        assert not any(moment.counters for moment in moments[:-1])


async def test_a_moment_stays_where_it_was_while_time_goes_on(redis: ArqRedis) -> None:
    span = SPANS["15m"]
    await add_stats(redis, "shop", {"requests:queued": 1}, NOW)
    await add_stats(redis, "shop", {"requests:queued": 2}, NOW + 30)
    moments = await read_moments(redis, "shop", span, NOW + 30)
    assert [moment.counters.get("requests:queued") for moment in moments[-4:]] == [1, None, None, 2]
    assert not any(moment.counters for moment in await read_moments(redis, "shop", span, NOW + 2000))


async def test_every_moment_goes_by_itself_when_its_span_is_over(redis: ArqRedis) -> None:
    await add_stats(redis, "shop", {"requests:queued": 1}, NOW)
    keys = [key.decode() for key in await redis.keys(f"{STATS}*")]
    assert len(keys) == len(SPANS)
    for key in keys:
        span = SPANS[key.removeprefix(STATS).partition(":")[0]]
        assert span.seconds * span.moments <= await redis.ttl(key) <= span.keep_seconds


async def test_what_no_chart_shows_is_kept_as_a_total_alone(redis: ArqRedis) -> None:
    await add_stats(redis, "shop", {"runs:transform": 2}, NOW)
    await add_stats(redis, NOBODY, {"batch:3": 1, "requests:not_found": 1}, NOW)
    await add_stats(redis, "shop", {"requests:queued": 1}, NOW)
    await add_stats(redis, EVERYBODY, {"requests:queued": 1}, NOW)
    assert await read_totals(redis) == {
        "shop": {"runs:transform": 2, "requests:queued": 1},
        NOBODY: {"batch:3": 1, "requests:not_found": 1},
    }
    assert await redis.exists(f"{TOTALS}{EVERYBODY}") == 0
    assert {await redis.ttl(key) for key in await redis.keys(f"{TOTALS}*")} == {-1}


async def test_the_last_request_of_a_source_is_known(redis: ArqRedis) -> None:
    await add_stats(redis, "shop", {"requests:queued": 1}, NOW)
    await add_stats(redis, "shop", {"applied:applied": 1}, NOW + 60)
    await add_stats(redis, NOBODY, {"requests:not_found": 1}, NOW)
    assert await read_last_requests(redis) == {"shop": NOW}
