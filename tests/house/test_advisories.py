"""Which component is past its time frame: planted advisories are found, those that mean nobody
here are not, and a network that is away never fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import advisories
from tools.advisories import DAYS, Fault, Said, components, faults, judged, main, said
from tools.advisory_records import (
    NPM,
    PYPI,
    Advisory,
    Component,
    Unreadable,
    of_npm_audit,
    of_osv,
    of_pip_audit,
)

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 29)
OLD, FRESH = "2026-01-05T08:00:00Z", "2026-11-20T08:00:00Z"
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
PARTS = [
    Component(PYPI, "zope-interface", "5.4.0", "runtime.txt"),
    Component(NPM, "left-pad", "1.10.0", "package-lock.json"),
]
TOLD = Said(TODAY)


def record(
    id: str = "PYSEC-2026-1",
    *,
    name: str = "Zope_Interface",
    ecosystem: str = PYPI,
    published: str | None = OLD,
    events: list[dict[str, str]] | None = None,
    severity: str | None = "CRITICAL",
    **more: Any,
) -> dict[str, Any]:
    span = {
        "type": "ECOSYSTEM" if ecosystem == PYPI else "SEMVER",
        "events": events or [{"introduced": "0"}, {"fixed": "5.5.0"}],
    }
    affected = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [span]}
    found: dict[str, Any] = {"id": id, "affected": [affected], **more}
    if published is not None:
        found["published"] = published
    if severity is not None:
        found["database_specific"] = {"severity": severity}
    return found


def found(*records: dict[str, Any], told: Said = TOLD) -> list[Fault]:
    return faults(PARTS, [each for one in records for each in of_osv(one)], told)


def fails(*records: dict[str, Any], told: Said = TOLD, today: date = TODAY) -> list[str]:
    return judged(found(*records, told=told), told, today)[0]


def test_an_old_critical_one_is_found() -> None:
    (line,) = fails(record())
    assert "zope-interface 5.4.0" in line and "PYSEC-2026-1" in line and "due 2026-01-12" in line


@pytest.mark.parametrize(
    "more",
    [
        {"published": FRESH, "severity": "LOW"},
        {"events": [{"introduced": "0"}, {"fixed": "5.4.0"}]},
        {"events": [{"introduced": "5.10"}]},  # as text it would come before 5.4.0
        {"events": [{"introduced": "0"}, {"last_affected": "5.4.0rc1"}]},
        {"withdrawn": "2026-02-01T00:00:00Z"},
        {"name": "zope-interfaces"},
        {"ecosystem": NPM},
    ],
)
def test_what_does_not_mean_us_or_has_its_time_is_not_found(more: dict[str, Any]) -> None:
    assert fails(record(**more)) == []


@pytest.mark.parametrize(
    ("events", "is_meant"),
    [
        ([{"introduced": "0"}, {"fixed": "1.9.0"}], False),
        ([{"introduced": "0"}, {"fixed": "1.10.1"}], True),
        ([{"introduced": "1.10.0-beta.2"}, {"fixed": "1.10.0"}], False),
        ([{"introduced": "2.0.0"}, {"introduced": "0"}, {"fixed": "1.2.0"}], False),
        ([{"fixed": "1.2.0"}, {"introduced": "1.9.0"}, {"introduced": "0"}], True),
        ([{"introduced": "what"}], True),  # not understood: counts
    ],
)
def test_ranges_of_npm(events: list[dict[str, str]], is_meant: bool) -> None:
    told = fails(record("GHSA-a", name="left-pad", ecosystem=NPM, events=events))
    assert bool(told) is is_meant


def test_versions_that_are_named_and_records_without_any() -> None:
    package = {"ecosystem": PYPI, "name": "zope.interface"}
    named = {"id": "A-1", "published": OLD, "affected": [{"package": package, "versions": ["5.4"]}]}
    assert fails(named)  # 5.4 is 5.4.0
    named["affected"] = [{"package": package, "versions": ["5.3", "of old"]}]
    assert fails(named) == []
    named["affected"] = [{"package": package}]
    assert fails(named)


def test_records_that_know_each_other_are_one_fault() -> None:
    one = record("PYSEC-2026-1", severity=None, published=FRESH, aliases=["CVE-2026-1"])
    other = record("GHSA-x", severity="HIGH", published=OLD, aliases=["CVE-2026-1"])
    (fault,) = found(one, other)
    assert fault.names == ("CVE-2026-1", "GHSA-x", "PYSEC-2026-1")
    assert (fault.severity, fault.published) == ("high", date(2026, 1, 5))
    # The one that stays counts, whatever became of the other.
    assert len(fails(one, {**other, "withdrawn": FRESH}, today=TODAY + timedelta(30))) == 1


def test_severity_by_vector_and_none_counts_as_high() -> None:
    vector = record(severity=None)
    vector["severity"] = [{"type": "CVSS_V3", "score": VECTOR}]
    assert found(vector)[0].severity == "critical"
    (unsaid,) = found(record(severity=None, published=FRESH))
    assert unsaid.severity is None
    assert unsaid.due == date(2026, 11, 20) + timedelta(days=DAYS["high"])


def test_an_answer_of_pip_audit_with_and_without_a_day() -> None:
    vulnerable = {"id": "PYSEC-2026-7", "fix_versions": ["5.5"], "aliases": ["CVE-2026-7"]}
    parts = [
        {"name": "Zope.Interface", "version": "5.4", "vulns": [vulnerable]},
        {"name": "left", "skip_reason": "not found"},
    ]
    records, unknown = of_pip_audit(json.dumps({"dependencies": parts}))
    assert unknown == ["left"]
    (alone,) = judged(faults(PARTS, records, TOLD), TOLD, TODAY)[0]
    assert "no day told" in alone
    dated = of_osv(record("GHSA-7", published=FRESH, severity="LOW", aliases=["CVE-2026-7"]))
    assert judged(faults(PARTS, records + dated, TOLD), TOLD, TODAY)[0] == []
    told = Said(TODAY, (), {"PYSEC-2026-7": TODAY}, {"CVE-2026-7": "low"})
    assert judged(faults(PARTS, records, told), told, TODAY)[0] == []
    gone = of_osv(record("PYSEC-2026-7", withdrawn=FRESH))
    assert faults(PARTS, records + gone, TOLD) == []


def test_an_answer_of_npm_audit() -> None:
    via = {
        "source": 9, "name": "left-pad", "severity": "moderate", "range": ">=1.2.0 <1.10.1",
        "url": "somewhere/advisories/GHSA-9",
    }  # fmt: skip
    answer = {
        "vulnerabilities": {"left-pad": {"via": [via, "another"]}, "x": {"via": ["left-pad"]}}
    }
    (fault,) = faults(PARTS, of_npm_audit(json.dumps(answer)), TOLD)
    assert fault.names == ("GHSA-9",) and fault.severity == "medium"
    via["range"] = "<1.10.0"
    assert faults(PARTS, of_npm_audit(json.dumps(answer)), TOLD) == []


@pytest.mark.parametrize("text", ["", "[]", '{"message": "405"}', '{"dependencies": [{}], "x": 1}'])
def test_an_answer_that_is_none_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Unreadable):
        of_npm_audit(text)
    if text != '{"dependencies": [{}], "x": 1}':
        with pytest.raises(Unreadable):
            of_pip_audit(text)


def exempt(**more: Any) -> Said:
    row = {
        "advisory": "PYSEC-2026-1",
        "component": "zope.interface",
        "reason": "the part at fault is never loaded",
        "since": TODAY,
        "until": TODAY + timedelta(days=30),
    }
    return Said(TODAY, (advisories.Exempt(**{**row, **more}),))


def test_an_exception_holds_until_its_last_day_and_fails_after_it() -> None:
    told = exempt()
    assert fails(record(), told=told) == []
    assert fails(record(), told=told, today=TODAY + timedelta(days=30)) == []
    after = fails(record(), told=told, today=TODAY + timedelta(days=31))
    assert len(after) == 2 and "over since" in after[0]
    # Over is over, also where nothing is at fault any more.
    assert "over since" in fails(told=told, today=TODAY + timedelta(days=31))[0]


@pytest.mark.parametrize(
    "more",
    [
        {"advisory": "PYSEC-2026-2"},
        {"component": "another"},
        {"reason": "later"},
        {"until": TODAY + timedelta(days=181)},
        {"since": TODAY + timedelta(days=1)},
    ],
)
def test_an_exception_for_another_or_without_a_reason_does_not_hold(more: dict[str, Any]) -> None:
    assert fails(record(), told=exempt(**more))


def test_nobody_looked_for_newer_versions_for_a_quarter() -> None:
    assert judged([], TOLD, TODAY + timedelta(days=92))[0] == []
    assert "nobody looked" in judged([], TOLD, TODAY + timedelta(days=93))[0][0]


versions = st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12))


@given(versions, versions, versions)
def test_a_range_is_what_its_numbers_say(
    at: tuple[int, ...], begin: tuple[int, ...], end: tuple[int, ...]
) -> None:
    text = [".".join(map(str, each)) for each in (at, begin, end)]
    for ecosystem in (PYPI, NPM):
        events = [{"fixed": text[2]}, {"introduced": text[1]}]
        (one,) = of_osv(record(name="some", ecosystem=ecosystem, events=events))
        is_within = begin <= at < end if begin < end else at >= begin
        assert one.means(text[0]) is is_within


# -- the command, on the locks of the project


def planted(folder: Path, published: str = OLD, severity: str = "CRITICAL") -> Path:
    part = next(each for each in components() if each.name == "fastapi")
    events = [{"introduced": "0"}, {"last_affected": part.version}]
    text = record("PLANTED-1", name=part.name, events=events, published=published)
    text["database_specific"] = {"severity": severity}
    (folder / "planted.json").write_text(json.dumps(text), encoding="utf-8")
    return folder


def test_the_command_fails_for_a_planted_record_and_not_for_a_fresh_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = ["--today", TODAY.isoformat()]
    assert main(["--records", str(planted(tmp_path)), *day]) == 1
    assert "past its time frame: fastapi" in capsys.readouterr().out
    assert main(["--records", str(planted(tmp_path, FRESH, "LOW")), *day]) == 0
    assert "in time: fastapi" in capsys.readouterr().out
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    assert main(["--records", str(tmp_path), *day]) == 1


def test_a_network_that_is_away_fails_nothing_and_is_told(tmp_path: Path) -> None:
    """The real askers, at an address that nobody answers at."""
    nobody = "http://127.0.0.1:9"
    away = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "HTTPS_PROXY": nobody, "HTTP_PROXY": nobody, "npm_config_registry": nobody,
        "npm_config_fetch_retries": "0",
    }  # fmt: skip
    code = (
        "from pathlib import Path; import sys; from tools import advisories as a; "
        "locks = [a.ROOT / 'requirements' / 'bootstrap.txt']; ask = a.asked; "
        "a.asked = lambda: ask(locks); sys.exit(a.main(['--ask', '--today', '2026-11-30']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=away,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    unasked = [line for line in done.stdout.splitlines() if "not asked: " in line]
    assert len(unasked) == 2, done.stdout
    assert "no advisory was seen" in done.stdout


def test_every_lock_is_looked_at_and_the_papers_say_the_frames() -> None:
    locks = {lock for each in components() for lock in each.locks.split(", ")}
    assert {each.name for each in (ROOT / "requirements").glob("*.txt")} <= locks
    assert "package-lock.json" in locks
    page = (ROOT / "docs" / "security" / "components.md").read_text(encoding="utf-8")
    for severity, days in DAYS.items():
        assert re.search(rf"^\| {severity}[^|]*\| {days} days \|", page, re.MULTILINE), severity
    assert f"every {advisories.LOOK_EVERY_DAYS} days" in page
    assert f"{advisories.EXCEPTION_MAX_DAYS} days" in page
    assert said().looked_at <= date(2100, 1, 1)


def test_what_a_person_said_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "components.toml"
    for text in (
        "",
        'looked_at = "2026-01-01"',
        "looked_at = 2026-01-01T00:00:00Z",
        'looked_at = 2026-01-01\n[[exception]]\nadvisory = "A"',
        'looked_at = 2026-01-01\n[[told]]\nadvisory = "A"\nseverity = "awful"',
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(Unreadable):
            said(path)
    assert isinstance(of_osv(record())[0], Advisory)
