"""Texts: times, numbers and documents as people read them. The filters of the templates.

Takes plain values, gives text or safe markup. Times are written in UTC here; a browser with JavaScript shows them in
the reader's own zone, with the exact UTC on hover.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from markdown_it import MarkdownIt
from markupsafe import Markup

from gateway.clock import iso
from gateway.operations.layout import LAID_OUT_BYTES_MAX

_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari", "curl")
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
_NAMES = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS"}


def moment(value: str | int | None, form: str = "full") -> Markup:
    """Draw a time, from ISO text or microseconds: `full`, or `ago` as a distance from now."""
    if value is None or value == "":
        return Markup('<span class="faint">–</span>')
    at = datetime.fromisoformat(str(iso(value)) if isinstance(value, int) else value).astimezone(UTC)
    exact = at.replace(tzinfo=None).isoformat(" ", "milliseconds") + " UTC"
    shown = at.replace(tzinfo=None).isoformat(" ", "seconds")
    return Markup('<time datetime="{}" title="{}" data-form="{}">{}</time>').format(at.isoformat(), exact, form, shown)


def count(value: int | None) -> str:
    """Write a number with thin spaces, as tables want it."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def size(value: int | None) -> str:
    """Write bytes: 512 B, 4.1 KiB, 3 MiB."""
    if value is None:
        return "–"
    amount, unit = float(value), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def pretty(value: Any) -> str:
    """Write a document as indented JSON; a plain text as it is. A large one is not laid out: it may be deep as well."""
    if isinstance(value, str):
        return value
    compact = orjson.dumps(value)
    is_large = len(compact) > LAID_OUT_BYTES_MAX
    return (compact if is_large else orjson.dumps(value, option=orjson.OPT_INDENT_2)).decode()


def cut(text: str, characters: int = 10_000) -> str:
    """Leave out the end of a text that nobody reads in a table, and say how much that is."""
    left_out = len(text) - characters
    return text if left_out <= 0 else f"{text[:characters]} … and {count(left_out)} characters more"


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def guide(text: str) -> Markup:
    """Draw a guide that is written in Markdown; HTML in it is shown, not obeyed. Its headings go one step down.

    A table without a head is written with empty ones, which are none to who hears the page.
    """
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    drawn = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(drawn.replace("<th></th>", "<td></td>"))  # noqa: S704 - it escapes what it draws


def browser(agent: str) -> str:
    """Name a browser and its system, as well as its own words tell."""
    names = [next((name for name in names if name in agent), "") for names in (_BROWSERS, _SYSTEMS)]
    return " on ".join(_NAMES.get(name, name) for name in names if name) or agent[:40] or "unknown"


FILTERS: dict[str, Callable[..., str]] = {
    "moment": moment,
    "count": count,
    "cut": cut,
    "size": size,
    "pretty": pretty,
    "guide": guide,
    "browser": browser,
}
