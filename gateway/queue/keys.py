"""Names in Redis. arq's own begin with `arq:`; ours with `hookwright:`."""

from gateway.event import Lane

# One arq function for ever: arq deletes a job whose function it does not know. What a job means is
# said by its parcel.
FUNCTION = "take"

# Ids that were answered and are not committed yet: no id that a sender was given is ever 404.
PENDING = "hookwright:pending"
# The same ids once more, a set a source: how many of a source wait is asked every second.
PENDING_OF = "hookwright:pending:"
GENERATION_CHANNEL = "hookwright:generation"
GATEWAYS = "hookwright:gateways"  # gateway id -> "generation:unix seconds"
WORKER_HEARTBEAT = "hookwright:worker:"
WORKERS_PAUSED = "hookwright:paused"  # there while people hold all workers
QUARANTINES = "hookwright:quarantines"  # source -> which publication of its script tried to leave its sandbox, JSON
PROCESSES = "hookwright:processes"  # process id -> what it tells of itself, JSON

# Statistics: counters by bucket of time, and since ever. They go by themselves.
STATS = "hookwright:stats:"
TOTALS = "hookwright:totals:"
LAST_REQUESTS = "hookwright:last"  # source -> unix seconds of its last request
KEY_USES = "hookwright:key-uses"  # id of an API key -> when it was used last, to the minute


def queue_name(lane: Lane) -> str:
    return f"hookwright:{lane.value}"
