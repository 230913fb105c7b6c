"""Security: what every answer says to the browser, and how a write shows that it is really the person's.

Takes settings; gives cookies, the token of forms, headers. A browser is known by one cookie: a random token that is
a session if the session table knows its hash, and that the token of its forms is derived from. A write is taken only
with that token, and from our own origin. By a name that is not the console's it answers nobody. Nothing on a page
runs or styles inline.
"""

import hmac
import re
import secrets as random
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.config import Settings
from gateway.errors import Forbidden
from gateway.operations.devices import LIFE_SECONDS as DEVICE_SECONDS
from gateway.operations.sessions import LIFE_SECONDS

BODY_BYTES_MAX = 12 * 1024 * 1024  # a pasted payload of the largest size that a source takes, and its form
STRANGER_BODY_BYTES_MAX = 64 * 1024  # of who is not signed in: an address, a name, a password
_BODY_MAX = "hookwright.body_bytes_max"  # in the scope
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
_TOKEN_BYTES = 32
_HOST = re.compile(r"(?:\[([^][]+)]|([^][:@/?#]+))(?::\d*)?")


class Cookies:
    """The names and properties of our cookies; a browser keeps those of two consoles on one host apart by the port."""

    def __init__(self, settings: Settings) -> None:
        self.is_secure = settings.console_url.startswith("https:")
        prefix = "__Host-" if self.is_secure else ""
        self.session = f"{prefix}hookwright_{settings.console_port}"
        self.said = f"{prefix}hookwright_said_{settings.console_port}"
        self.known = f"{prefix}hookwright_known_{settings.console_port}"
        self.theme = "hookwright_theme"

    def token(self, request: Request) -> str:
        return request.cookies.get(self.session, "")

    def device_pass(self, request: Request, email: str) -> str:
        """Give the pass that this browser has for an account: one cookie each, so that two people may share it."""
        return request.cookies.get(self.known_as(email), "")

    def put_device_pass(self, response: Response, email: str, device_pass: str) -> None:
        self.put(response, self.known_as(email), device_pass, DEVICE_SECONDS)

    def known_as(self, email: str) -> str:
        """Name the cookie of an account's pass, without telling the account."""
        return f"{self.known}_{sha256(email.strip().lower().encode()).hexdigest()[:16]}"

    def put(self, response: Response, name: str, value: str, seconds: int, *, is_script_free: bool = True) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self.is_secure, httponly=is_script_free, samesite="lax"
        )

    def put_token(self, response: Response, token: str) -> None:
        self.put(response, self.session, token, LIFE_SECONDS)

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.is_secure, httponly=True, samesite="lax")


def new_token() -> str:
    """Give a token for a browser that has none: of no session, but its forms can be told from a stranger's."""
    return random.token_urlsafe(_TOKEN_BYTES)


def derive(token: str, purpose: str, text: str = "") -> str:
    """Give what only the holder of the token and we can know: the token of forms, the seal of a message."""
    return hmac.digest(token.encode(), f"{purpose}:{text}".encode(), "sha256").hex()


def check_write(request: Request, settings: Settings, token: str, presented: str) -> None:
    """Let a write pass that comes from a page of ours. Raises Forbidden."""
    if not _is_own_origin(request, settings):
        raise Forbidden("this came from a page that is not the console's; open the console itself and try again")
    if not token or not hmac.compare_digest(derive(token, "csrf").encode(), presented.encode()):
        raise Forbidden("the page was too old, or cookies are switched off: reload it and try again")


def _is_own_origin(request: Request, settings: Settings) -> bool:
    """Compare hosts, not schemes: a proxy may end TLS before us."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") == "same-origin"
    return is_own_host(request, settings, urlsplit(origin).netloc)


def is_own_host(request: Request, settings: Settings, host: str) -> bool:
    return host in {request.headers.get("host", ""), urlsplit(settings.console_url).netloc} - {""}


def inside(wanted: str) -> str:
    """Give an address of ours: nobody is sent elsewhere by what a link or a header says."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else "/"


def new_nonce() -> str:
    return random.token_urlsafe(16)


def harden(response: Response, *, is_secure: bool, nonce: str = "") -> None:
    """Set what every answer says. The nonce is for the style element that the editor makes."""
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    policy = {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src {style}; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: the browser would send `Origin: null` with our own forms.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if is_secure:
        policy["Strict-Transport-Security"] = "max-age=31536000"
    for name, value in policy.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


def narrow_body(request: Request) -> None:
    """Let no more than a stranger's form come in: thousands of larger ones would fill the memory."""
    request.scope[_BODY_MAX] = STRANGER_BODY_BYTES_MAX


class BodyLimit:
    """Cuts a body off that is larger than any form of ours, whatever its length says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > scope.get(_BODY_MAX, BODY_BYTES_MAX):
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


class OwnHost:
    """Turns away who comes by a name that is not ours: a page of a stranger's whose name was led here (DNS rebinding).

    Such a page always needs a name, so every IP address passes. What tells nothing (`/healthz`) or takes a key, which
    no browser sends by itself (`/api/`), answers by any name: programs beside us call us as their network does.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._own = {urlsplit(settings.console_url).hostname, settings.console_host.lower(), "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = None if _is_open(scope) else Headers(scope=scope).get("host")
        if host is None or self._is_own(host):  # every browser names one
            await self._app(scope, receive, send)
            return
        response = PlainTextResponse(_misdirected(host), 421)
        harden(response, is_secure=False)
        await response(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        name = (found[1] or found[2]).lower().removesuffix(".") if found else ""
        return name in self._own or name.endswith(".localhost") or _is_ip_address(name)


def _is_open(scope: Scope) -> bool:
    path: str = scope.get("path", "")
    return scope["type"] != "http" or path == "/healthz" or path.startswith("/api/")


def _is_ip_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _misdirected(host: str) -> str:
    return (
        f"The console does not answer by the name {host[:100]!r}.\n\n"
        "Set HOOKWRIGHT_CONSOLE_URL to the address by which people call it, and let a proxy in front of it pass the "
        "Host header on. By its IP address, and as localhost, it always answers.\n"
    )
