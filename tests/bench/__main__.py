"""Bench: the figures of the README, measured side by side in one run on this machine. `make bench ARGS="--quick"`.

Everything is started here, on loopback and in temporary folders, and stopped here. Rounds of the rows take
turns, so that a machine that is busy for a moment does not favour one of them. Nothing is asserted:
figures are printed, written to results/, and read by people.
"""

import argparse
from collections.abc import Sequence

from rich.console import Console

from tests.bench import alone, drain, ingest, report, rest, sustained
from tests.bench.figures import Row

PARTS = ("ingest", "worker", "rest", "sustained")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _read(arguments)
    console, machine, rows = report.open_console(), report.describe_machine(), list[Row]()
    report.print_machine(console, machine)
    for part in options.only or PARTS:
        rows += _PARTS[part](console, options)
    ratios = _ratios({row.name: row for row in rows})
    for name, ratio in ratios.items():
        if ratio is not None:
            console.print(f"{name}: {ratio:.2f}")
    console.print(f"written to {report.write(machine, rows, ratios)}", style="dim")


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be given again")
    parser.add_argument("--quick", action="store_true", help="one short round: a look, no figure to quote")
    parser.add_argument("--rounds", type=int, help="rounds of each row (default 3)")
    parser.add_argument("--seconds", type=float, help="length of a load (default 6)")
    parser.add_argument("--events", type=int, help="events in the queue of the worker (default 20000)")
    parser.add_argument("--posts", type=int, help="posts at rest (default 200)")
    options = parser.parse_args(arguments)
    short, whole = (1, 2.0, 3000, 50), (3, 6.0, 20_000, 200)
    for name, value in zip(("rounds", "seconds", "events", "posts"), short if options.quick else whole, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def _ingest(console: Console, options: argparse.Namespace) -> list[Row]:
    served, inside = ingest.rows(), alone.rows()
    for number in range(options.rounds):
        with console.status(f"ingest, round {number + 1} of {options.rounds}"):
            for row in served:
                ingest.measure(row, options.seconds)
            for row in inside:
                alone.measure(row, options.seconds)
    named = {row.name: row for row in served}
    title = "Requests answered (32 connections; no worker runs)"
    report.print_table(console, title, [*served, *inside], [named[ingest.BARE], named[ingest.STOCK]])
    return [*served, *inside]


def _worker(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = drain.rows()
    for number in range(options.rounds):
        with console.status(f"worker, round {number + 1} of {options.rounds}"):
            for row in rows:
                drain.measure(row, options.events)
    named = {row.name: row for row in rows}
    title = "Events applied into SQLite (two actions each, every commit on disk)"
    report.print_table(console, title, rows, [named[drain.STOCK], named[drain.TUNED]])
    return rows


def _rest(console: Console, options: argparse.Namespace) -> list[Row]:
    answered, applied = rest.rows()
    for number in range(options.rounds):
        with console.status(f"at rest, round {number + 1} of {options.rounds}"):
            rest.measure(answered, applied, options.posts)
    report.print_table(console, f"At rest ({options.posts} posts a round)", [answered, applied], [])
    return [answered, applied]


def _sustained(console: Console, options: argparse.Namespace) -> list[Row]:
    answered, applied = sustained.rows()
    for number in range(options.rounds):
        with console.status(f"sustained, round {number + 1} of {options.rounds}"):
            sustained.measure(answered, applied, options.seconds)
    report.print_table(console, "Sustained, end to end (everything on this machine)", [answered, applied], [])
    return [answered, applied]


def _ratios(rows: dict[str, Row]) -> dict[str, float | None]:
    """Give the ratios that the README promises."""

    def ratio(name: str, base: str) -> float | None:
        return rows[name].ratio_to(rows[base]) if name in rows and base in rows else None

    return {
        "gateway with script / bare": ratio(ingest.GATEWAY, ingest.BARE),
        "gateway with script / stock enqueue_job": ratio(ingest.GATEWAY, ingest.STOCK),
        "worker (256 a flush) / stock worker": ratio("worker-256", drain.STOCK),
        "worker (256 a flush) / tuned stock worker": ratio("worker-256", drain.TUNED),
    }


_PARTS = {"ingest": _ingest, "worker": _worker, "rest": _rest, "sustained": _sustained}

if __name__ == "__main__":
    main()
