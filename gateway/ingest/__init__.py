"""Ingest: the public side of the gateway. Read pipeline.py first.

    pipeline   the way of a request, from the first byte to the answer
    receive    raw bytes within limits, decoded
    uploads    what is still coming in, and how much of it
    respond    what the sender hears
    room       is there room for one more
    rates      how many a minute, of a source and of an API key
    strangers  who only makes work comes back later
    kept       requests that are no events: rejected ones, and samples for a script to come
    connection limits on connections, heads and bodies, under uvicorn
    app, serve the ASGI application, and its process

Never touches the database: what it must know of sources is in the registry.
"""
