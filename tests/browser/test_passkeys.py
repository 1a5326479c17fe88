"""One's own account on the screens, with a virtual authenticator in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.conftest import chromium, shoot
from tests.browser.guard import Guard, axe_faults
from tests.browser.town import PASSWORD, Town

# Passkeys are for names: this one, of the machine itself, resolves here as well.
LOCAL = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
Come = Callable[..., Page]


@pytest.fixture(scope="module")
def local_browser(driver: Playwright) -> Iterator[Browser]:
    found = chromium(driver, LOCAL)
    yield found
    found.close()


@pytest.fixture
def come(town: Town, local_browser: Browser) -> Iterator[Come]:
    """Opens the screens under the machine's name, in a browser with an authenticator."""
    origin = town.origin.replace("127.0.0.1", "localhost")
    guard, contexts = Guard(origin), list[BrowserContext]()

    def go(path: str = "", language: str = "en", theme: str = "light") -> Page:
        context = local_browser.new_context(
            base_url=origin, viewport={"width": 1440, "height": 900}, locale=language,
            color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(20_000)
        contexts.append(context)
        guard.watch(context)
        chosen = json.dumps({"language": language, "theme": theme, "sound": False})
        here = "if (location.protocol === 'http:')"
        context.add_init_script(f"{here} localStorage.setItem('tocsin.settings', {chosen!r})")
        page = context.new_page()
        authenticator(page)
        page.goto(f"/console/{path}")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not guard.faults, "\n".join(guard.faults)


def authenticator(page: Page, *, verified: bool = True) -> None:
    """A key inside the machine, whose holder has put a finger on it already."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    line.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def enter(page: Page, login: str) -> None:
    page.locator("#login").fill(login)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")


def add(page: Page, name: str) -> None:
    """By keyboard: type the name, press Enter, and the key answers."""
    page.locator("#passkey-name").focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator("[data-passkey]").filter(has_text=name)).to_be_visible()


def test_a_passkey_is_made_used_and_removed_by_keyboard(come: Come, town: Town) -> None:
    town.person("dispatcher")
    page = come("account")
    enter(page, "dispatcher-1")
    add(page, "this machine")
    page.locator("nav").get_by_role("button", name="Sign out").click()
    # The page offers it first now; Tab and Enter are enough, and no name is typed.
    first = page.locator("form button").first
    page.reload()
    expect(first).to_have_text("Sign in with a passkey")
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-passkey]")).to_have_count(1)
    expect(page.get_by_text("by passkey").first).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    page.locator("#other").fill("old machine")
    page.keyboard.press("Enter")
    row = page.locator("[data-passkey]").filter(has_text="old machine")
    row.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-passkey]")).to_have_count(0)


def test_an_unverified_holder_gets_no_passkey(come: Come, town: Town) -> None:
    town.person("verifier")
    page = come()
    other = page.context.new_page()
    authenticator(other, verified=False)
    other.goto("/console/account")
    enter(other, "verifier-1")
    other.locator("#passkey-name").fill("nobody's")
    other.keyboard.press("Enter")
    expect(other.get_by_text("No passkey was made.")).to_be_visible()
    expect(other.locator("[data-passkey]")).to_have_count(0)


def test_others_are_signed_out_and_the_password_is_changed(come: Come, town: Town) -> None:
    town.person("evaluator")
    page, other = come("account"), come("account")
    enter(page, "evaluator-1")
    enter(other, "evaluator-1")
    expect(other.get_by_role("heading", name="My account")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Sign out all others").click()
    expect(page.get_by_role("button", name="Sign out all others")).to_be_disabled()
    other.get_by_role("button", name="Sign out all others").click()
    expect(other.get_by_text("Your session has ended.")).to_be_visible()
    page.locator("#old").fill(PASSWORD)
    page.locator("#fresh").fill("another grey racing horse")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The password is changed.")).to_be_visible()


def test_two_administrators_make_a_third(come: Come, town: Town) -> None:
    town.person("security_administrator")
    boss, guard = come("accounts"), come("accounts")
    enter(boss, "admin")
    boss.locator("#new-login").fill("watch.keeper")
    boss.locator("#new-name").fill("Wang Xin")
    boss.locator("#new-role").select_option("audit_administrator")
    boss.keyboard.press("Enter")
    expect(boss.locator(".said")).to_contain_text("That takes a second person.")
    enter(guard, "security_administrator-1")
    wish = guard.locator("[data-proposal]").filter(has_text="watch.keeper")
    expect(wish).to_contain_text("Audit administrator")
    expect(boss.locator("[data-proposal]").filter(has_text="watch.keeper")).to_be_visible()
    wish.get_by_role("button", name="Grant").click()
    expect(wish).to_have_count(0)
    row = guard.locator("[data-account='watch.keeper']")
    expect(row).to_contain_text("Audit administrator")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_pages_of_accounts_keep_the_rules(
    come: Come, town: Town, language: str, theme: str
) -> None:
    page = come("account", language, theme)
    enter(page, "admin")
    expect(page.locator("#passkey-name")).to_be_visible()
    shoot(page, f"account-{language}-{theme}")
    assert axe_faults(page) == []
    page.goto("/console/accounts")
    page.locator("[data-account='admin']").get_by_role("button").first.click()
    expect(page.locator("#give")).to_be_visible()
    shoot(page, f"accounts-{language}-{theme}")
    assert axe_faults(page) == []
