"""Report: the figures as tables for people and as JSON for machines."""

import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Row, percentile
from tests.bench.load import client_name

_WIDTH = 120
RESULTS = Path(__file__).parent / "results"


def open_console() -> Console:
    """Give the terminal, or lines wide enough for the tables where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def describe_machine() -> dict[str, Any]:
    """Say on what it was measured: without that no figure means anything."""
    return {
        "cpus": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "client": client_name(),
        "fsync_p50_ms": round(_fsync_seconds() * 1000, 3),
    }


def _fsync_seconds() -> float:
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(50):
            file.write(b"x" * 8192)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return percentile(times, 0.5)


def print_machine(console: Console, machine: dict[str, Any]) -> None:
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), style="dim")


def print_table(console: Console, title: str, rows: Sequence[Row], bases: Sequence[Row | None]) -> None:
    """Print rows with their ratios to the base rows that were measured in the same run."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    table.add_column("what", no_wrap=True)
    ratios = [base for base in bases if base is not None and base.rates]
    for heading in ("a second", "± %", "p50 ms", "p99 ms", "CPU µs", *(f"× {base.name}" for base in ratios)):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(row.title, *_cells(row), *(_number(row.ratio_to(base), 2) for base in ratios))
    console.print(table)


def _cells(row: Row) -> tuple[str, ...]:
    spread = (max(row.rates) - min(row.rates)) / 2 / row.rate * 100 if len(row.rates) > 1 else None
    cells = (_number(row.rate or None, 0), _number(spread, 0), _number(row.p50_ms, 2), _number(row.p99_ms, 2))
    return (*cells, _number(row.cpu_each_us, 0))


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def write(machine: dict[str, Any], rows: Sequence[Row], ratios: dict[str, float | None]) -> Path:
    """Write one JSON file a run; gives its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    measured = {row.name: row.document() for row in rows if row.rates or row.p50s_ms}
    document = {"machine": machine, "ratios": ratios, "rows": measured}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path
