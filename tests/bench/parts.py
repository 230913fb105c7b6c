"""Parts: the tables of the bench, in the order of a webhook's way, each measured round by round.

Takes the options of a run; a part gives its rows and measures one round of all of them, so that a machine
that is busy for a moment does not favour one. Where rows are compared, both are in the same part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.bench import alone, backlog, births, crowd, databases, drain, growth, ingest, lanes, layers, rest, sustained
from tests.bench.figures import Row


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured: length of a load, events in the queue, posts at rest, sizes of a growing database."""

    rounds: int
    seconds: float
    events: int
    posts: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    rows: Callable[[Options], list[Row]]
    measure: Callable[[list[Row], Options], None]
    bases: tuple[str, ...] = ()  # rows that the others are divided by
    is_asked_for: bool = False  # too long for every run


def _each(measure: Callable[[Row, Options], None]) -> Callable[[list[Row], Options], None]:
    def measure_all(rows: Sequence[Row], options: Options) -> None:
        for row in rows:
            measure(row, options)

    return measure_all


def _measure_ingest(row: Row, options: Options) -> None:
    (alone if row.name in alone.AT_ONCE else ingest).measure(row, options.seconds)


def _measure_sandbox(row: Row, options: Options) -> None:
    if row.name in alone.AT_ONCE:
        alone.measure(row, options.seconds)
    else:
        births.measure(row)


def _growth_rows(database: str, options: Options) -> list[Row]:
    return growth.rows(options.sizes, database)


def _measure_growth(database: str, rows: Sequence[Row], _: Options) -> None:
    growth.measure(rows, database)


PARTS = {
    "ingest": Part(
        "Requests answered (32 connections; no worker runs)",
        lambda _: [*ingest.rows(), *alone.rows("sandbox")],
        _each(_measure_ingest),
        (ingest.BARE, ingest.STOCK),
    ),
    "sandbox": Part(
        "The sandbox, cold and warm (no HTTP, no queue; MiB: a child's private memory)",
        lambda _: [*births.rows(), *alone.rows("sandbox-1", "sandbox-16", "sandbox")],
        _each(_measure_sandbox),
    ),
    "layers": Part(
        "The price of the sandbox's layers",
        lambda _: layers.rows(),
        _each(lambda row, options: layers.measure(row, options.seconds / 2)),
        (f"layer-{layers.WHOLE}",),
    ),
    "crowd": Part(
        "Many sources at once (MiB: a child's private memory)",
        lambda _: crowd.rows(),
        lambda rows, options: crowd.measure(rows, options.seconds),
        (crowd.ONE,),
    ),
    "worker": Part(
        "Events applied (two actions each, every commit on disk)",
        lambda _: drain.rows(),
        _each(lambda row, options: drain.measure(row, options.events)),
        (drain.STOCK, drain.TUNED),
    ),
    "rest": Part(
        "At rest",
        lambda _: rest.rows(),
        lambda rows, options: rest.measure(*rows, options.posts),
    ),
    "sustained": Part(
        "Sustained, end to end (everything on this machine)",
        lambda _: sustained.rows(),
        lambda rows, options: sustained.measure(*rows, options.seconds),
    ),
    "lanes": Part(
        "A live event beside a bulk of replays (one worker)",
        lambda _: lanes.rows(),
        lambda rows, options: lanes.measure(*rows, options.posts),
    ),
    "backlog": Part(
        "A backlog",
        lambda _: backlog.rows(),
        lambda rows, _: backlog.measure(*rows, backlog.EVENTS),
        is_asked_for=True,
    ),
    **{
        f"growth-{database}": Part(
            f"An event's cost as the tables grow ({title}, 256 events a batch)",
            partial(_growth_rows, database),
            partial(_measure_growth, database),
            is_asked_for=True,
        )
        for database, title in databases.TITLES.items()
    },
}


def ratios(rows: dict[str, Row]) -> dict[str, float | None]:
    """Give the ratios that the README promises."""

    def ratio(name: str, base: str) -> float | None:
        return rows[name].ratio_to(rows[base]) if name in rows and base in rows else None

    return {
        "gateway with script / bare": ratio(ingest.GATEWAY, ingest.BARE),
        "gateway with script / stock enqueue_job": ratio(ingest.GATEWAY, ingest.STOCK),
        "worker (256 a flush) / stock worker": ratio(drain.WORKER, drain.STOCK),
        "worker (256 a flush) / tuned stock worker": ratio(drain.WORKER, drain.TUNED),
        "500 sources at once / one source": ratio(crowd.ALL, crowd.ONE),
    }
