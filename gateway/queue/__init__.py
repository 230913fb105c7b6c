"""Queue: from the gateway to the worker, durable in Redis. Everything that knows arq or Redis is here.

parcel      what one job carries, as versioned bytes
connect     how to reach Redis, and whether it keeps what it was given
enqueue     many events, one job: group commit
places      where in the lane the jobs of a source stand
consume     the arq worker of one lane
bulk        events that a person brings, held back while enough of them wait
turn        what one worker at a time does
orphans     ids whose job is nowhere any more
strays      jobs that have lost their place in a lane
relief      what is done while Redis has no memory left
inspection  what waits, how long, and is there room
stats       the counters of all processes, over time
processes   who runs, and what each tells of itself
"""
