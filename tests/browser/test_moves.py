"""A move and a turn are confirmed by a person, and the crew reads where to; on a town whose
promise for engines is short, so that a hole in the cover is there to be filled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenPage, running, shoot
from tests.browser.fleet import FIRE, Rig, agency_of, fire, rig
from tests.browser.guard import Guard, axe_faults
from tests.browser.test_board import live
from tests.browser.test_units import until
from tests.browser.town import HOME, PASSWORD, Town
from tocsin.geography.distance import short_distance_m
from tocsin.packs.find import builtin

BOUND = 'code = "jianbiao-152"'


@pytest.fixture(autouse=True)
def _nobody_left(town: Town) -> Iterator[None]:
    """Each test begins with its own units only."""
    yield
    desk = town.person("dispatcher")
    for each in desk.must("GET", "/api/units")["units"]:
        for one in each["cases"]:
            body = {"case": one["case"], "reason": "not_needed"}
            desk.must("POST", f"/api/units/{each['id']}/recall", body)
        if each["is_on_duty"]:
            desk.must("POST", f"/api/units/{each['id']}/end-duty", {"reason": "shift_over"})


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node of its own: an engine must be there within a minute."""
    folder = tmp_path_factory.mktemp("moves")
    packs = folder / "packs"
    shutil.copytree(builtin("county").parent, packs)
    file = packs / "county" / "pack.toml"
    before, after = file.read_text(encoding="utf-8").split(BOUND, 1)
    file.write_text(before + BOUND + after.replace("bound_s = 300", "bound_s = 90", 1), "utf-8")
    with running(folder, "--pack", str(file.parent)) as found:
        yield found


def at(town: Town, place: tuple[float, float], *, on_duty: bool = True) -> Rig:
    """An engine whose post is there."""
    found = rig(town, on_duty=on_duty)
    body = found.now()
    changed = {
        "name": found.name,
        "area": body["areas"][0],
        "kind": "engine",
        "post": {"lon": place[0], "lat": place[1]},
        "crew_size": 4,
    }
    if on_duty:
        found.press("end-duty", reason="by_hand")
    town.admin.must("POST", f"/api/units/{found.id}/change", changed)
    if on_duty:
        found.press("start-duty", shift="day")
        found.drive(*place)
    return found


def far(town: Town) -> tuple[float, float]:
    """The place that most areas lie around, of those that nobody at home reaches in time."""
    zones = town.person("dispatcher").must("GET", "/api/coverage?capability=engine")["zones"]
    places = [(each["lon"], each["lat"]) for each in zones]

    def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
        return short_distance_m(*one, *other)

    away = [each for each in places if apart(each, HOME) > 1_500]
    assert away, "the map is larger than an engine's minute and a half"
    return max(away, key=lambda each: sum(apart(each, other) < 700 for other in away))


def test_a_move_is_confirmed_and_the_crew_reads_where_to(
    visit: OpenPage, town: Town, browser: Browser, guard: Guard
) -> None:
    units = [at(town, HOME), at(town, HOME)]
    away = at(town, far(town), on_duty=False)
    login = town.person("agency_handler", agency=agency_of(town, FIRE)).login
    page = visit("/console/board?list=units", "dispatcher-1")
    live(page)
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=60_000)
    page.keyboard.press("e")
    advised = page.locator("[data-move]").first
    expect(advised).to_contain_text(f"to {away.name}", timeout=30_000)
    chosen = next(each for each in units if each.id == advised.get_attribute("data-move"))
    shoot(page, "moves-advised-en-light")
    advised.get_by_role("button", name="Move it").click()
    expect(page.locator(".notices")).to_contain_text(f"{chosen.name} is told to wait at")
    until(page, chosen, "returning")
    assert chosen.now()["move_up"]["name"] == away.name
    row = page.locator(f'.unit[data-unit="{chosen.id}"]')
    expect(row).to_contain_text(f"moves to {away.name}")
    row.click()
    expect(page.locator("[data-move-up]")).to_contain_text(f"moves to {away.name}")
    assert axe_faults(page) == []
    shoot(page, "moves-confirmed-en-light")
    context = browser.new_context(
        base_url=town.origin, viewport={"width": 320, "height": 640}, locale="en"
    )
    guard.watch(context)
    try:
        phone = context.new_page()
        phone.goto("/crew")
        phone.locator("#login").fill(login)
        phone.locator("#password").fill(PASSWORD)
        phone.keyboard.press("Enter")
        phone.locator(f"[data-unit='{chosen.id}']").click()
        phone.locator("#size").fill("3")
        phone.keyboard.press("Enter")
        expect(phone.locator("[data-move]")).to_contain_text(f"Post of {away.name}")
        expect(phone.locator("[data-move]")).to_contain_text("Go and wait there")
        shoot(phone, "crew-move-en-light")
        assert axe_faults(phone) == []
        chosen.press("report-status", status="available")
        expect(phone.locator("[data-move]")).to_contain_text("You wait here")
        case = fire(town)
        chosen.press("send", case=case, reason="nearest")
        expect(phone.locator("[data-move]")).to_have_count(0)
        expect(phone.locator(f"[data-case='{case}']")).to_be_visible()
    finally:
        context.close()


def test_a_move_is_refused_once_the_unit_was_sent(visit: OpenPage, town: Town) -> None:
    units, away = [at(town, HOME), at(town, HOME)], at(town, far(town), on_duty=False)
    page = visit("/console/board?list=units", "dispatcher-1", language="zh-CN", theme="dark")
    live(page)
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=60_000)
    page.keyboard.press("e")
    advised = page.locator("[data-move]").first
    expect(advised).to_contain_text(away.name, timeout=30_000)
    chosen = next(each for each in units if each.id == advised.get_attribute("data-move"))
    shoot(page, "moves-advised-zh-CN-dark")
    # While nobody looks the screen asks for no new advice: the press comes late.
    page.route("**/api/dispatch/moves", lambda route: None)  # it never comes back
    chosen.press("send", case=fire(town), reason="nearest")
    advised.get_by_role("button", name="确认前移").click()
    expect(page.locator(".notices")).to_contain_text("案件")
    assert chosen.now()["status"] == "dispatched" and chosen.now()["move_up"] is None


def test_a_turn_to_a_more_urgent_case_is_confirmed(visit: OpenPage, town: Town) -> None:
    unit = at(town, HOME)
    calls, desk = town.person("call_taker"), town.person("dispatcher")
    lon, lat = far(town)
    body = {"place": {"lon": lon, "lat": lat, "datum": "wgs84"}, "dispatch_now": True}
    low = calls.report("vehicle-fire", "Smoke, and nobody near", **body)["case_id"]
    small = {"case_type": "vehicle-fire", "profile": "emergency", "priority": 4, "reason": "small"}
    desk.must("POST", f"/api/cases/{low}/triage", small)
    unit.press("send", case=low, reason="nearest")
    unit.press("report-status", status="en_route")
    fire(town, "Flames on the stairs")
    turns = desk.must("GET", "/api/dispatch/moves")["redispatches"]
    high = next(each["to_case"] for each in turns if each["unit"] == unit.id)
    assert high != low
    page = visit(f"/console/board?case={high}", "dispatcher-1")
    live(page)
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=60_000)
    page.keyboard.press("e")
    turn = page.locator(f"[data-turn='{unit.id}']")
    expect(turn).to_contain_text("turn to the other case", timeout=30_000)
    assert unit.now()["cases"][0]["case"] == low, "advice moves nobody"
    shoot(page, "turn-advised-en-light")
    turn.get_by_role("button", name="Turn it").click()
    expect(page.locator(".notices")).to_contain_text(f"{unit.name} was turned")
    assert [each["case"] for each in unit.now()["cases"]] == [high]
    expect(page.locator(f"[data-on-case='{unit.id}']")).to_be_visible()
    expect(turn).to_have_count(0)


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-CN", "dark")])
def test_a_wait_is_offered_beside_the_case(
    visit: OpenPage, town: Town, language: str, theme: str
) -> None:
    unit = at(town, HOME)
    unit.press("send", case=fire(town, "Smoke in a yard"), reason="nearest")
    unit.press("report-status", status="on_scene")
    page = visit(
        f"/console/board?case={fire(town, 'Smoke in the next yard')}",
        "dispatcher-1",
        language=language,
        theme=theme,
    )
    live(page)
    short = page.locator("[data-shortfall=engine]")
    said = {"en": f"min for {unit.name}, there in", "zh-CN": f"等待 {unit.name} 约"}
    expect(short).to_contain_text(said[language])
    why = {"en": "From: on scene for", "zh-CN": "依据：已到场"}
    expect(short.locator("[data-repair=wait]").first).to_contain_text(why[language])
    expect(page.locator("[data-note=bands_assumed]")).to_be_visible()
    shoot(page, f"wait-{language}-{theme}")
    assert axe_faults(page) == []
