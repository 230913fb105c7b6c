"""A browser that has signed in before: nobody's wrong tries hold its owner out, and it buys nobody more of them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from visitors import BASE, PASSWORD, House, Visitor, open_house

from console.throttle import (
    TRIES_FROM_ADDRESS,
    TRIES_PER_ACCOUNT,
    TRIES_PER_ADDRESS,
    TRIES_PER_DEVICE,
    count_try,
    limits_of_device,
    limits_of_stranger,
)
from gateway import clock
from gateway.errors import TooMany
from gateway.operations.devices import LIFE_SECONDS, find_device, make_pass
from gateway.operations.users import create_link, disable_user, enable_user

ADMIN, VIEWER = "admin@example.com", "viewer@example.com"
WRONG = "quite another one"


async def enter(visitor: Visitor, email: str, password: str = PASSWORD) -> int:
    return (await visitor.post("/sign-in", {"email": email, "password": password})).status_code


async def known(house: House, email: str = ADMIN) -> Visitor:
    """Give a browser that has signed in to an account, and out again."""
    visitor = await house.arriving()
    assert await enter(visitor, email) == 303
    await sign_out(visitor)
    return visitor


async def sign_out(visitor: Visitor) -> None:
    assert (await visitor.post("/sign-out")).status_code == 303
    await visitor.get("/sign-in")


async def shut(house: House, email: str) -> None:
    """Try wrong passwords from everywhere until strangers are refused."""
    for limit in limits_of_stranger("127.0.0.1", email):
        await house.op.redis.set(limit.key, limit.quota, ex=60)
    assert await enter(await house.arriving(), email) == 429


def passes(visitor: Visitor) -> dict[str, str]:
    return {cookie.name: cookie.value or "" for cookie in visitor.http.cookies.jar if "_known_" in cookie.name}


async def test_wrong_tries_of_others_do_not_hold_out_who_has_been_in_before(house: House) -> None:
    owner = await known(house)
    await shut(house, ADMIN)
    assert await enter(owner, ADMIN, WRONG) == 422
    assert await enter(owner, ADMIN) == 303
    assert await enter(await house.arriving(), ADMIN) == 429, "nor does the owner let the others try again"


async def test_a_pass_is_of_one_account(house: House) -> None:
    owner, [(name, theirs)] = await known(house), passes(await known(house, VIEWER)).items()
    await shut(house, VIEWER)
    assert await enter(owner, VIEWER) == 429
    owner.http.cookies.set(name, *passes(owner).values())
    assert await enter(owner, VIEWER) == 429, "under whatever name it comes"
    owner.http.cookies.set(name, theirs)
    assert await enter(owner, VIEWER) == 303


async def test_two_people_who_share_a_browser_are_both_known_there(house: House) -> None:
    browser = await known(house, ADMIN)
    assert await enter(browser, VIEWER) == 303
    await sign_out(browser)
    assert len(passes(browser)) == 2
    for email in (ADMIN, VIEWER):
        await shut(house, email)
        assert await enter(browser, email) == 303
        await sign_out(browser)


async def test_a_known_browser_may_guess_no_more_than_anybody(house: House) -> None:
    thief, elsewhere = await known(house), await known(house)
    [device_pass] = passes(thief).values()
    device = await find_device(house.op, ADMIN, device_pass)
    assert device is not None
    [limit] = limits_of_device(device)
    await house.op.redis.set(limit.key, TRIES_PER_DEVICE - 1, ex=60)
    assert await enter(thief, ADMIN, WRONG) == 422
    assert await enter(thief, ADMIN) == 429
    assert await enter(elsewhere, ADMIN) == 303, "another browser of the owner is not shut by it"
    assert await enter(await house.arriving(), ADMIN) == 303, "nor is a new one"


async def test_one_address_alone_cannot_shut_an_account_to_new_browsers(house: House) -> None:
    redis = house.op.redis
    with pytest.raises(TooMany, match="wait 15 minutes"):
        for _ in range(TRIES_PER_ADDRESS):
            await count_try(redis, limits_of_stranger("198.51.100.1", ADMIN))
    counts = [int(await redis.get(limit.key)) for limit in limits_of_stranger("198.51.100.1", ADMIN)]
    assert counts[1:] == [TRIES_FROM_ADDRESS + 1, TRIES_FROM_ADDRESS], "what is refused counts no further"
    assert TRIES_FROM_ADDRESS < TRIES_PER_ACCOUNT
    assert await enter(await house.arriving(), ADMIN) == 303


@pytest.mark.parametrize("forged", ["", ".", "..", "1.2.3", "x.y.z", "9" * 40 + ".n.s", "\u00e9.\u00e9.\u00e9"])
async def test_a_pass_that_is_none_of_ours_is_a_strangers(house: House, forged: str) -> None:
    assert await find_device(house.op, ADMIN, forged) is None
    assert await find_device(house.op, "ghost@example.com", forged) is None


async def test_a_pass_that_was_altered_is_a_strangers(house: House) -> None:
    mine = make_pass(house.op, house.people["admin"]["id"])
    assert await find_device(house.op, f" {ADMIN.upper()} ", mine) is not None
    at, nonce, seal = mine.split(".")
    for altered in (f"{int(at) + 1}.{nonce}.{seal}", f"{at}.{nonce}x.{seal}", f"{at}.{nonce}.{seal[:-1]}"):
        assert await find_device(house.op, ADMIN, altered) is None
    assert await find_device(house.op, VIEWER, mine) is None


async def test_another_secret_key_knows_no_browser(house: House, valkey_url: str) -> None:
    with TemporaryDirectory(prefix="hw-") as folder:
        async with open_house(Path(folder), valkey_url) as other:
            foreign = make_pass(other.op, house.people["admin"]["id"])
    assert await find_device(house.op, ADMIN, foreign) is None


async def test_a_pass_ends_by_itself_after_a_year(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, now = make_pass(house.op, house.people["admin"]["id"]), clock.now()
    for seconds, is_known in ((LIFE_SECONDS - 60, True), (LIFE_SECONDS + 60, False)):
        monkeypatch.setattr(clock, "now", lambda seconds=seconds: now + seconds * 1_000_000)
        assert (await find_device(house.op, ADMIN, mine) is not None) is is_known


async def test_signing_out_everywhere_else_leaves_only_this_browser_known(house: House) -> None:
    here, there = await known(house), await known(house)
    assert await enter(here, ADMIN) == 303
    assert (await here.post("/account/sign-out-elsewhere")).status_code == 303
    await sign_out(here)
    await shut(house, ADMIN)
    assert await enter(there, ADMIN) == 429
    assert await enter(here, ADMIN) == 303


async def test_a_new_password_leaves_only_this_browser_known(house: House) -> None:
    here, there = await known(house), await known(house)
    assert await enter(here, ADMIN) == 303
    new = {"old": PASSWORD, "new": "some other words", "again": "some other words"}
    assert (await here.post("/account/password", new)).status_code == 303
    await sign_out(here)
    await shut(house, ADMIN)
    assert await enter(there, ADMIN, "some other words") == 429
    assert await enter(here, ADMIN, "some other words") == 303


async def test_who_takes_a_one_time_link_is_known_by_it_and_others_no_more(house: House) -> None:
    before, person = await known(house), house.people["admin"]
    browser = await house.arriving()
    link = f"/welcome/{await create_link(house.op, person['id'])}"
    words = {"name": "Ann", "password": "some other words", "again": "some other words"}
    assert (await browser.post(link, words)).status_code == 303
    await sign_out(browser)
    await shut(house, ADMIN)
    assert await enter(before, ADMIN, "some other words") == 429
    assert await enter(browser, ADMIN, "some other words") == 303


async def test_who_was_disabled_meanwhile_is_known_nowhere(house: House) -> None:
    visitor = await known(house, VIEWER)
    await disable_user(house.op, VIEWER)
    await enable_user(house.op, VIEWER)
    await shut(house, VIEWER)
    assert await enter(visitor, VIEWER) == 429


async def test_changing_the_password_does_not_hang_on_what_others_try(house: House) -> None:
    visitor = await house.signed_in("viewer")
    await shut(house, VIEWER)
    new = {"old": PASSWORD, "new": "some other words", "again": "some other words"}
    assert (await visitor.post("/account/password", new)).status_code == 303


async def test_the_pass_is_out_of_reach_of_scripts_and_says_nothing(house: House) -> None:
    visitor = await house.arriving()
    answer: httpx.Response = await visitor.http.post(
        "/sign-in",
        data={"email": ADMIN, "password": PASSWORD, "csrf": (await form_token(visitor))},
        headers={"origin": BASE},
    )
    [cookie] = [value for value in answer.headers.get_list("set-cookie") if "_known_" in value]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert f"Max-Age={LIFE_SECONDS}" in cookie
    assert "admin" not in cookie
    assert house.people["admin"]["id"] not in cookie


async def form_token(visitor: Visitor) -> str:
    return (await visitor.get("/sign-in")).text.partition('name="csrf" value="')[2].partition('"')[0]
