"""Hookwright's engine: a real webhook becomes rows in a database.

Read it in the order of the data:

    ingest/     a request comes in: receive → resolve → run → validate → enqueue → respond
    sandbox/    the source's own script, in a process that can do nothing but compute
    toolbox/    the only thing a script can import
    actions/    what a script may ask for: eight actions, one pydantic model each
    queue/      the way to the worker: everything that knows arq
    worker/     many waiting jobs become one batch, one database transaction
    store/      the tables and their reading and writing: everything that knows SQLAlchemy
    operations/ what people can do: publish, replay, pause …
    api/        the same over HTTP            cli/  the same in a shell

`registry.py` is what a gateway knows of all sources; `config.py` the settings; `errors.py` the one
tree of errors. Which floor may import which is checked by import-linter (pyproject.toml).
"""
