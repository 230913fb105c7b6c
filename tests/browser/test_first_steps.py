"""What a person does first: invite somebody, make a key, find things by the keyboard; also without JavaScript."""

import re

from playwright.sync_api import Browser, Page, expect

PASSWORD = "a few good words"


def invite(page: Page, email: str) -> str:
    """Add a person as an admin does; gives the link."""
    page.goto("/people")
    page.click("summary")
    page.fill("[name=email]", email)
    page.click("button:has-text('Add, and show the link')")
    return str(page.locator(".once hw-copy").get_attribute("value"))


def test_a_person_is_invited_comes_in_and_is_put_out(admin: Page, browser: Browser) -> None:
    link = invite(admin, "ann@example.com")
    theirs = browser.new_context()
    page = theirs.new_page()
    page.goto(link)
    for name, value in {"name": "Ann Otter", "password": PASSWORD, "again": PASSWORD}.items():
        page.fill(f"[name={name}]", value)
    page.click("button.primary")
    expect(page.locator(".me")).to_contain_text("Ann Otter")
    admin.goto("/people")
    admin.click("text=ann@example.com")
    admin.click("button:has-text('Disable')")
    admin.click("dialog button:has-text('Disable')")
    expect(admin.locator(".toast")).to_contain_text("signed out everywhere")
    page.reload()
    expect(page.locator("h1")).to_have_text("Sign in")
    theirs.close()


def test_a_refused_form_says_why_where_it_is_and_keeps_what_was_typed(admin: Page) -> None:
    admin.goto("/people")
    admin.click("summary")
    admin.locator("form.card").evaluate("form => form.noValidate = true")
    admin.fill("[name=email]", "not an address")
    admin.click("button:has-text('Add, and show the link')")
    expect(admin.locator(".fault")).to_contain_text("is no e-mail address")
    expect(admin.locator("[name=email]")).to_have_value("not an address")
    assert admin.complaints.pop().startswith("Failed to load resource"), "the 422 itself"


def test_a_key_is_shown_once_and_going_back_does_not_make_another(admin: Page) -> None:
    admin.goto("/people")
    admin.click("text=API keys")
    expect(admin.locator("h1")).to_have_text("API keys")
    admin.click("summary")
    admin.fill("[name=name]", "till 4")
    admin.click("button:has-text('Make, and show the key')")
    assert str(admin.locator(".once hw-copy").get_attribute("value")).startswith("hwk_")
    admin.click("text=Done")
    expect(admin.locator("tbody th", has_text="till 4")).to_have_count(1)
    for heading in ("API keys", "People"):
        admin.go_back()
        expect(admin.locator("h1")).to_have_text(heading)


def test_the_audit_log_narrows_as_one_types_and_the_address_can_be_shared(admin: Page) -> None:
    admin.goto("/audit")
    admin.fill("[name=operation]", "user.add")
    expect(admin.locator("tbody th", has_text="session.open")).to_have_count(0)
    expect(admin.locator("tbody th", has_text="user.add").first).to_be_visible()
    expect(admin).to_have_url(re.compile("operation=user.add"))
    admin.go_back()
    expect(admin.locator("tbody th", has_text="session.open").first).to_be_visible()


def test_the_keyboard_reaches_everything(admin: Page) -> None:
    admin.goto("/account")
    admin.keyboard.press("Tab")
    expect(admin.locator(".skip")).to_be_focused()
    admin.keyboard.press("g")
    admin.keyboard.press("p")
    expect(admin.locator("h1")).to_have_text("People")
    admin.keyboard.press("j")
    expect(admin.locator("tbody th a").first).to_be_focused()
    admin.keyboard.press("?")
    expect(admin.locator("#help")).to_be_visible()
    admin.keyboard.press("Escape")
    admin.keyboard.press("/")
    admin.keyboard.type("mira@example.com")
    admin.keyboard.press("Enter")
    expect(admin.locator("h1")).to_have_text("Mira Holm")


def test_a_theme_is_kept(admin: Page) -> None:
    admin.goto("/account")
    admin.click("button:has-text('Dark')")
    assert admin.locator("html").get_attribute("data-theme") == "dark"
    admin.reload()
    assert admin.locator("html").get_attribute("data-theme") == "dark"
    assert admin.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 20, 19)"


def test_times_are_shown_in_the_zone_of_who_reads(browser: Browser, console, admin_state: dict) -> None:
    context = browser.new_context(base_url=console.url, storage_state=admin_state, timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto("/design")
    time = page.locator("time").first
    expect(time).to_contain_text("9:00:00")
    assert time.get_attribute("title") == "2026-01-31 12:00:00.123 UTC"
    context.close()


def test_all_of_it_works_without_javascript(browser: Browser, console, admin_state: dict) -> None:
    context = browser.new_context(base_url=console.url, storage_state=admin_state, java_script_enabled=False)
    page = context.new_page()
    link = invite(page, "noscript@example.com")
    page.click("text=Done")
    expect(page.locator("tbody th", has_text="noscript@example.com")).to_have_count(1)
    page.click("button:has-text('Dark')")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/audit")
    page.fill("[name=operation]", "user")
    page.click("button:has-text('Filter')")
    expect(page.locator("tbody th", has_text="session.open")).to_have_count(0)
    context.close()
    theirs = browser.new_context(java_script_enabled=False)
    page = theirs.new_page()
    page.goto(link)
    for name, value in {"name": "No Script", "password": PASSWORD, "again": PASSWORD}.items():
        page.fill(f"[name={name}]", value)
    page.click("button.primary")
    expect(page.locator(".me")).to_contain_text("No Script")
    page.click("button:has-text('Sign out')")
    expect(page.locator("h1")).to_have_text("Sign in")
    theirs.close()


def test_the_editor_and_the_chart_load_where_they_stand_and_nowhere_else(admin: Page) -> None:
    admin.goto("/account")
    admin.wait_for_load_state("networkidle")
    loaded = admin.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
    assert not [name for name in loaded if "editor" in name or "chart" in name]
    admin.goto("/design")
    expect(admin.locator(".cm-content")).to_contain_text("def transform")
    expect(admin.locator("hw-chart canvas")).to_have_count(1)
    admin.click(".cm-content")
    admin.keyboard.press("Control+End")
    admin.keyboard.type("# typed")
    expect(admin.locator("hw-editor textarea")).to_have_value(re.compile("# typed"))
