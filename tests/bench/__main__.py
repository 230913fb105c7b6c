"""Bench: the figures of the README, measured side by side in one run on this machine. `make bench ARGS="--quick"`.

Everything is started here, on loopback and in temporary folders, and stopped here; each load ends by itself.
Nothing is asserted: figures are printed, written to results/, and read by people.
"""

import argparse
from collections.abc import Sequence

from rich.console import Console

from tests.bench import report
from tests.bench.figures import Row
from tests.bench.parts import PARTS, Options, Part, ratios

SHORT = {"rounds": 1, "seconds": 2.0, "events": 3000, "posts": 50}
WHOLE = {"rounds": 3, "seconds": 6.0, "events": 20_000, "posts": 200}


def main(arguments: Sequence[str] | None = None) -> None:
    names, options = _read(arguments)
    console, machine, rows = report.open_console(), report.describe_machine(), list[Row]()
    report.print_machine(console, machine)
    for name in names:
        rows += _measure(console, name, PARTS[name], options)
    found = {name: ratio for name, ratio in ratios({row.name: row for row in rows}).items() if ratio is not None}
    for name, ratio in found.items():
        console.print(f"{name}: {ratio:.2f}")
    console.print(f"written to {report.write(machine, rows, found)}", style="dim")


def _measure(console: Console, name: str, part: Part, options: Options) -> list[Row]:
    rows = part.rows(options)
    for number in range(options.rounds):
        with console.status(f"{name}, round {number + 1} of {options.rounds}"):
            part.measure(rows, options)
    report.print_table(console, part.title, rows, [row for row in rows if row.name in part.bases])
    return rows


def _read(arguments: Sequence[str] | None) -> tuple[list[str], Options]:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given again")
    parser.add_argument("--growth", action="store_true", help="fill a database and measure at each size (minutes)")
    parser.add_argument("--sizes", type=_sizes, default=(10_000, 100_000, 1_000_000), help="of --growth, by commas")
    parser.add_argument("--quick", action="store_true", help="one short round: a look, no figure to quote")
    parser.add_argument("--rounds", type=int, help="rounds of each row (default 3)")
    parser.add_argument("--seconds", type=float, help="length of a load (default 6)")
    parser.add_argument("--events", type=int, help="events in the queue of the worker (default 20000)")
    parser.add_argument("--posts", type=int, help="posts at rest (default 200)")
    given = parser.parse_args(arguments)
    defaults = SHORT if given.quick else WHOLE
    amounts = {
        name: value if getattr(given, name) is None else getattr(given, name) for name, value in defaults.items()
    }
    asked_for = [name for name in PARTS if given.growth and name.startswith("growth")]
    names = given.only or asked_for or [name for name, part in PARTS.items() if not part.is_asked_for]
    return names, Options(sizes=given.sizes, **amounts)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(part) for part in text.split(",")))


if __name__ == "__main__":
    main()
