"""Account: my name, my password, where I am signed in, how the pages look."""

from starlette.responses import Response

from console.access import Role
from console.pages.signin import know_browser
from console.section import Section
from console.security import inside
from console.throttle import count_try, forget_tries, limits_of_device
from console.visit import Visit
from gateway.operations.passwords import CHARACTERS_MAX, CHARACTERS_MIN
from gateway.operations.sessions import end_other_sessions, list_sessions
from gateway.operations.users import NAME_CHARACTERS_MAX, change_password, rename_user

section = Section("account")

THEME_SECONDS = 365 * 24 * 3600


@section.get("/account", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    sessions = await list_sessions(visit.op, visit.who)
    return visit.show("account/index.html", sessions=sessions, characters_min=CHARACTERS_MIN)


@section.post("/account/name", role=Role.VIEWER, form="account:index")
async def rename(visit: Visit) -> Response:
    name = visit.form.text("name", needed="What shall others call you?", characters_max=NAME_CHARACTERS_MAX)
    visit.form.settle()
    await rename_user(visit.op, visit.who.id, name)
    return visit.go(visit.url("account:index"), "Your name is changed.")


@section.post("/account/password", role=Role.VIEWER, form="account:index")
async def password(visit: Visit) -> Response:
    """Change the password: the old one is asked for, and every other session ends."""
    form = visit.form
    old, new = (form.raw(field, characters_max=CHARACTERS_MAX) for field in ("old", "new"))
    if new != form.raw("again", characters_max=CHARACTERS_MAX):
        form.faults["again"] = "The two are not the same."
    form.settle()
    limits = limits_of_device(visit.who.session)
    await count_try(visit.op.redis, limits)  # a session that was left open guesses no password
    await change_password(visit.op, visit.who.id, old, new, but_session=visit.who.session)
    await forget_tries(visit.op.redis, limits)
    return _stay(visit, "Your password is changed; you are signed out everywhere else.")


@section.post("/account/sign-out-elsewhere", role=Role.VIEWER)
async def sign_out_elsewhere(visit: Visit) -> Response:
    ended = await end_other_sessions(visit.op, visit.who)
    return _stay(visit, f"Signed out in {ended} other browser{'' if ended == 1 else 's'}.")


def _stay(visit: Visit, said: str) -> Response:
    """Go on in this browser, the only one that is known from now on."""
    response = visit.go(visit.url("account:index"), said)
    know_browser(visit, response, visit.who.id, visit.who.email)
    return response


@section.post("/theme", role=Role.ANYONE)
async def theme(visit: Visit) -> Response:
    """Choose light, dark or what the system says. With JavaScript the page does it by itself, without asking."""
    response = visit.go(inside(visit.form.text("next")))
    cookies = visit.site.cookies
    chosen = visit.form.choice("theme", ("auto", "light", "dark"))
    cookies.put(response, cookies.theme, chosen or "auto", THEME_SECONDS, is_script_free=False)
    return response
