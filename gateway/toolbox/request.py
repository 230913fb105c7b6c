"""Request: what came in, and what a script is given to work with.

`Request` takes the head (a dict, as the gateway keeps it) and the raw body; gives the same things typed, each read
when it is first asked for. `Context` takes what belongs to the source; gives secrets, settings, the log and the
reply. Neither can be changed by a script, and neither reaches outside.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.toolbox.bodies import decode_text, find_parameter, media_type, read_form
from gateway.toolbox.outcomes import Reply, build_reply
from gateway.toolbox.pairs import Headers, Query
from gateway.toolbox.values.documents import read_json
from gateway.toolbox.values.urls import split_query

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREAD: Any = object()


class Request:
    """One request, byte for byte and read.

    `method` ("POST"), `path` (what follows the source's URL, "" or "/x"), `url` (the public URL with path and raw
    query: what Twilio and Square sign), `query`, `headers`, `content_type` ("" where none came), `client_ip`,
    `received_at` (aware, UTC); `body` (bytes, the very ones that came in), `text`, `json`, `form` (ValueError where
    the body is not that).
    """

    __slots__ = ("_body", "_form", "_head", "_headers", "_json", "_query", "_text")

    def __init__(self, head: dict[str, Any], body: bytes) -> None:
        self._head = head
        self._body = body
        self._headers = self._query = self._text = self._json = self._form = _UNREAD

    @property
    def method(self) -> str:
        return str(self._head["method"])

    @property
    def path(self) -> str:
        return str(self._head["path"])

    @property
    def url(self) -> str:
        return str(self._head["url"])

    @property
    def content_type(self) -> str:
        return str(self._head.get("content_type") or "")

    @property
    def client_ip(self) -> str:
        return str(self._head.get("client_ip") or "")

    @property
    def received_at(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._head["received_at"])

    @property
    def body(self) -> bytes:
        return self._body

    @property
    def headers(self) -> Headers:
        if self._headers is _UNREAD:
            self._headers = Headers(self._head["headers"])
        headers: Headers = self._headers
        return headers

    @property
    def query(self) -> Query:
        if self._query is _UNREAD:
            self._query = Query(split_query(str(self._head.get("query") or ""), "utf-8"))
        query: Query = self._query
        return query

    @property
    def text(self) -> str:
        if self._text is _UNREAD:
            self._text = decode_text(self._body, self.content_type)
        return str(self._text)

    @property
    def json(self) -> Any:
        if self._json is _UNREAD:
            self._json = read_json(self._json_bytes(), "the body")
        return self._json

    @property
    def form(self) -> Query:
        if self._form is _UNREAD:
            self._form = Query(read_form(self._body, self.content_type))
        form: Query = self._form
        return form

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path or '/'}, {len(self._body)} bytes {media_type(self.content_type)})"

    def _json_bytes(self) -> bytes:
        # JSON is UTF-8 (RFC 8259); a few senders still name another charset and mean it.
        charset = find_parameter(self.content_type, "charset")
        return self._body if charset is None or charset.lower() in ("utf-8", "utf8") else self.text.encode()


class Secrets(Mapping[str, str]):
    """The source's secrets by name; a missing one says how to set it. Never shows a value in a text form."""

    __slots__ = ("_source", "_values")

    def __init__(self, source: str, values: Mapping[str, str]) -> None:
        self._source = source
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(f'secret "{name}" is not set: hookwright secrets set {self._source} {name}') from None

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"


class Context:
    """What belongs to the source, for one request.

    `secrets["signing_secret"]` (KeyError says how to set it), `settings` (a dict), `source` (its name), `event_id`;
    `log(…)` writes a line that people see beside the event; `respond(…)` sets the sender's answer.
    """

    __slots__ = ("_event_id", "_log", "_secrets", "_settings", "_source", "reply")

    def __init__(
        self,
        source: str,
        event_id: str,
        secrets: Mapping[str, str],
        settings: Mapping[str, Any],
        log: Callable[..., None],
    ) -> None:
        self._source = source
        self._event_id = event_id
        self._secrets = Secrets(source, secrets)
        self._settings = settings
        self._log = log
        self.reply: Reply | None = None

    @property
    def source(self) -> str:
        return self._source

    @property
    def event_id(self) -> str:
        return self._event_id

    @property
    def secrets(self) -> Secrets:
        return self._secrets

    @property
    def settings(self) -> dict[str, Any]:
        # A copy: what one request does to a nested list must not be there for the next one.
        settings: dict[str, Any] = _copy(dict(self._settings))
        return settings

    def log(self, *values: Any) -> None:
        """Write one line to the event's log, as `print` does."""
        self._log(*values)

    def respond(
        self,
        status: int = 200,
        body: str | bytes | dict[str, Any] | list[Any] | None = None,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Set what the sender hears if all goes well, in place of 202; the last call counts.

        ValueError for a status that is not 2xx or a body over 64 KiB. Example: `context.respond(200, "OK")`.
        """
        self.reply = build_reply(status, body, content_type, headers)

    def __repr__(self) -> str:
        return f"Context({self.source}, {self.event_id})"


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if type(value) is list else value
