"""Queue: from the gateway to the worker, durable in Redis. Everything that knows arq or Redis is here.

parcel      what one job carries, as versioned bytes
connect     how to reach Redis, and whether it keeps what it was given
enqueue     many events, one job: group commit
consume     the arq worker of one lane
inspection  what waits, how long, and is there room
"""
