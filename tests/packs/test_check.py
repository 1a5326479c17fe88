"""Every check of a pack finds the bug that was planted for it."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tocsin.kernel.shared import AreaId, AreaPath
from tocsin.packs.check import check
from tocsin.packs.coverage import coverage
from tocsin.packs.find import builtin, builtins
from tocsin.packs.load import load_pack, read_content, read_pack
from tocsin.packs.model import Pack
from tocsin.packs.reading import PackError

Content = dict[str, Any]
FIRST = "01-abandoned-vehicle.toml"
POTHOLE = "06-pothole.toml"


@pytest.fixture(scope="module")
def sound() -> Content:
    return json.loads(json.dumps(read_content(builtin("chicago-fixture"))))


def first(content: Content) -> dict[str, Any]:
    return content["types"][FIRST]


def pothole(content: Content) -> dict[str, Any]:
    return content["types"][POTHOLE]


def standard(content: Content) -> dict[str, Any]:
    return content["pack"]["profiles"]["standard"]


def add_route(content: Content, **route: Any) -> None:
    pothole(content)["route"].insert(0, {"lead": "311", **route})


def drop(table: dict[str, Any], key: str) -> None:
    del table[key]


def two_hours(content: Content, first_span: str, second_span: str) -> None:
    add_route(content, rule="narrow", when={"hours": second_span})
    add_route(content, rule="wide", when={"hours": first_span})


def shadowed_area(content: Content) -> None:
    add_route(content, rule="narrow", when={"area": ["a"], "workday": True})
    add_route(content, rule="wide", when={"area": ["a", "b"]})


def add_units(content: Content, needs: dict[str, int], **more: Any) -> None:
    """Engines and their capability, and a run card; `view` is a capability of nobody."""
    names = [{"code": code, "name": {"en": code, "fi": code}} for code in ("engine", "view")]
    content["pack"]["capability"] = names
    content["pack"]["unit_kind"] = [{**names[0], "capabilities": ["engine"]}]
    pothole(content)["run_card"] = [{"needs": needs, **more}]


def add_ring(content: Content, **changes: Any) -> None:
    """A sound ring of engines, but for the changes; None leaves a key out."""
    add_units(content, {"engine": 1})
    ring = {"code": "first", "name": {"en": "First", "fi": "Eka"}, "bound_s": 240, "tier": "town"}
    ring |= {"capability": "engine", "edition": "2020", "source": "here", **changes}
    content["pack"]["ring"] = [{k: v for k, v in ring.items() if v is not None}]


def lower_second_level(content: Content) -> None:
    add_units(content, {"engine": 3})
    pothole(content)["run_card"].append({"needs": {"engine": 2}})


Plant = Callable[[Content], object]
PLANTED: list[tuple[str, str, Plant]] = [
    ("unknown_key", "did you mean", lambda c: pothole(c).update(keyword={"en": ["x"]})),
    ("unknown_key", "ladders", lambda c: c["pack"].update(ladder={})),
    ("unknown_key", "colour", lambda c: first(c)["field"][1].update(colour=1)),
    ("unknown_key", "accpt", lambda c: standard(c)["clocks"].update(accpt="1 hour")),
    ("dangling", "there is no capability 'engin'", lambda c: add_ring(c, capability="engin")),
    ("cannot_be_kept", "no unit kind", lambda c: add_ring(c, capability="view")),
    ("bad_value", "did you mean \"town\"", lambda c: add_ring(c, tier="twon")),
    ("bad_value", "whole number from 1", lambda c: add_ring(c, bound_s=0)),
    ("bad_value", "whole number from 1", lambda c: add_ring(c, bound_s=-60)),
    ("missing", "a ring is a bound", lambda c: add_ring(c, bound_s=None)),
    ("missing", "source", lambda c: add_ring(c, source=None)),
    ("language_missing", "ring[1] name", lambda c: add_ring(c, name={"fi": "Eka"})),
    ("bad_value", "nothing passes", lambda c: add_ring(c, counts="report", before_s=5)),
    ("bad_value", "density_min", lambda c: add_ring(c, density_min=9, density_max=9)),
    ("missing", "owner_tier", lambda c: drop(pothole(c), "owner_tier")),
    ("missing", "example", lambda c: drop(pothole(c), "example")),
    ("missing", "messages urged", lambda c: drop(c["messages"]["common/staff.toml"], "urged")),
    ("bad_value", "5 days", lambda c: standard(c)["clocks"].update(handle="5 days")),
    ("bad_value", "free text", lambda c: first(c)["field"][0].update(kind="text", sealed=False)),
    ("bad_value", "confidential", lambda c: standard(c).update(kind="mediation")),
    ("bad_value", "hours", lambda c: add_route(c, when={"hours": "25:00-26:00"})),
    ("bad_value", "matcher", lambda c: add_route(c, when={})),
    ("bad_value", "skip the dispatcher", lambda c: standard(c).update(fast_path=True)),
    ("language_missing", "title", lambda c: pothole(c).update(title={"fi": "Kuoppa"})),
    ("language_missing", "keywords", lambda c: pothole(c).update(keywords={"fi": ["kuoppa"]})),
    ("language_missing", "label", lambda c: first(c)["field"][0].update(label={"fi": "Montako"})),
    ("dangling", "no agency '312'", lambda c: add_route(
        c, lead="312", when={"hours": "1:00-2:00"})),
    ("dangling", "no audience", lambda c: c["pack"]["ladders"]["standard"].update(
        {"50": ["agenci"]})),
    ("dangling", "no ladder", lambda c: standard(c)["clocks"].update(
        handle={"within": "5 work days", "ladder": "standart"})),
    ("dangling", "no calendar", lambda c: standard(c)["clocks"].update(
        handle={"within": "5 work days", "calendar": "mars"})),
    ("dangling", "no calendar", lambda c: c.update(calendar="mars")),
    ("dangling", "profiles spare", lambda c: c["pack"]["profiles"].update(
        spare={"clocks": {"handle": {"within": "1 work day", "ladder": "spare"}}})),
    ("bad_value", "that of its file", lambda c: c["calendars"]["chicago"].update(name="x")),
    ("dangling", "no group", lambda c: pothole(c).update(group="citi")),
    ("dangling", "no profile", lambda c: pothole(c).update(profile="standart")),
    ("dangling", "no role", lambda c: standard(c)["urge"][0].update(roles=["king"])),
    ("dangling", "no field", lambda c: add_route(c, when={"answer": "size", "equals": "big"})),
    ("dangling", "arbiter", lambda c: standard(c).update(arbiter="312")),
    ("dangling", "no message", lambda c: pothole(c).update(messages={"urgd": {"en": "x"}})),
    ("duplicate", "is there twice", lambda c: pothole(c).update(code=first(c)["code"])),
    ("duplicate", "service code", lambda c: pothole(c).update(service_code=first(c)["code"])),
    ("duplicate", "agency 311", lambda c: c["pack"]["agency"].append(c["pack"]["agency"][0])),
    ("duplicate", "HOWMANYD", lambda c: first(c)["field"][1].update(code="HOWMANYD")),
    ("duplicate", "leads already", lambda c: pothole(c)["route"][0].update(assisting=["311"])),
    ("unreachable", "after a catch-all", lambda c: add_route(c, rule="all")),
    ("unreachable", "narrow", lambda c: two_hours(c, "20:00-08:00", "22:00-06:00")),
    ("unreachable", "narrow", shadowed_area),
    ("no_catch_all", "no `when`", lambda c: pothole(c)["route"][0].update(when={"workday": True})),
    ("no_catch_all", "no `when`", lambda c: drop(pothole(c), "route")),
    ("never_stops", "arbitrate", lambda c: drop(standard(c), "arbiter")),
    ("never_stops", "hold_cap", lambda c: standard(c).update(hold_cap="2 days")),
    ("never_stops", "ask_cap", lambda c: standard(c).update(ask_cap="1 hour")),
    ("never_starts", "hold_approval", lambda c: standard(c).update(hold_needs_approval=False)),
    ("never_starts", "extension_approval", lambda c: standard(c).update(extension_percent=0)),
    ("never_starts", "urge", lambda c: standard(c)["clocks"].update(urge="1 hour")),
    ("never_starts", "roles", lambda c: standard(c)["urge"][0].update(roles=[])),
    ("clock_missing", "clock handle", lambda c: drop(standard(c)["clocks"], "handle")),
    ("clock_missing", "hold_approval", lambda c: drop(standard(c)["clocks"], "hold_approval")),
    ("clock_missing", "urge", lambda c: drop(standard(c), "urge")),
    ("cannot_be_kept", "promised", lambda c: standard(c)["clocks"].update(close="6 work days")),
    ("cannot_be_kept", "office hours", lambda c: standard(c).update(kind="emergency")),
    ("ladder", "100", lambda c: drop(c["pack"]["ladders"]["standard"], "100")),
    ("ladder", "tells nobody", lambda c: c["pack"]["ladders"]["standard"].update({"50": []})),
    ("agency_without_tier", "311", lambda c: drop(c["pack"]["agency"][0], "tier")),
    ("example", "is taken for", lambda c: pothole(c)["example"][0].update(text={"en": "Rats"})),
    ("example", "leads to", lambda c: (
        c["pack"]["agency"].append({"code": "312", "tier": "town", "name": {"en": "x"}}),
        pothole(c)["example"][0].update(lead="312"))),
    ("example", "local date", lambda c: pothole(c)["example"][0].update(at="yesterday")),
    ("missing", "nobody would be sent", lambda c: add_units(c, {})),
    ("missing", "can do nothing", lambda c: c["pack"].update(
        unit_kind=[{"code": "engine", "name": {"en": "x"}}])),
    ("dangling", "no capability 'engin' (did", lambda c: add_units(c, {"engin": 1})),
    ("dangling", "no capability 'pump'", lambda c: c["pack"].update(
        unit_kind=[{"code": "engine", "name": {"en": "x"}, "capabilities": ["pump"]}])),
    ("cannot_be_kept", "no unit kind has", lambda c: add_units(c, {"view": 1})),
    ("cannot_be_kept", "no unit kind has", lambda c: add_units(
        c, {"engine": 1}, assists={"view": 1})),
    ("bad_value", "whole number", lambda c: add_units(c, {"engine": 0})),
    ("bad_value", "levels must be", lambda c: add_units(c, {"engine": 1}, level=2)),
    ("bad_value", "needs fewer", lower_second_level),
    ("slot_unknown", "{who}", lambda c: pothole(c).update(messages={"urged": {"en": "{who}"}})),
    ("slot_unknown", "{code!r}", lambda c: pothole(c).update(
        messages={"urged": {"en": "{code!r}"}})),
]  # fmt: skip


def test_without_a_bug_nothing_is_found(sound: Content) -> None:
    assert check(Pack(copy.deepcopy(sound))) == []


@pytest.mark.parametrize(
    ("problem", "part", "plant"), PLANTED, ids=[f"{p}-{n}" for n, (p, _, _) in enumerate(PLANTED)]
)
def test_a_planted_bug_is_found(sound: Content, problem: str, part: str, plant: Plant) -> None:
    content = copy.deepcopy(sound)
    plant(content)
    findings = check(Pack(content))
    hits = [str(finding) for finding in findings if finding.problem == problem]
    words = part if part != "after a catch-all" else "city"
    assert any(words in hit for hit in hits), [str(finding) for finding in findings]


def test_the_packs_that_come_with_it_are_sound() -> None:
    assert builtins() == ("chicago-fixture", "county")
    for name in builtins():
        for calendar in (None, "china-2026", "finland-2026"):
            assert check(read_pack(builtin(name), calendar=calendar)) == []


WRONG: list[Any] = [
    7, -1, 1.5, "x", "", True, [], {}, [7], ["x"], {"en": 7}, {"en": "x"}, "5 work days", "a-b",
    "22:00-22:00", [[1]], [{}], {"x": {}},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in cast(dict[str, Any], value).items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(cast(list[Any], value)):
            yield from places(inner, (*path, number))


def test_checking_never_raises_whatever_a_value_is() -> None:
    """One value anywhere in the county pack is replaced: findings or none, never a crash."""
    whole: Content = json.loads(json.dumps(read_content(builtin("county"))))
    names = ("flooding.toml", "scam-report.toml", "social-care.toml")
    whole["types"] = {name: whole["types"][name] for name in names}
    rng = random.Random(7)
    inside = [p for p in places(whole) if p[:1] in (("pack",), ("types",), ("calendars",))]
    deep = [path for path in inside if len(path) > (1 if path[0] == "pack" else 2)]
    found = 0
    for path in rng.sample(deep, 200):
        content = copy.deepcopy(whole)
        table: Any = content
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = rng.choice(WRONG)
        pack = Pack(content)
        found += bool(check(pack))
        coverage(pack, [AreaPath(*map(AreaId, "abcd"))])
    assert found > 100


def test_loading_lists_all_findings_at_once(tmp_path: Path) -> None:
    (tmp_path / "pack.toml").write_text('name = "x"\nlanguages = ["en"]\ncalender = "y"\n')
    with pytest.raises(PackError) as raised:
        load_pack(tmp_path)
    texts = [str(finding) for finding in raised.value.findings]
    assert any("calender" in text and 'did you mean "calendar"' in text for text in texts)
    assert any("title" in text for text in texts)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "pack.toml").write_text("name = \n")
    with pytest.raises(PackError, match=r"pack\.toml"):
        load_pack(tmp_path)


def test_a_pack_without_pack_toml_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_pack(tmp_path)
    with pytest.raises(FileNotFoundError, match="county"):
        builtin("atlantis")
    with pytest.raises(FileNotFoundError):
        builtin("../src")
