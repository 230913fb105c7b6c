"""URLs: taking addresses apart, and making names that fit into them.

Takes text, gives plain dicts. Never fetches anything.
"""

import re
import unicodedata
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.toolbox.exact import exact_text
from gateway.toolbox.pairs import Query

_URL_CHARACTERS_MAX = 16_384
_FIELDS_MAX = 10_000
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def parse_url(text: str) -> dict[str, Any]:
    """Take a URL apart (RFC 3986).

    Gives {"scheme", "host" (lower case), "port" (int or None), "path", "query" (name to first value), "fragment"}; an
    absent part is "". ValueError for a bad host or port. Example: `parse_url(page)["query"].get("utm_source")`.
    """
    parts = urlsplit(exact_text(text, "url", _URL_CHARACTERS_MAX))
    query = parse_query(parts.query)
    return {
        "scheme": parts.scheme,
        "host": parts.hostname or "",
        "port": parts.port,
        "path": parts.path,
        "query": {name: query[name] for name in query},
        "fragment": parts.fragment,
    }


def parse_query(text: str) -> Query:
    """Read a query string or an urlencoded form; blank values are kept.

    Gives what `request.query` is: `q["a"]`, `q.get("a")` the first value, `q.get_all("a")` all. ValueError past
    10,000 fields.
    """
    return Query(split_query(exact_text(text, "query").removeprefix("?"), "utf-8"))


def split_query(text: str, charset: str) -> list[tuple[str, Any]]:
    try:
        return list(parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=_FIELDS_MAX))
    except ValueError:
        raise ValueError(f"a form of more than {_FIELDS_MAX} fields") from None


def slugify(text: str) -> str:
    """Make a name of a-z, 0-9 and single dashes, at most 100 characters: "Crème & Co." becomes "creme-co".

    Letters without a Latin base are dropped, so the result may be "".
    """
    plain = unicodedata.normalize("NFKD", exact_text(text, "text", 10_000)).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", plain.lower()).strip("-")[:100].rstrip("-")
