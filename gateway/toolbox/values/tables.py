"""Tables: CSV and newline-delimited JSON.

Takes a whole text; gives a list of plain rows. Numbers of CSV stay text: only the script knows what they are.
"""

import csv
from typing import Any

from gateway.toolbox.exact import exact, exact_bytes, exact_text
from gateway.toolbox.values.documents import read_json

_ROWS_MAX = 100_000
_CELLS_MAX = 1_000_000


def parse_csv(text: str, delimiter: str = ",", has_header: bool = True) -> list[Any]:
    """Read CSV (RFC 4180: quotes doubled inside quotes, line breaks inside quotes).

    Gives a list of dicts named by the first line; with `has_header=False` a list of lists. Every cell is text;
    blank lines are skipped. ValueError names the line that is broken, too long or too short. Example:
    `parse_csv(request.text, ";")`.
    """
    if len(exact_text(delimiter, "delimiter", 1)) != 1 or delimiter in '"\r\n':
        raise ValueError("delimiter must be one character")
    lines = exact_text(text, "text").removeprefix("\ufeff").splitlines(keepends=True)
    rows = _read_rows(lines, delimiter)
    if not exact(has_header, bool, "has_header"):
        return [cells for _, cells in rows]
    if not rows:
        return []
    header = rows[0][1]
    if len(set(header)) != len(header):
        raise ValueError("the first line names a column twice")
    return [_name_cells(header, line, cells) for line, cells in rows[1:]]


def parse_ndjson(text: str | bytes) -> list[Any]:
    """Read one JSON value a line (ndjson, JSON Lines); blank lines are skipped. ValueError names the line."""
    values = []
    for line, data in enumerate(exact_bytes(text, "text").split(b"\n"), 1):
        if data and not data.isspace():
            values.append(read_json(data, f"line {line}"))
    return values


def _read_rows(lines: list[str], delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    cells_count = 0
    try:
        for cells in reader:
            cells_count += len(cells)
            if len(rows) >= _ROWS_MAX or cells_count > _CELLS_MAX:
                raise ValueError(f"a table of more than {_ROWS_MAX} rows or {_CELLS_MAX} cells")
            if cells:
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is not CSV: {error}") from None
    return rows


def _name_cells(header: list[str], line: int, cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise ValueError(f"line {line} has {len(cells)} cells, the first line names {len(header)}")
    return dict(zip(header, cells, strict=True))
