"""Remote: work at a console over its API, with a key, where no database is at hand: from CI.

Takes its address and a file with the key; gives what it answers, or raises what it says is wrong. Follows no redirect:
the key is for that address alone.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from gateway.errors import HookwrightError, OperatorError, Problem, ScriptRefused

# A comparison of 500 requests takes a while.
TIMEOUT_SECONDS = 300.0
_LOCAL = ("localhost", "127.0.0.1", "::1")
REMOTE = "Over the API"

ConsoleUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Work at this console over its API, instead of in this machine's database.",
        show_default=False,
        rich_help_panel=REMOTE,
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        help="With --url: the file that holds the API key; - reads standard input.",
        show_default=False,
        rich_help_panel=REMOTE,
    ),
]


@dataclass(frozen=True, slots=True)
class Console:
    """A console elsewhere."""

    url: str
    key: str

    def ask(self, method: str, *path: str, body: Any = None, **query: str) -> Any:
        """Call the API: the parts of the path are quoted here. Raises OperatorError, ScriptRefused."""
        import httpx

        address = f"{self.url}/api/{'/'.join(quote(part, safe='') for part in path)}"
        try:
            answer = httpx.request(
                method, address, json=body, params=query, headers={"x-api-key": self.key}, timeout=TIMEOUT_SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OperatorError(f"{self.url} does not answer: {error or type(error).__name__}") from None
        document = _read(answer)
        if answer.is_success:
            return document
        raise _said(self.url, answer.status_code, document)


def console_at(url: str, key_file: Path | None) -> Console:
    """Give the console at an address. Raises BadParameter for an address or a key that cannot be."""
    from gateway.cli.output import warn

    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is no address such as https://console.example.com", param_hint="--url")
    if key_file is None:
        raise typer.BadParameter("--url wants a key: --key-file FILE, or - for standard input", param_hint="--key-file")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        warn("the key goes over plain http: who listens on the way has it")
    return Console(url.rstrip("/"), _read_key(key_file))


def _read_key(file: Path) -> str:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"{file} cannot be read", param_hint="--key-file") from None
    key = text.strip()
    if not key.isascii() or not key.isprintable() or " " in key or not key:
        raise typer.BadParameter(f"{file} holds no API key", param_hint="--key-file")
    return key


def _read(answer: Any) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None


def _said(url: str, status: int, document: Any) -> HookwrightError:
    """Make an error of a problem, as it would have been raised here."""
    if not isinstance(document, dict) or "detail" not in document:
        return OperatorError(f"{url} answered {status}, and not as a console does: is that its address?")
    if problems := document.get("problems"):
        return ScriptRefused([Problem(one["line"], one["column"], one["message"]) for one in problems])
    return OperatorError(str(document["detail"]))
