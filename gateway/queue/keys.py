"""Names in Redis. arq's own begin with `arq:`; ours with `hookwright:`."""

from gateway.event import Lane

# One arq function for ever: arq deletes a job whose function it does not know. What a job means is
# said by its parcel.
FUNCTION = "take"

# Ids that were answered and are not committed yet: no id that a sender was given is ever 404.
PENDING = "hookwright:pending"
GENERATION_CHANNEL = "hookwright:generation"
GATEWAYS = "hookwright:gateways"  # gateway id -> "generation:unix seconds"
WORKER_HEARTBEAT = "hookwright:worker:"


def queue_name(lane: Lane) -> str:
    return f"hookwright:{lane.value}"
