"""Paths: places in a JSON document, all looked for at once.

A path is dotted from the top of the document (`customer.email`, `line_items.*.name`): `*` is any one name or place in a
list, `**` any number of them, none too (`**.phone`). Takes paths, gives where one stands in them: the steps that may
come next, as the bits of a number. So a document is gone through once, each of its values in the same short time,
however many paths there are and however many ways lead through one of them.
"""

from collections.abc import Iterable

STEPS_MAX = 128


class Paths:
    def __init__(self, paths: Iterable[str]) -> None:
        named: dict[str, int] = {"*": 0, "**": 0}
        bit, first, self._ends = 1, 0, 0
        for path in paths:
            first |= bit
            for step in _steps(path):
                named[step] = named.get(step, 0) | bit
                bit <<= 1
            self._ends |= bit
            bit <<= 1
        self._any, self._deep = named.pop("*"), named.pop("**")
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


def _steps(path: str) -> list[str]:
    """Take a path apart; `**.**` means what `**` does."""
    steps: list[str] = []
    for step in path.split("."):
        if not step == "**" == "".join(steps[-1:]):
            steps.append(step)
    return steps
