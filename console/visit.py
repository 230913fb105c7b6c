"""Visit: one request as a page's handler sees it: who is there, what they sent, and how to answer.

Takes what app.py has found out; gives answers. Handlers get nothing else: no cookies, no headers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.access import may, require
from console.form import Form
from console.security import derive
from gateway.ingest.receive import client_address
from gateway.operations.operator import Operator
from gateway.operations.sessions import Person

if TYPE_CHECKING:
    from console.section import Route
    from console.site import Site

SAID_SECONDS = 60


@dataclass(slots=True)
class Visit:
    site: "Site"
    route: "Route"
    request: Request
    op: Operator  # acts in the name of the person
    person: Person | None
    token: str  # of the browser
    nonce: str
    form: Form = field(default_factory=Form)
    status: int = 200

    @property
    def who(self) -> Person:
        """Give the person, where the route demands one."""
        assert self.person is not None
        return self.person

    @property
    def params(self) -> Mapping[str, Any]:
        return self.request.path_params

    @property
    def sources(self) -> frozenset[str] | None:
        """Give the only sources that this person may see; None means every one."""
        return (self.person and self.person.sources) or None

    @property
    def address(self) -> str:
        return client_address(self.request.scope, self.site.settings)

    @property
    def wants_json(self) -> bool:
        """Say whether a script of ours asks, to whom a page says nothing."""
        return "application/json" in self.request.headers.get("accept", "")

    def asked(self, name: str, default: str = "") -> str:
        """Give a value of the query string, without the blanks around it."""
        return self.request.query_params.get(name, default).strip()

    def asked_number(self, name: str) -> int:
        text = self.asked(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    def url(self, name: str, /, **values: Any) -> str:
        """Give the address of a route by its name; what its path does not take goes into the query string."""
        return self.site.url(name, **values)

    def here(self, **values: Any) -> str:
        """Give this page's address with other values in its query string; empty ones are left out."""
        query = {**self.request.query_params, **values}
        kept = urlencode({name: value for name, value in query.items() if value not in ("", None)})
        return f"{self.request.url.path}?{kept}" if kept else self.request.url.path

    def may(self, name: str, source: str | None = None) -> bool:
        """Say whether this person may take that route, there for that source."""
        route = self.site.routes.get(name)
        return route is not None and may(self.person, route.role, source, is_of_all=route.is_of_all)

    def require_reach(self, source: str) -> None:
        """Demand the role of this route for a source that the path does not name. Raises Forbidden."""
        require(self.person, self.route.role, source)

    def show(self, template: str, **context: Any) -> Response:
        """Answer with a page, or with the part of it that htmx asked for."""
        return self.site.renderer.show(self, template, context)

    def go(self, url: str, said: str = "", *, is_bad: bool = False) -> Response:
        """Answer a write: on to a page of ours, which then says `said`, once."""
        response = RedirectResponse(url, 303)
        if said:
            message = f"{'bad' if is_bad else 'good'}:{said[:500]}"
            sealed = f"{derive(self.token, 'said', message)}:{message}"
            cookies = self.site.cookies
            cookies.put(response, cookies.said, sealed.encode().hex(), SAID_SECONDS)
        return response
