"""What is kept beside the path has its bounds: what finds no room is dropped, and counted."""

from gateway.ingest.kept import WAITING_MAX, Kept
from gateway.ingest.receive import Received
from gateway.metrics import NOBODY, Metrics
from gateway.queue.connect import open_redis


async def test_rejected_requests_that_find_no_room_are_counted() -> None:
    metrics = Metrics()
    redis = open_redis("unix:///tmp/there-is-no-such-socket.sock")
    kept = Kept(redis, metrics)
    for _ in range(WAITING_MAX + 3):
        kept.put("rejected", "shop", "evt_1", "not genuine", Received(b"{}", b"", "203.0.113.1"))
    assert metrics.series[NOBODY] == {"dropped:rejected": 3}
    await redis.aclose(close_connection_pool=True)
