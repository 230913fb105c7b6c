"""Paths: places in a JSON document, as people write them, all looked for at once.

A path is dotted from the top of the document (`customer.email`, `$.line_items[0].sku`, `lines[*]['first name']`): `*`
is any one name or place in a list, `**` any number of them, none too (`**.phone`). Takes texts, gives their steps: one
reader for what is masked and for what is searched. Refuses what it does not understand, and says what it does: a rule
that can never match hides nothing. Takes the steps of many, gives where one stands in them: the steps that may come
next, as the bits of a number. So a document is gone through once, each of its values in the same short time, however
many paths there are and however many ways lead through one of them.
"""

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from gateway.errors import OperatorError

STEPS_MAX = 128
CHARACTERS_MAX = 512


class Wild(Enum):
    ONE = "*"  # any one name or place in a list
    MANY = "**"  # any number of them, also none


Step = str | Wild
Path = tuple[Step, ...]

_UNDERSTOOD = (
    "names with dots between them, such as customer.email; line_items[0].sku or line_items.*.sku for lists; "
    "**.phone at any depth; any other name in quotes: ['first name']"
)
# What stands bare is a plain name: blanks, commas, slashes and the like are of other notations, and are quoted.
_STEP = re.compile(
    r"""(?P<wild>\*\*?)(?![^.\[])
    |   (?P<name>[^\s.\[\]*'",/\\()]+)
    |   \[(?:
            (?P<place>0|[1-9][0-9]*)
        |   (?P<any>\*)
        |   '(?P<single>[^'\\]*(?:\\.[^'\\]*)*)'
        |   "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
        )\]
    """,
    re.VERBOSE | re.DOTALL,
)


def read_path(text: str) -> Path:
    """Give the steps of a path. Raises OperatorError, which shows what is understood."""
    left = text[1:] if text.startswith(("$.", "$[")) else f".{text}" if text[:1] != "[" else text
    steps: list[Step] = []
    while left and len(text) <= CHARACTERS_MAX:
        is_bare = left[0] == "."
        found = _STEP.match(left, int(is_bare))
        if found is None or is_bare is (found[0][0] == "["):
            break
        steps.append(_step(found))
        left = left[found.end() :]
    if left or not steps or text == "$":
        raise OperatorError(f'"{text[:80]}" is no path: {_UNDERSTOOD}')
    if len(steps) > STEPS_MAX:
        raise OperatorError(f"a path has at most {STEPS_MAX} steps")
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if wild := found["wild"] or found["any"]:
        return Wild(wild)
    if (quoted := found["single"] if found["single"] is not None else found["double"]) is not None:
        return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    return found["name"] or found["place"]


@lru_cache(1024)  # each request that is shown, and each body that is searched, asks for all rules of its source
def readings(text: str) -> tuple[Path, ...]:
    """Give all that a path which was taken once can mean: as it is read now, and by its dots alone.

    Before brackets were understood `data[0]` was the name of a field, which forms do have: what a rule has hidden
    stays hidden. A search left out the `$.` that a rule took for a name.
    """
    by_dots = (_by_dots(text), _by_dots(text.removeprefix("$.")))
    try:
        return tuple(dict.fromkeys((read_path(text), *by_dots)))
    except OperatorError:
        return tuple(dict.fromkeys(by_dots))


def _by_dots(text: str) -> Path:
    return tuple(Wild(step) if step in ("*", "**") else step for step in text.split(".", STEPS_MAX - 1))


class Paths:
    def __init__(self, paths: Iterable[Path]) -> None:
        named: dict[Step, int] = {Wild.ONE: 0, Wild.MANY: 0}
        bit, first, self._ends = 1, 0, 0
        for path in paths:
            first |= bit
            for step in _without_repeats(path):
                named[step] = named.get(step, 0) | bit
                bit <<= 1
            self._ends |= bit
            bit <<= 1
        self._any, self._deep = named.pop(Wild.ONE), named.pop(Wild.MANY)
        self._met = {name: bits | self._any for name, bits in named.items()}
        self.start = self._settled(first)

    def behind(self, here: int, name: str) -> int:
        """Give where one stands behind a member of this name, or at this place of a list; 0: no path leads there."""
        return self._settled((here & self._met.get(name, self._any)) << 1 | here & self._deep)

    def is_meant(self, here: int) -> bool:
        """Tell whether a path ends here."""
        return here & self._ends != 0

    def _settled(self, here: int) -> int:
        return here | (here & self._deep) << 1  # `**` may stand for nothing


def _without_repeats(path: Path) -> Path:
    """Take a path apart; `**.**` means what `**` does."""
    pairs = zip(path, (None, *path), strict=False)
    return tuple(step for step, before in pairs if not step is before is Wild.MANY)
