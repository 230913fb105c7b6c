"""Render: one URL, two renderings. Decided here alone: the whole page, or the one block of it that htmx asked for.

Takes a visit, a template and its values; gives HTML. htmx names the element that it will replace (HX-Target); where
the template has a block of that name, only this block is rendered. Going back in the history wants the page,
whatever the element was. Autoescape is always on; templates end in .html.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from console.assets import Assets
from console.form import Form
from console.security import CSRF_FIELD, derive, harden
from console.texts import FILTERS

if TYPE_CHECKING:
    from console.visit import Visit

TEMPLATES = Path(__file__).parent / "templates"
_EMPTY = Form()


class Renderer:
    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self._env = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.filters.update(FILTERS)
        self._env.globals["asset"] = assets.url
        self._env.globals["ui"] = self._env.get_template("_ui.html").module

    def show(self, visit: "Visit", template: str, context: dict[str, Any]) -> Response:
        """Render what was asked for, and say what the answer depends on."""
        loaded, target = self._env.get_template(template), _target(visit)
        values = {**_surroundings(visit), **context}
        if target in loaded.blocks:
            response = HTMLResponse("".join(loaded.blocks[target](loaded.new_context(values))), visit.status)
        else:
            said = _take_said(visit)
            response = HTMLResponse(loaded.render(values, said=said), visit.status)
            if target:  # a whole page where a part was asked for (an error): it takes the whole window
                response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "innerHTML show:window:top"
            if said:
                visit.site.cookies.drop(response, visit.site.cookies.said)
        if visit.route.method == "POST":  # the answer to a write is nowhere that one could come back to
            response.headers["HX-Push-Url"] = "false"
        response.headers["Vary"] = "HX-Request, HX-Target, Cookie"
        harden(response, is_secure=visit.site.cookies.is_secure, nonce=visit.nonce)
        return response


def _target(visit: "Visit") -> str:
    headers = visit.request.headers
    is_part = "hx-request" in headers and "hx-boosted" not in headers and "hx-history-restore-request" not in headers
    return headers.get("hx-target", "") if is_part else ""


def _surroundings(visit: "Visit") -> dict[str, Any]:
    """Give what every template may use."""
    site, token = visit.site, derive(visit.token, "csrf")
    theme = visit.request.cookies.get(site.cookies.theme, "")
    return {
        "visit": visit,
        "person": visit.person,
        "may": visit.may,
        "url": visit.url,
        "here": visit.here,
        "menu": site.menu(visit.person),
        "has_search": bool(visit.person and site.finders(visit.person)),
        "form_of": lambda name: visit.form if visit.form.name == name else _EMPTY,
        "csrf_token": token,
        "csrf_field": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token),
        "nonce": visit.nonce,
        "theme": theme if theme in ("light", "dark") else "auto",
        "said": None,
    }


def _take_said(visit: "Visit") -> tuple[str, str] | None:
    """Read what the page before wanted to be said; only what we have sealed for this browser."""
    try:
        raw = bytes.fromhex(visit.request.cookies.get(visit.site.cookies.said, "")).decode()
    except ValueError:
        return None
    seal, _, message = raw.partition(":")
    if not message or seal != derive(visit.token, "said", message):
        return None
    tone, _, text = message.partition(":")
    return tone, text
