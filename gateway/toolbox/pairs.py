"""Pairs: names with values in the order in which they came, some more than once.

Takes (name, value) pairs; gives dict-like reading by first value and `get_all`. Never changes: a script cannot
put a header into the request that it is about to check. A text form shows names only, since headers and forms
carry keys.
"""

from collections.abc import Iterable, Iterator
from typing import Any


class Query:
    """The fields of a query or of a form.

    `q["a"]` is the first value (KeyError names the field), `q.get("a", default)` the same without the error,
    `q.get_all("a")` a list of all; `in`, `len`, iteration over the names, `keys`, `values` and `items` (every pair)
    as of a dict. Values are text; an uploaded file is {"filename", "content_type", "content" (bytes)}.
    """

    __slots__ = ("_first", "_pairs")

    _noun = "field"

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._pairs = tuple(pairs)
        self._first: dict[str, Any] = dict(reversed(self._pairs))

    def get(self, name: str, default: Any = None) -> Any:
        return self._first.get(self._fold(name), default)

    def get_all(self, name: str) -> list[Any]:
        wanted = self._fold(name)
        return [value for other, value in self._pairs if other == wanted]

    def keys(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self._pairs))

    def values(self) -> list[Any]:
        return [value for _, value in self._pairs]

    def items(self) -> list[tuple[str, Any]]:
        return list(self._pairs)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._first[self._fold(name)]
        except KeyError:
            raise KeyError(f"there is no {self._noun} {name!r}") from None

    def __contains__(self, name: object) -> bool:
        return type(name) is str and self._fold(name) in self._first

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._first)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.keys())})"

    def _fold(self, name: str) -> str:
        if type(name) is not str:
            raise TypeError(f"the name of a {self._noun} must be str, not {type(name).__name__}")
        return name


class Headers(Query):
    """The headers of a request; names in any case, given back in lower case.

    `h["X-Topic"]` is the first value (KeyError names the header), `h.get("X-Topic", default)` the same without the
    error, `h.get_all("X-Topic")` a list of all; `in`, `len`, iteration over the lower-case names, `items` (every
    pair).
    """

    __slots__ = ()

    _noun = "header"

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__([(name.lower(), value) for name, value in pairs])

    def _fold(self, name: str) -> str:
        return super()._fold(name).lower()
