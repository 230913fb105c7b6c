"""Strangers at the console's door: they send little, and another address of their network is no other one."""

import httpx
import pytest
from visitors import BASE, PASSWORD, House

from console.security import STRANGER_BODY_BYTES_MAX, derive
from console.throttle import TRIES_PER_DEVICE, limits_of_stranger

FORM = {"origin": BASE, "content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", ["/sign-in", "/theme", "/welcome/nothing"])
async def test_who_is_not_signed_in_sends_no_more_than_a_stranger_needs(house: House, path: str) -> None:
    """Nobody has to sign in to hold memory: thousands of forms of megabytes would take it all."""
    visitor = await house.arriving()
    body = b"csrf=" + derive(visitor.token, "csrf").encode() + b"&name=" + b"x" * STRANGER_BODY_BYTES_MAX
    assert (await visitor.http.post(path, content=body, headers=FORM)).status_code == 413
    insider = await house.signed_in("viewer")
    body = b"csrf=" + derive(insider.token, "csrf").encode() + b"&name=" + b"x" * STRANGER_BODY_BYTES_MAX
    assert (await insider.http.post(path, content=body, headers=FORM)).status_code != 413


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/x-www-form-urlencoded", b"a=1&" * 2000), ("multipart/form-data", b"no boundary")],
)
async def test_a_form_that_cannot_be_read_is_no_fault_of_ours(house: House, content_type: str, body: bytes) -> None:
    visitor = await house.arriving()
    answer = await visitor.http.post("/sign-in", content=body, headers=FORM | {"content-type": content_type})
    assert answer.status_code == 400


def test_all_addresses_of_one_ipv6_network_count_as_one() -> None:
    """A home has 18 trillion of them: a password tried from each would never be stopped."""
    pairs = ((1, 1), (1, 2), (2, 1))
    first, second, other = (limits_of_stranger(f"2001:db8:0:{net}::{host}", "a@b.c") for net, host in pairs)
    for limit in (0, 1):  # of the address, and of the account from there
        assert first[limit].key == second[limit].key != other[limit].key
    ours, theirs = (limits_of_stranger(f"192.0.2.{host}", "a@b.c") for host in (1, 2))
    assert ours[0].key != theirs[0].key


async def test_guessing_the_password_of_a_session_left_open_is_stopped_too(house: House) -> None:
    visitor = await house.signed_in("viewer")
    new = {"new": "some other words", "again": "some other words"}
    assert (await visitor.post("/account/password", {"old": "a guess", **new})).status_code == 422
    [key] = [key async for key in house.op.redis.scan_iter("hookwright:sign-in:*")]
    await house.op.redis.set(key, TRIES_PER_DEVICE - 1, keepttl=True)
    assert (await visitor.post("/account/password", {"old": "a guess", **new})).status_code == 422
    answer: httpx.Response = await visitor.post("/account/password", {"old": PASSWORD, **new})
    assert answer.status_code == 429
