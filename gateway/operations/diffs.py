"""Diffs: what differs between two texts, line by line, and between two JSON documents, field by field.

Takes plain values, gives plain rows that a page or a terminal can draw. Pure; never decides what matters.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from itertools import accumulate
from typing import Any

Rows = list[dict[str, Any]]
Span = list[int]  # [begin, end) within a line

# Lines less alike than this are shown as one taken away and one added: their common letters are chance.
_ALIKE = 0.4
# A comparison goes through every pair of equal lines, and of equal letters, several times: past these it would take
# minutes, which anybody could bring about. Then lines stand beside each other as they come, and letters are not told.
# Of the letters it is the sum over all lines of a difference.
_PAIRS_MAX = 500_000
_LINE_CHARACTERS_MAX = 300
_NEAR = 3  # as many lines as `diff -u` shows around a change
_MISSING: Any = object()


def unified(left: str, right: str, before: str = "before", after: str = "after") -> str:
    """Give the difference as `diff -u` writes it; empty where there is none."""
    old, new = left.splitlines(), right.splitlines()
    if _is_endless(old, new):
        whole = [f"--- {before}", f"+++ {after}", *(f"-{line}" for line in old), *(f"+{line}" for line in new)]
        return "".join(f"{line}\n" for line in whole) if old != new else ""
    return "".join(f"{line}\n" for line in unified_diff(old, new, before, after, lineterm=""))


def side_by_side(left: str, right: str) -> Rows:
    """Give one row a line pair: `{kind, left_no, left, left_spans, right_no, right, right_spans}`.

    kind: same | changed | added | removed. The spans of a changed pair say which letters differ.
    """
    old, new = left.splitlines(), right.splitlines()
    rows: Rows = []
    letters = _Letters(_PAIRS_MAX)
    for tag, i1, i2, j1, j2 in _opcodes(old, new):
        if tag == "equal":
            rows += [_row("same", i, old[i], j, new[j]) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)]
        else:
            rows += _changed_rows(old, new, range(i1, i2), range(j1, j2), letters)
    return rows


def near_changes(rows: Rows) -> Rows:
    """Leave out the same lines that are far from a change; a row `{kind: "gap"}` stands for each run of them."""
    changes = [0, *accumulate(row["kind"] != "same" for row in rows)]  # how many there are before each row
    near: Rows = []
    for index, row in enumerate(rows):
        if changes[min(index + _NEAR + 1, len(rows))] > changes[max(index - _NEAR, 0)]:
            near.append(row)
        elif near and near[-1]["kind"] != "gap":
            near.append({"kind": "gap"})
    return near


@dataclass(slots=True)
class _Letters:
    """How many pairs of equal letters one difference may still look at."""

    pairs_left: int

    def compare(self, old: str, new: str) -> SequenceMatcher[str] | None:
        """Give what compares two lines letter by letter; None where that costs too much."""
        if max(len(old), len(new)) > _LINE_CHARACTERS_MAX or (pairs := _pairs(old, new)) > self.pairs_left:
            return None
        self.pairs_left -= pairs
        return SequenceMatcher(None, old, new, autojunk=False)


def _opcodes(old: list[str], new: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if _is_endless(old, new):
        return [("replace", 0, len(old), 0, len(new))]
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _is_endless(old: list[str], new: list[str]) -> bool:
    return _pairs(old, new) > _PAIRS_MAX


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(new)
    return sum(counts[one] for one in old)


def _changed_rows(
    old: list[str], new: list[str], left: range, right: range, letters: _Letters
) -> Iterator[dict[str, Any]]:
    for step in range(max(len(left), len(right))):
        i = left[step] if step < len(left) else None
        j = right[step] if step < len(right) else None
        if i is not None and j is not None:
            yield from _changed_pair(i, old[i], j, new[j], letters)
        elif i is not None:
            yield _row("removed", i, old[i], None, None)
        elif j is not None:
            yield _row("added", None, None, j, new[j])


def _changed_pair(i: int, old: str, j: int, new: str, letters: _Letters) -> Iterator[dict[str, Any]]:
    if old == new:
        yield _row("same", i, old, j, new)
        return
    matcher = letters.compare(old, new)
    if matcher is None or matcher.ratio() < _ALIKE:
        yield _row("removed", i, old, None, None)
        yield _row("added", None, None, j, new)
        return
    differing = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    row = _row("changed", i, old, j, new)
    row["left_spans"] = [[i1, i2] for _, i1, i2, _, _ in differing if i2 > i1]
    row["right_spans"] = [[j1, j2] for _, _, _, j1, j2 in differing if j2 > j1]
    yield row


def _row(kind: str, i: int | None, left: str | None, j: int | None, right: str | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "left_no": None if i is None else i + 1,
        "left": left,
        "left_spans": [],
        "right_no": None if j is None else j + 1,
        "right": right,
        "right_spans": [],
    }


def field_changes(before: Any, after: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """Give each differing place of two JSON documents: `{pointer, kind, before, after}`.

    kind: changed | added | removed; of an added one there is no `before`, of a removed one no `after`.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            place = f"{pointer}/{escaped(str(name))}"
            yield from _place_changes(before.get(name, _MISSING), after.get(name, _MISSING), place)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _MISSING
            new = after[index] if index < len(after) else _MISSING
            yield from _place_changes(old, new, f"{pointer}/{index}")
    elif type(before) is not type(after) or before != after:
        yield {"pointer": pointer, "kind": "changed", "before": before, "after": after}


def _place_changes(before: Any, after: Any, pointer: str) -> Iterator[dict[str, Any]]:
    if before is _MISSING:
        yield {"pointer": pointer, "kind": "added", "after": after}
    elif after is _MISSING:
        yield {"pointer": pointer, "kind": "removed", "before": before}
    else:
        yield from field_changes(before, after, pointer)


def escaped(name: str) -> str:
    """Write one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
