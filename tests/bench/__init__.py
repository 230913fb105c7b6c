"""Bench: the figures of the README. `make bench`, or `python -m tests.bench --help`.

    parts.py      the tables: which rows, measured how; read this first
    figures.py    a row              report.py    how it is printed
    product.py    Hookwright as it is run, on databases.py, beside peers/
    load.py       the client: wrk with wrk.lua, or client.py; orders.py is what is sent
    memory.py, processes.py, statements.py    what a process and a statement cost
    copies.py     a database of a million events in half a minute

Never asserts a figure, never leaves this machine, and ends by itself.
"""

import sys
from pathlib import Path

# What tests share imports its neighbours as pytest lets it: by their names alone.
sys.path.append(str(Path(__file__).parents[1]))
