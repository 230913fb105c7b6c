"""Signing in, staying in, being put out."""

import re
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import update
from visitors import BASE, PASSWORD, House, open_house

from console.throttle import TRIES_PER_ACCOUNT, TRIES_PER_ADDRESS, limits_of_stranger
from gateway.operations import passwords, users
from gateway.operations.audit import list_audit
from gateway.operations.sessions import LIFE_SECONDS, REST_SECONDS
from gateway.store.people_tables import sessions

WRONG = "quite another one"


async def enter(visitor, email: str, password: str = PASSWORD, **headers: str):
    return await visitor.post("/sign-in", {"email": email, "password": password}, **headers)


async def is_in(visitor) -> bool:
    return (await visitor.get("/account")).status_code == 200


async def test_who_knows_the_password_comes_in_and_to_where_they_wanted(house: House) -> None:
    visitor = await house.arriving("/audit?actor=user:ann")
    shown = await visitor.get("/audit?actor=user%3Aann")
    assert shown.headers["location"] == "/sign-in?next=%2Faudit%3Factor%3Duser%253Aann"
    before = visitor.token
    answer = await visitor.post(
        "/sign-in?next=/audit%3Factor%3Duser%253Aann", {"email": " ADMIN@example.com ", "password": PASSWORD}
    )
    assert answer.headers["location"] == "/audit?actor=user%3Aann"
    assert visitor.token != before, "a token from before signing in is worth nothing after it"
    assert await is_in(visitor)


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(house: House) -> None:
    visitor = await house.arriving()
    known, unknown = await enter(visitor, "admin@example.com", WRONG), await enter(visitor, "ghost@example.com", WRONG)
    assert known.status_code == unknown.status_code == 422
    alike = (re.sub('"style-nonce" content="[^"]+"', "", each.text) for each in (known, unknown))
    assert next(alike).replace("admin@", "ghost@") == next(alike)
    assert "E-mail address or password is wrong." in known.text
    assert WRONG not in known.text
    assert not await is_in(visitor)


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_nobody_is_led_elsewhere_after_signing_in(house: House, wanted: str) -> None:
    visitor = await house.arriving()
    answer = await visitor.http.post(
        "/sign-in",
        params={"next": wanted},
        data={"csrf": (await form_token(visitor)), "email": "admin@example.com", "password": PASSWORD},
        headers={"origin": BASE},
    )
    assert answer.headers["location"] == "/"


async def form_token(visitor) -> str:
    page = (await visitor.get("/sign-in")).text
    return page.partition('name="csrf" value="')[2].partition('"')[0]


async def test_an_unknown_address_costs_the_work_of_a_known_one(house: House, monkeypatch) -> None:
    """Else the time of the answer would tell who is one of the people."""
    hasher, compared = passwords._hasher, []

    class Spy:
        def __getattr__(self, name: str):
            return getattr(hasher, name)

        def verify(self, password_hash: str, password: str) -> bool:
            compared.append(password_hash.split("$")[:4])
            return hasher.verify(password_hash, password)

    monkeypatch.setattr(passwords, "_hasher", Spy())
    await users.add_user(house.op, "invited@example.com", "viewer", [])  # no password yet
    visitor = await house.arriving()
    for email in ("admin@example.com", "ghost@example.com", "invited@example.com"):
        await enter(visitor, email, WRONG)
    assert len(compared) == 3
    assert compared[0] == compared[1] == compared[2], "with the same parameters"


async def test_without_redis_nobody_signs_in_and_who_is_in_goes_on(tmp_path: Path) -> None:
    """Who cannot count tries must not let anybody try."""
    async with open_house(tmp_path, f"unix://{tmp_path}/nothing.sock") as house:
        visitor = await house.arriving()
        answer = await enter(visitor, "admin@example.com")
        assert answer.status_code == 503
        assert "queue does not answer" in answer.text
        assert await is_in(await house.signed_in("admin"))
        ready = await house.visitor().get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"]["status"] == "ok"
        assert ready.json()["checks"]["queue"]["status"] == "down"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    visitor = await house.arriving()
    cookie = (await enter(visitor, "viewer@example.com")).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "this console is reached by http"


async def test_behind_https_the_cookie_is_bound_to_it(tmp_path: Path, valkey_url: str) -> None:
    async with open_house(tmp_path, valkey_url, console_url="https://console.example") as house:
        visitor = house.visitor()
        answer = await visitor.get("/sign-in")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-hookwright_")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_session_is_kept_as_a_hash_alone(house: House) -> None:
    visitor = await house.arriving()
    await enter(visitor, "viewer@example.com")
    dump = await house.op.read(lambda conn: str(list(conn.execute(sessions.select()))))
    assert visitor.token not in dump
    assert len(visitor.token) >= 40


async def test_signing_out_ends_the_session_on_our_side(house: House) -> None:
    visitor = await house.signed_in("viewer")
    token = visitor.token
    assert (await visitor.post("/sign-out")).headers["location"] == "/sign-in"
    visitor.http.cookies.set(house.cookie, token)
    assert not await is_in(visitor)


@pytest.mark.parametrize(
    ("column", "seconds"), [(sessions.c.seen_at, REST_SECONDS), (sessions.c.created_at, LIFE_SECONDS)]
)
async def test_a_session_ends_by_itself(house: House, column, seconds: int) -> None:
    visitor = await house.signed_in("viewer")

    async def age(by_seconds: int) -> None:
        by = {column.name: column - by_seconds * 1_000_000}
        await house.op.write(lambda conn: conn.execute(update(sessions).values(**by)))

    await age(seconds - 60)
    assert await is_in(visitor)
    await age(seconds + 60)
    assert not await is_in(visitor)


async def test_being_there_keeps_a_session_alive(house: House) -> None:
    visitor = await house.signed_in("viewer")
    for _ in range(3):
        nearly = {"seen_at": sessions.c.seen_at - (REST_SECONDS - 60) * 1_000_000}
        await house.op.write(lambda conn, nearly=nearly: conn.execute(update(sessions).values(**nearly)))
        assert await is_in(visitor)


async def test_signing_out_elsewhere_leaves_only_this_browser(house: House) -> None:
    here, there = await house.signed_in("viewer"), await house.signed_in("viewer")
    stranger = await house.signed_in("admin")
    assert (await here.get("/account")).text.count("Firefox") == 2
    await here.post("/account/sign-out-elsewhere")
    assert await is_in(here)
    assert not await is_in(there)
    assert await is_in(stranger)


async def test_a_new_password_takes_the_old_one_and_puts_out_every_other_browser(house: House) -> None:
    here, there = await house.signed_in("viewer"), await house.signed_in("viewer")
    new = {"new": "some other words", "again": "some other words"}
    refused = await here.post("/account/password", {"old": WRONG, **new})
    assert refused.status_code == 422
    assert "the present password is another one" in refused.text
    assert (await here.post("/account/password", {"old": PASSWORD, **new, "again": "not that"})).status_code == 422
    short = await here.post("/account/password", {"old": PASSWORD, "new": "short", "again": "short"})
    assert "12 to 256 characters" in short.text
    assert (await here.post("/account/password", {"old": PASSWORD, **new})).status_code == 303
    assert await is_in(here)
    assert not await is_in(there)
    assert (await enter(await house.arriving(), "viewer@example.com", "some other words")).status_code == 303


async def test_guessing_at_one_account_is_stopped_before_the_password_is_looked_at(house: House) -> None:
    visitor = await house.arriving()
    await enter(visitor, "admin@example.com", WRONG)
    of_account = limits_of_stranger("", "admin@example.com")[2]
    await house.op.redis.set(of_account.key, TRIES_PER_ACCOUNT - 1, keepttl=True)
    assert (await enter(visitor, "admin@example.com", WRONG)).status_code == 422
    answer = await enter(visitor, "admin@example.com")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert (await enter(visitor, "viewer@example.com")).status_code == 303, "another account is not shut by it"


async def test_guessing_at_many_accounts_from_one_address_is_stopped(house: House) -> None:
    redis: Redis = house.op.redis
    visitor = await house.arriving()
    await enter(visitor, "ghost@example.com", WRONG)
    keys = [key async for key in redis.scan_iter("hookwright:sign-in:*")]
    assert len(keys) == 3, "one for the address, one for the account, one for the two together"
    for key in keys:
        assert 0 < await redis.ttl(key) <= 15 * 60
        await redis.set(key, TRIES_PER_ADDRESS, keepttl=True)
    assert (await enter(visitor, "viewer@example.com")).status_code == 429


async def test_coming_in_makes_earlier_slips_forgotten(house: House) -> None:
    visitor = await house.arriving()
    _, from_address, of_account = limits_of_stranger("127.0.0.1", "admin@example.com")
    for _ in range(2):
        for limit in (from_address, of_account):
            await house.op.redis.set(limit.key, limit.quota - 1, ex=60)
        assert (await enter(visitor, "admin@example.com")).status_code == 303
        visitor = await house.arriving()


async def test_a_script_of_ours_hears_in_its_own_words_that_nobody_is_signed_in(house: House) -> None:
    visitor = await house.arriving()
    answer = await visitor.post("/sources/nothing/script", {"text": "x"}, accept="application/json")
    assert (answer.status_code, answer.json()) == (401, {"detail": "you are signed out: sign in again"})
    known = await house.signed_in("viewer")
    refused = await known.post("/sources/nothing/script", {"text": "x"}, accept="application/json")
    assert refused.status_code == 403
    assert "ask an admin" in refused.json()["detail"]


async def refusals(house: House) -> list[tuple[str, dict]]:
    return [(row["subject"], row["after"]) for row in (await list_audit(house.op, operation="session.refuse"))[0]]


async def test_coming_in_going_out_and_not_coming_in_are_in_the_audit_log(house: House) -> None:
    visitor = await house.arriving()
    await enter(visitor, " Admin@example.com", WRONG)
    await enter(visitor, "a secret in the wrong field", WRONG)
    await enter(visitor, "admin@example.com")
    await visitor.post("/sign-out")
    assert not await is_in(visitor)
    rows = (await list_audit(house.op, operation="session"))[0][:4]
    assert [(row["operation"], row["subject"]) for row in rows] == [
        ("session.close", "admin@example.com"),
        ("session.open", "admin@example.com"),
        ("session.refuse", "no account"),
        ("session.refuse", "admin@example.com"),
    ]
    assert rows[0]["actor"] == "user:admin@example.com"
    assert rows[3]["actor"] == f"address:{rows[3]['after']['address']}"
    written = repr((await list_audit(house.op))[0])
    assert WRONG not in written
    assert "wrong field" not in written


async def test_a_stranger_cannot_fill_the_audit_log(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = await house.arriving()
    for number in range(9):
        await enter(visitor, f"ghost{number}@example.com", WRONG)
    assert [told["count"] for _, told in await refusals(house)] == [8, 4, 2, 1]
    monkeypatch.setattr("console.throttle.REFUSALS_TOLD", 5)
    for number in range(6):
        transport = httpx.ASGITransport(house.app, client=(f"192.0.2.{number}", 1))
        visitor.http._transport = transport
        await enter(visitor, "ghost@example.com", WRONG)
    assert len(await refusals(house)) == 5
