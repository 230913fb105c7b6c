"""App: a request comes in. Who is it, may they, is a write really theirs? Then the page's handler answers.

Takes an Operator and settings, gives the ASGI application. The one place where errors become pages: what is in the
tree is said in its own words, what is not is a bug: 500, the trace in the log under the id that the page shows.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import orjson
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route as Path

from console.access import NotSignedIn, Role, require
from console.form import Form, Refused
from console.health import Health
from console.section import Route
from console.security import (
    BODY_BYTES_MAX,
    CSRF_FIELD,
    CSRF_HEADER,
    BodyLimit,
    OwnHost,
    check_write,
    harden,
    inside,
    is_own_host,
    narrow_body,
    new_nonce,
    new_token,
)
from console.site import Site
from console.visit import Visit
from gateway.api.answering import as_response, stray_error
from gateway.api.app import console_routes
from gateway.api.management.door import KeyDoor
from gateway.api.openapi import build_document
from gateway.config import Settings
from gateway.errors import (
    BadRequest,
    HookwrightError,
    MethodNotAllowed,
    NotFound,
    OperatorError,
    StoreBusy,
    TooLarge,
    TooMany,
    Unavailable,
)
from gateway.ids import mint_event_id
from gateway.ingest.respond import refused
from gateway.logs import log
from gateway.operations.operator import Operator
from gateway.operations.sessions import find_person

_NOWHERE = Route("errors:nowhere", "GET", "/", Role.ANYONE, lambda visit: _nowhere(visit))


def build_console(op: Operator, settings: Settings) -> Starlette:
    """Make the application: every page that is found, the built files, health."""
    console, health = Console(op, settings), Health(op)
    routes = [
        Path(route.path, console.answering(route), methods=[route.method]) for route in console.site.routes.values()
    ]
    return Starlette(
        routes=[
            Path("/healthz", health.healthz, methods=["GET"]),
            Path("/readyz", health.readyz, methods=["GET"]),
            Path("/static/{name}", console.serve_asset, methods=["GET"]),
            Path("/openapi.json", console.serve_document, methods=["GET"]),
            *console_routes(op, KeyDoor(op)),
            *routes,
        ],
        exception_handlers={HTTPException: console.answer_strays},
        middleware=[Middleware(OwnHost, settings=settings), Middleware(BodyLimit)],
    )


class Console:
    def __init__(self, op: Operator, settings: Settings) -> None:
        self.op, self.settings, self.site = op, settings, Site(settings)
        self._document: bytes | None = None

    def answering(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            visit = Visit(self.site, route, request, self.op, None, self.site.cookies.token(request), new_nonce())
            response = await self._answer(visit)
            if not self.site.cookies.token(request) and visit.token and "set-cookie" not in response.headers:
                self.site.cookies.put_token(response, visit.token)
            harden(response, is_secure=self.site.cookies.is_secure)
            return response

        return answer

    async def _answer(self, visit: Visit) -> Response:
        try:
            await self._recognise(visit)
            route = visit.route
            require(visit.person, route.role, visit.params.get("source"), is_of_all=route.is_of_all)
            if route.method == "POST":
                async with visit.request.form(max_part_size=BODY_BYTES_MAX) as fields:
                    return await self._write(visit, fields)
            return await route.handler(visit)
        except NotSignedIn:
            return _to_sign_in(visit)
        except HookwrightError as error:
            return _explain(visit, error)
        except (RedisError, ConnectionError) as error:
            return _explain(visit, Unavailable(f"the queue does not answer ({type(error).__name__}); is it running?"))
        except ClientDisconnect:
            return _explain(visit, TooLarge("more than this form takes"))
        except HTTPException as error:  # of the parser: a form of thousands of fields, or none at all
            return _explain(visit, BadRequest(error.detail))
        except Exception:
            return _confess(visit)

    async def _recognise(self, visit: Visit) -> None:
        """Find out who is there; give a browser without a token one of no session."""
        if visit.token:
            visit.person = await find_person(self.op, visit.token)
        else:
            visit.token = new_token()
        if visit.person:
            visit.op = replace(self.op, actor=f"user:{visit.person.email}")
        else:
            narrow_body(visit.request)

    async def _write(self, visit: Visit, fields: FormData) -> Response:
        """Take a write; draw its form again where something in it is wrong."""
        visit.form = Form(visit.route.name, fields)
        presented = visit.request.headers.get(CSRF_HEADER) or str(fields.get(CSRF_FIELD, ""))
        check_write(visit.request, self.settings, self.site.cookies.token(visit.request), presented)
        try:
            return await visit.route.handler(visit)
        except Refused:
            pass
        except (OperatorError, NotFound) as error:
            if not visit.route.form:
                raise
            visit.form.faults.setdefault("", error.detail)
        if visit.wants_json:
            return JSONResponse({"detail": "; ".join(visit.form.faults.values())}, 422)
        visit.status = 422
        return await self.site.routes[visit.route.form].handler(visit)

    async def serve_asset(self, request: Request) -> Response:
        response = await self.site.renderer.assets.serve(request)
        harden(response, is_secure=self.site.cookies.is_secure)
        return response

    async def serve_document(self, request: Request) -> Response:
        """Give the OpenAPI document: it says what the product takes, nothing of what is in it."""
        if self._document is None:  # it takes a tenth of a second, and changes with the settings alone
            self._document = orjson.dumps(build_document(self.settings))
        response = Response(self._document, media_type="application/json")
        harden(response, is_secure=self.site.cookies.is_secure)
        return response

    async def answer_strays(self, request: Request, stray: Exception) -> Response:
        """Answer what no route takes: an unknown path, or a method that its path does not know."""
        assert isinstance(stray, HTTPException)
        if request.url.path.startswith("/api/"):  # a program asks
            return as_response(refused(stray_error(request, stray), mint_event_id()))
        if stray.status_code == 405:
            allowed = (stray.headers or {}).get("Allow", "")
            return await self.answering(replace(_NOWHERE, handler=_refusing(MethodNotAllowed("", allowed))))(request)
        return await self.answering(_NOWHERE)(request)


async def _nowhere(visit: Visit) -> Response:
    raise NotFound("there is no page at this address; the menu names all there are")


def _refusing(error: HookwrightError) -> Callable[[Visit], Awaitable[Response]]:
    async def refuse(visit: Visit) -> Response:
        raise error

    return refuse


def _to_sign_in(visit: Visit) -> Response:
    """Show the way to the sign-in page, and from there back to what was wanted."""
    wanted = _wanted(visit)
    target = visit.url("signin:sign_in", next=wanted if wanted != "/" else None)
    if "hx-request" in visit.request.headers:
        return Response(status_code=401, headers={"HX-Redirect": target})
    if visit.wants_json:
        return JSONResponse({"detail": "you are signed out: sign in again"}, 401)
    return RedirectResponse(target, 303)


def _wanted(visit: Visit) -> str:
    """Give the page to come back to: what was asked for, or the page that asked for a part of itself or sent a form."""
    headers, is_read = visit.request.headers, visit.request.method == "GET"
    is_whole = any(name in headers for name in ("hx-boosted", "hx-history-restore-request"))
    if is_read and (is_whole or "hx-request" not in headers):
        return visit.here()
    try:
        shown = urlsplit(headers.get("hx-current-url", ""))
    except ValueError:
        return "/"
    is_ours = is_own_host(visit.request, visit.site.settings, shown.netloc)
    return inside(urlunsplit(("", "", shown.path, shown.query, ""))) if is_ours else "/"


def _explain(visit: Visit, error: HookwrightError) -> Response:
    if isinstance(error, StoreBusy):
        error = Unavailable(f"{error.detail}; nothing was changed, try again in a moment")
    visit.status = error.status
    if visit.wants_json:
        response: Response = JSONResponse({"detail": error.detail, **error.extra}, error.status)
    else:
        response = visit.show("error.html", title=error.title, detail=error.detail, error_id="")
    if isinstance(error, Unavailable | TooMany):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = error.allowed
    return response


def _confess(visit: Visit) -> Response:
    """Answer a bug of ours: nothing of it is shown but the id under which the log has it."""
    error_id = mint_event_id().replace("evt_", "err_")
    log.exception("page_broke", error_id=error_id, route=visit.route.name)
    visit.status = 500
    detail = "this is a fault of Hookwright's, not of yours; nothing was half written"
    return visit.show("error.html", title="Something broke", detail=detail, error_id=error_id)
