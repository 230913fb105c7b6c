"""Supervise: everything on one machine, started together and kept running by `hookwright up`.

Read it in the order of a start:

    folder.py      the data folder: private, and locked by one `up` at a time
    ports.py       the addresses to listen on are free
    service.py     one child process: how it is spawned, how its death is said
    valkey.py      the embedded Valkey as such a service
    supervisor.py  starts services, starts them again when they die, stops them in order
    startup.py     all of it in order, until it is ready
    readiness.py   when Valkey, the gateway and the worker may be called ready

It never looks into what the children do: it knows processes, ports and signals.
"""
