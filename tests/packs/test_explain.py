"""`pack explain` says the route, why not the others, the instants, and who is told."""

from datetime import UTC, datetime

import pytest

from tests.geography.towns import chessboard
from tocsin.geography.areas import Atlas
from tocsin.kernel.deadlines import Allowance
from tocsin.kernel.shared import AreaId, AreaPath
from tocsin.packs.explain import Supposed, explain, explain_file, span_text
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.reading import PackError

NOW = datetime(2026, 2, 13, 8, 0, tzinfo=UTC)  # a Friday, 16:00 in China, before a worked Saturday
HERE = AreaPath(AreaId("county"), AreaId("kallio"), AreaId("linjat"), AreaId("k-17"))


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


def test_the_route_is_told_with_why_the_earlier_rules_did_not_match(pack: Pack) -> None:
    text = explain(pack, HERE, Supposed(NOW, "illegal-dumping"), "en")
    lines = text.splitlines()
    assert "  by-night: not taken, only at 22:00-06:00; it is 16:00" in lines
    assert "  by-day: taken" in lines
    assert "  Lead: Urban management team (urban-management@kallio)" in lines
    assert "  Assisting: Town cleaning service (sanitation@kallio)" in lines


def test_deadlines_are_instants_locally_and_in_utc(pack: Pack) -> None:
    """Two work hours from Friday 16:00 end on the make-up Saturday, at half past nine less the
    half hour worked: 09:00."""
    text = explain(pack, HERE, Supposed(NOW, "illegal-dumping"), "en")
    assert (
        "  Accept (2 work hours): 2026-02-14 09:00:00 Asia/Shanghai (2026-02-14T01:00:00Z)"
        in text.splitlines()
    )
    assert "100 % 2026-02-14 09:00:00" in text
    assert "tells Dispatchers, Supervisor of the owning tier" in text


def test_it_speaks_chinese_too(pack: Pack) -> None:
    text = explain(pack, HERE, Supposed(NOW, "building-fire"), "zh-CN")
    assert "事项类型: 建筑火灾 (building-fire)" in text
    assert "主办: 消防救援大队 (fire-rescue@county)" in text
    assert "受理时限 (2 分钟（不分昼夜）)" in text


def test_both_calendars_explain_differently(pack: Pack) -> None:
    finnish = load_pack(builtin("county"), calendar="finland-2026")
    assert explain(pack, HERE, Supposed(NOW, "pothole")) != explain(
        finnish, HERE, Supposed(NOW, "pothole")
    )


def test_every_type_can_be_explained_in_every_language(pack: Pack) -> None:
    for code in pack.case_types:
        for language in pack.languages:
            assert len(explain(pack, HERE, Supposed(NOW, code), language)) > 500


def test_a_report_file_is_read(pack: Pack) -> None:
    text = explain_file(
        pack,
        'text = "楼下酒吧音响太大"\nat = 2026-03-03T23:00:00\n'
        'answers.source = "business"\nareas = { town = "kallio" }\n',
        now=NOW,
    )
    assert "noise-nightlife" in text
    assert "police-station@kallio" in text
    assert "2026-03-03 23:00:00 Asia/Shanghai" in text


def test_a_place_is_looked_up_on_the_map(pack: Pack) -> None:
    atlas = Atlas(chessboard())
    text = 'type = "pothole"\nlon = 24.9001\nlat = 60.1001\n'
    said = explain_file(pack, text, atlas, now=NOW)
    assert "T0V0-0000 (t0v0-0000)" in said
    assert "roads@county" in said
    with pytest.raises(PackError, match=r"outside .* m from t0v0-0000"):
        explain_file(pack, text.replace("60.1001", "10"), atlas, now=NOW)
    with pytest.raises(PackError, match="not a coordinate"):
        explain_file(pack, text.replace("60.1001", "100"), atlas, now=NOW)
    with pytest.raises(PackError, match="needs a map"):
        explain_file(pack, text, now=NOW)


def test_the_instant_comes_from_the_file_or_the_caller(pack: Pack) -> None:
    with pytest.raises(PackError, match="at: missing"):
        explain_file(pack, 'type = "pothole"')


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("type = ", "report"),
        ('typ = "pothole"\ntext = "pothole"', "did you mean"),
        ('type = "pothol"', 'did you mean "pothole"'),
        ("answers.x = 1", "`type` or `text` is required"),
        ('type = "pothole"\nat = "noon"', "date and time"),
        ('text = "qwxz"', "no case type"),
    ],
)
def test_a_bad_report_file_says_what_is_wrong(pack: Pack, text: str, part: str) -> None:
    with pytest.raises(PackError) as raised:
        explain_file(pack, text, now=NOW)
    assert part in str(raised.value)


def test_refused_answers_are_said(pack: Pack) -> None:
    text = explain(pack, HERE, Supposed(NOW, "abandoned-vehicle", answers={"days": ("many",)}))
    assert "The answers would be refused: days: must be a number" in text


def test_lengths_are_told_in_whole_units() -> None:
    assert span_text(Allowance("urgent_hours", 120), "en") == "2 min, day and night"
    assert span_text(Allowance("work_hours", 7_200), "zh-CN") == "2 工作小时"
    assert span_text(Allowance("work_hours", 5_400), "en") == "90 work minutes"
    assert span_text(Allowance("calendar_days", 5), "zh-CN") == "5 个自然日"
