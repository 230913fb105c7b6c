"""Sign-in: by e-mail address and password, or by a one-time link that sets the password."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.security import inside
from console.throttle import count_refusal, count_try, forget_tries, limits_of_device, limits_of_stranger
from console.visit import Visit
from gateway.errors import NotGenuine
from gateway.operations.devices import find_device, make_pass
from gateway.operations.passwords import CHARACTERS_MAX, CHARACTERS_MIN
from gateway.operations.sessions import audit_refusal, check_password, end_session, open_session
from gateway.operations.users import load_link, take_link

section = Section("signin")


@section.get("/sign-in", role=Role.ANYONE)
async def sign_in(visit: Visit) -> Response:
    if visit.person and visit.route.method == "GET":
        return visit.go(inside(visit.asked("next")))
    return visit.show("signin/sign_in.html")


@section.post("/sign-in", role=Role.ANYONE, form="signin:sign_in")
async def enter(visit: Visit) -> Response:
    """Sign in. What is wrong is never said: neither whether the address is known."""
    form = visit.form
    email = form.text("email", needed="Which e-mail address?")
    password = form.raw("password", characters_max=CHARACTERS_MAX)
    form.settle()
    device = await find_device(visit.op, email, visit.site.cookies.device_pass(visit.request, email))
    limits = limits_of_device(device) if device else limits_of_stranger(visit.address, email)
    await count_try(visit.op.redis, limits)
    try:
        user_id = await check_password(visit.op, email, password)
    except NotGenuine as error:
        if count := await count_refusal(visit.op.redis, visit.address):
            await audit_refusal(visit.op, email, address=visit.address, count=count)
        form.refuse("", f"{error.detail[0].upper()}{error.detail[1:]}.")
    await forget_tries(visit.op.redis, limits)
    return await _open(visit, user_id, email.lower(), visit.asked("next"))


@section.post("/sign-out", role=Role.VIEWER)
async def leave(visit: Visit) -> Response:
    await end_session(visit.op, visit.who)
    response = visit.go(visit.url("signin:sign_in"))
    visit.site.cookies.drop(response, visit.site.cookies.session)
    return response


@section.get("/welcome/{link}", role=Role.ANYONE)
async def welcome(visit: Visit) -> Response:
    """Show the form behind a one-time link. Looking at it does not use it up: mail scanners look too."""
    invited = await load_link(visit.op, visit.params["link"])
    return visit.show("signin/welcome.html", invited=invited, characters_min=CHARACTERS_MIN)


@section.post("/welcome/{link}", role=Role.ANYONE, form="signin:welcome")
async def join(visit: Visit) -> Response:
    form, invited = visit.form, await load_link(visit.op, visit.params["link"])
    email = invited["email"] or form.text("email", needed="Which e-mail address will you sign in with?")
    name = form.text("name", needed="What shall others call you?")
    password = form.raw("password", characters_max=CHARACTERS_MAX)
    if password != form.raw("again", characters_max=CHARACTERS_MAX):
        form.faults["again"] = "The two are not the same."
    form.settle()
    with form.about("password" if invited["email"] else ""):
        user = await take_link(visit.op, visit.params["link"], email=email, name=name, password=password)
    return await _open(visit, user["id"], user["email"], "/")


async def _open(visit: Visit, user_id: str, email: str, wanted: str) -> Response:
    agent = visit.request.headers.get("user-agent", "")
    token = await open_session(visit.op, user_id, email, address=visit.address, browser=agent)
    response = visit.go(inside(wanted))
    visit.site.cookies.put_token(response, token)
    know_browser(visit, response, user_id, email)
    return response


def know_browser(visit: Visit, response: Response, user_id: str, email: str) -> None:
    """Give the browser a pass: from now on nobody else's wrong tries shut it out of this account."""
    visit.site.cookies.put_device_pass(response, email, make_pass(visit.op, user_id))
