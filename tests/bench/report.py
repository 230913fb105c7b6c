"""Report: the figures as tables for people and as JSON for machines."""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
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


def print_table(console: Console, title: str, rows: Sequence[Row], bases: Sequence[Row]) -> None:
    """Print rows with their ratios to the base rows of the same run; a column that nobody fills is left out."""
    columns = {name: [show(row) for row in rows] for name, show in _COLUMNS.items()}
    columns |= {f"× {base.name}": [_number(row.ratio_to(base), 2) for row in rows] for base in bases if base.rates}
    columns["and"] = [row.note for row in rows]
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    table.add_column("what", overflow="fold")
    for name in filled:
        table.add_column(name, justify="left" if name == "and" else "right")
    for row, *cells in zip(rows, *filled.values(), strict=True):
        table.add_row(row.title, *cells)
    console.print(table)


def _spread(row: Row) -> str:
    return _number((max(row.rates) - min(row.rates)) / 2 / row.rate * 100, 0) if len(row.rates) > 1 else ""


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


_COLUMNS: dict[str, Callable[[Row], str]] = {
    "a second": lambda row: _number(row.rate or None, 0),
    "± %": _spread,
    "p50 ms": lambda row: _number(row.p50_ms, 2),
    "p99 ms": lambda row: _number(row.p99_ms, 2),
    "CPU µs": lambda row: _number(row.cpu_each_us, 0),
    "MiB": lambda row: _number(row.mib_each, 1),
}


def write(machine: dict[str, Any], rows: Sequence[Row], ratios: Mapping[str, float]) -> Path:
    """Write one JSON file a run; gives its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    measured = {row.name: row.document() for row in rows if row.is_measured}
    document = {"machine": machine, "ratios": ratios, "rows": measured}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path
