"""Queue: what waits, in which lane, how long, and who works."""

from typing import Any

from gateway.operations.operator import Operator
from gateway.queue.connect import read_durability
from gateway.queue.inspection import read_queue


async def queue_status(op: Operator) -> dict[str, Any]:
    """Describe the lanes, the events not committed yet, the workers, and what Redis promises."""
    durability = await read_durability(op.redis)
    return {
        **await read_queue(op.redis),
        "appendonly": durability.appendonly,
        "appendfsync": durability.appendfsync,
        "maxmemory_policy": durability.maxmemory_policy,
        "warnings": list(durability.warnings),
    }
