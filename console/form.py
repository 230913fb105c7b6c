"""Form: what a person typed, and what is wrong with it, field by field.

Takes the fields of a POST; gives texts, choices, files. Faults are gathered, so that all are seen at once;
`settle` raises Refused, and the page of the form is drawn again with what was typed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from starlette.datastructures import FormData, UploadFile

from gateway.errors import OperatorError

TEXT_CHARACTERS_MAX = 1000


class Refused(Exception):
    """The form has faults; they are in the form."""


class Form:
    def __init__(self, name: str = "", fields: FormData | None = None) -> None:
        """`name` is the route it was sent to; empty on a page that was only asked for."""
        self.name = name
        self.faults: dict[str, str] = {}
        self._fields = fields or FormData()

    def text(self, field: str, *, needed: str = "", characters_max: int = TEXT_CHARACTERS_MAX) -> str:
        """Give a text without the blanks around it; `needed` is what to say where it is empty."""
        text = self.raw(field, characters_max=characters_max).strip()
        if needed and not text:
            self.faults.setdefault(field, needed)
        return text

    def raw(self, field: str, *, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
        """Give a text as it was typed: a password, a script."""
        value = self._fields.get(field, "")
        text = value if isinstance(value, str) else ""
        if len(text) > characters_max:
            self.faults.setdefault(field, f"at most {characters_max:,} characters, not {len(text):,}")
            return ""
        return text

    def number(self, field: str, otherwise: int = 0) -> int:
        """Give a whole number that a page of ours put there: what is none was not ours, and counts as `otherwise`."""
        text = self.text(field)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else otherwise

    def choice(self, field: str, options: Sequence[str]) -> str:
        text = self.text(field)
        if text not in options:
            self.faults.setdefault(field, f"one of {', '.join(options)}")
        return text

    def many(self, field: str) -> list[str]:
        return [value for value in self._fields.getlist(field) if isinstance(value, str) and value]

    def flag(self, field: str) -> bool:
        return field in self._fields

    def file(self, field: str) -> UploadFile | None:
        """Give an uploaded file, None where none was chosen."""
        value = self._fields.get(field)
        return value if isinstance(value, UploadFile) and value.filename else None

    def refuse(self, field: str, why: str) -> None:
        """Say what is wrong with a field, and stop. An empty field name means the form as a whole."""
        self.faults[field] = why
        raise Refused

    def settle(self) -> None:
        """Stop where anything was wrong so far."""
        if self.faults:
            raise Refused

    @contextmanager
    def about(self, field: str) -> Iterator[None]:
        """Let what an operation refuses be said at a field."""
        try:
            yield
        except OperatorError as error:
            self.refuse(field, error.detail)

    @property
    def values(self) -> Mapping[str, str]:
        """Give what was typed, to be shown again. Never a password: those fields are drawn empty."""
        return {name: value for name, value in self._fields.items() if isinstance(value, str)}
