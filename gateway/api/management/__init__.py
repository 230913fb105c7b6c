"""Management: what people do in the console, for programs: sources, scripts, secrets, events, keys.

Read it in the order of a call:

    serve.py      a call comes in: whose key, may it, is the body what the operation takes → the handler
    call.py       what a handler is given, and how a module declares its operations
    bodies.py     what goes in         answers.py   what comes out
    door.py       keys, where no gateway holds them in memory
    sources · scripts · trying · secrets · tuning · fixtures · events · bulk · issues · keys · watching
                  one module a noun

Reads and writes through `gateway.operations` alone, in the name of `key:<id>`. Knows no cookies and no sessions.
"""
