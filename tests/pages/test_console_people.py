"""People come in by a link that works once; one admin is always left; what is done is in the audit log."""

from pathlib import Path

import pytest
from running import prepare
from sqlalchemy import update
from visitors import PASSWORD, House, open_house

from console.app import build_console
from gateway.errors import BadSetting, Conflict, NotFound, OperatorError
from gateway.operations import users
from gateway.operations.audit import list_audit
from gateway.operations.operator import open_operator
from gateway.operations.sessions import check_password
from gateway.operations.sources import add_source
from gateway.queue.keys import KEY_USES
from gateway.store.people_tables import links

JOINING = {"name": "Ann Otter", "password": PASSWORD, "again": PASSWORD}


def link_in(page: str) -> str:
    return page.partition('<hw-copy value="')[2].partition('"')[0]


async def test_an_admin_adds_a_person_who_comes_in_by_the_link_once(house: House) -> None:
    admin = await house.signed_in("admin")
    page = await admin.post("/people", {"email": "Ann@Example.com", "role": "integrator"})
    assert page.status_code == 200
    link = link_in(page.text)
    assert link.startswith(f"{house.settings.effective_console_url}/welcome/")
    path = link.removeprefix(house.settings.effective_console_url)
    ann = await house.arriving(path)
    assert "Choose a password for ann@example.com" in (await ann.get(path)).text, "looking does not use it up"
    assert (await ann.post(path, JOINING)).headers["location"] == "/"
    assert "Ann Otter" in (await ann.get("/account")).text
    again = await house.arriving()
    for answer in (await again.get(path), await again.post(path, JOINING)):
        assert answer.status_code in (404, 422)
        assert "used already" in answer.text


async def test_a_link_ends_after_its_hour_and_when_a_newer_one_is_made(house: House) -> None:
    first = await users.create_link(house.op, "viewer@example.com")
    second = await users.create_link(house.op, "viewer@example.com")
    with pytest.raises(NotFound):
        await users.load_link(house.op, first)
    assert (await users.load_link(house.op, second))["email"] == "viewer@example.com"
    old = {"expires_at": links.c.expires_at - 3600 * 1_000_000}
    await house.op.write(lambda conn: conn.execute(update(links).values(**old)))
    with pytest.raises(NotFound, match="older than an hour"):
        await users.load_link(house.op, second)


async def test_the_first_admin_comes_in_only_while_there_is_none(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, valkey_url)
    async with open_operator(settings, actor="test") as op:
        house = House(build_console(op, settings), op, settings, {})
        early, late = await users.create_first_link(op), await users.create_first_link(op)
        assert early
        assert late
        path = f"/welcome/{late}"
        somebody = await house.arriving(path)
        assert (await somebody.get(f"/welcome/{early}")).status_code == 404, "the newest counts"
        bad = await somebody.post(path, {**JOINING, "email": "no address"})
        assert "is no e-mail address" in bad.text
        assert 'value="Ann Otter"' in bad.text, "what was typed is still there"
        assert PASSWORD not in bad.text
        assert (await somebody.post(path, {**JOINING, "email": "ann@example.com"})).status_code == 303
        assert (await users.list_users(op))[0]["role"] == "admin"
        assert await users.create_first_link(op) is None


@pytest.mark.parametrize("email", ["new@example.com", "added@example.com"])
async def test_who_was_added_before_the_first_sign_in_shuts_nobody_out(
    tmp_path: Path, valkey_url: str, email: str
) -> None:
    settings = prepare(tmp_path, valkey_url)
    async with open_operator(settings, actor="test") as op:
        house = House(build_console(op, settings), op, settings, {})
        link = await users.create_first_link(op)
        await house.add("viewer@example.com", "viewer")
        added = await users.add_user(op, "added@example.com", "integrator", [])
        invited = await users.add_user(op, "other@example.com", "admin", [])
        assert await users.load_link(op, link or "") == {"email": "", "name": ""}
        link = await users.create_first_link(op)
        assert link, "a later start prints a new one as long as no admin can sign in"
        somebody = await house.arriving(f"/welcome/{link}")
        taken = await somebody.post(f"/welcome/{link}", {**JOINING, "email": "viewer@example.com"})
        assert "is one of the people already" in taken.text
        assert (await somebody.post(f"/welcome/{link}", {**JOINING, "email": email})).status_code == 303
        person = await users.show_user(op, email)
        assert (person["role"], person["sources"], person["state"]) == ("admin", [], "active")
        assert (await somebody.get("/people")).status_code == 200
        assert await users.create_first_link(op) is None
        assert (await users.load_link(op, invited["link_token"]))["email"] == "other@example.com"
        if email == "added@example.com":
            with pytest.raises(NotFound):
                await users.load_link(op, added["link_token"])


async def test_the_admin_of_the_settings_is_made_once_and_never_changed_back(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, valkey_url, admin_email="Root@example.com", admin_password=PASSWORD)
    async with open_operator(settings, actor="console") as op:
        await users.ensure_admin(op)
        user_id = await check_password(op, "root@example.com", PASSWORD)
        await users.change_password(op, user_id, PASSWORD, "changed in the console", but_session="")
        await users.ensure_admin(op)
        assert await check_password(op, "root@example.com", "changed in the console") == user_id


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [("", PASSWORD, "go together"), ("a@example.com", "", "go together"), ("a@example.com", "short", "12 to 256")],
)
async def test_an_admin_by_halves_stops_the_console(
    tmp_path: Path, valkey_url: str, email: str, password: str, words: str
) -> None:
    async with open_operator(
        prepare(tmp_path, valkey_url, admin_email=email, admin_password=password), actor="console"
    ) as op:
        with pytest.raises(BadSetting, match=words):
            await users.ensure_admin(op)


@pytest.mark.parametrize("act", ["disable", "remove", "demote"])
async def test_the_last_admin_who_can_sign_in_stays(house: House, act: str) -> None:
    await users.add_user(house.op, "invited@example.com", "admin", [])  # has no password yet: does not count
    admin = await house.signed_in("admin")
    user_id = house.people["admin"]["id"]
    path = {"demote": "role"}.get(act, act)
    answer = await admin.post(f"/people/{user_id}/{path}", {"role": "viewer"})
    assert answer.status_code == 422
    assert "the only admin who can sign in" in answer.text
    await house.add("second@example.com", "admin")
    assert (await admin.post(f"/people/{user_id}/{path}", {"role": "viewer"})).status_code == 303


async def test_disabling_somebody_ends_their_links_and_their_way_in(house: House) -> None:
    token = await users.create_link(house.op, "viewer@example.com")
    await users.disable_user(house.op, "viewer@example.com")
    with pytest.raises(NotFound, match="disabled"):
        await users.load_link(house.op, token)
    with pytest.raises(Conflict, match="disabled"):
        await users.create_link(house.op, "viewer@example.com")
    visitor = await house.arriving()
    assert (await visitor.post("/sign-in", {"email": "viewer@example.com", "password": PASSWORD})).status_code == 422
    await users.enable_user(house.op, "viewer@example.com")
    assert (await visitor.post("/sign-in", {"email": "viewer@example.com", "password": PASSWORD})).status_code == 303


async def test_a_role_is_changed_with_its_sources_and_the_audit_row_has_both(house: House) -> None:
    await add_source(house.op, "shop")
    admin = await house.signed_in("admin")
    user_id = house.people["viewer"]["id"]
    await admin.post(f"/people/{user_id}/role", {"role": "integrator", "sources": ["shop"]})
    (row, *_), _ = await list_audit(house.op)
    assert row["operation"] == "user.role"
    assert row["actor"] == "user:admin@example.com"
    assert row["before"] == {"role": "viewer", "sources": []}
    assert row["after"] == {"role": "integrator", "sources": ["shop"]}
    page = (await admin.get("/audit?operation=user&subject=viewer@example.com")).text
    assert "<del>viewer</del>" in page
    assert "<ins>integrator</ins>" in page


@pytest.mark.parametrize(
    ("role", "sources", "words"),
    [("admin", ["shop"], "every source"), ("sender", [], "no role"), ("viewer", ["no"], "no")],
)
async def test_a_reach_that_makes_no_sense_is_refused(house: House, role: str, sources: list[str], words: str) -> None:
    with pytest.raises((OperatorError, NotFound), match=words):
        await users.change_role(house.op, "viewer@example.com", role, sources)


async def test_no_token_and_no_password_is_written_anywhere(tmp_path: Path, valkey_url: str, capfd) -> None:
    async with open_house(tmp_path, valkey_url) as house:
        admin = await house.signed_in("admin")
        link = link_in((await admin.post("/people", {"email": "ann@example.com", "role": "viewer"})).text)
        token = link.rpartition("/")[2]
        key = link_in((await admin.post("/keys", {"name": "till", "role": "sender"})).text)
        assert key.startswith("hwk_")
        ann = await house.arriving()
        await ann.post(f"/welcome/{token}", JOINING)
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        for secret in (token, key, PASSWORD, ann.token, admin.token):
            assert secret
            assert secret.encode() not in written
    out = capfd.readouterr()
    assert token not in out.out + out.err


async def test_a_key_is_made_shown_once_and_revoked(house: House) -> None:
    admin = await house.signed_in("admin")
    created = await admin.post("/keys", {"name": "till 4", "role": "sender"})
    key = link_in(created.text)
    page = (await admin.get("/keys")).text
    assert "till 4" in page
    assert key not in page
    assert "no use seen" in page
    key_id = page.partition("/keys/")[2].partition("/")[0]
    await house.op.redis.hset(KEY_USES, key_id, "1800000000000000")
    page = (await admin.get("/keys")).text
    assert "2027-01-15 08:00:00" in page
    assert "no use seen" not in page
    assert (await admin.post(f"/keys/{key_id}/revoke")).status_code == 303
    assert "revoked" in (await admin.get("/keys")).text
    assert (await admin.post(f"/keys/{key_id}/revoke")).status_code == 422
