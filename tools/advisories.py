"""Says which pinned component is past its time frame: `tools/advisories.py --ask`.

Advisories come from a folder of OSV records (`--records`), from answers that were kept
(`--pip-audit FILE`, `--npm-audit FILE`), or are asked for now (`--ask`). Exit 1 only where one is
past due, an exception is over, or nobody looked for newer versions in time. What could not be
asked is said in a line of its own and never fails: a network that is away is no fault of a
component. The time frames and what a person may say are in `docs/security/components.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.advisory_records import (  # noqa: E402
    NPM,
    PYPI,
    SEVERITIES,
    Advisory,
    Component,
    Unreadable,
    highest,
    name_of,
    of_npm_audit,
    of_pip_audit,
    osv_records,
)
from tools.sbom import CONSOLE, console_parts, python_parts  # noqa: E402

DAYS: Final = {"critical": 7, "high": 14, "medium": 30, "low": 90}
"""How long a component may stay after its advisory was published, by severity."""
UNSAID: Final = "high"
"""How severe an advisory counts that does not say it."""
LOOK_EVERY_DAYS: Final = 92
"""How often all components are looked through for newer versions: once a quarter."""
EXCEPTION_MAX_DAYS: Final = 180
"""The longest that an exception may last: a reason is looked at again twice a year."""
PYTHON_LOCKS: Final = tuple(sorted((ROOT / "requirements").glob("*.txt")))
SAID: Final = ROOT / "docs" / "security" / "components.toml"
ASK_S: Final = 240
"""The longest that all askers may take together: a network that swallows everything holds up no
run of CI."""


@dataclass(frozen=True, slots=True)
class Exempt:
    """A written exception: from `since` to `until`, both days included."""

    advisory: str
    component: str
    reason: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said: see `components.toml`."""

    looked_at: date
    exempt: tuple[Exempt, ...] = ()
    days: dict[str, date] = field(default_factory=dict[str, date])
    severities: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one component, however many records tell of it. `due` is None where no record
    tells its day: it counts as past."""

    component: Component
    names: tuple[str, ...]
    severity: str | None
    published: date | None
    fixed: tuple[str, ...]

    @property
    def due(self) -> date | None:
        if self.published is None:
            return None
        return self.published + timedelta(days=DAYS[self.severity or UNSAID])

    def is_past(self, today: date) -> bool:
        return self.due is None or today > self.due

    def __str__(self) -> str:
        part = self.component
        day = self.published.isoformat() if self.published else "no day told"
        due = f", due {self.due.isoformat()}" if self.due else ""
        fixed = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no fixed version told"
        severity = self.severity or f"unsaid, counts as {UNSAID}"
        return (
            f"{part.name} {part.version} ({part.locks}): {', '.join(self.names)}, {severity}, "
            f"published {day}{due}; {fixed}"
        )


def said(path: Path = SAID) -> Said:
    """Raises Unreadable where a row is not whole."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = told.get("told", [])
        exempt = tuple(Exempt(**each) for each in told.get("exception", []))
        found = Said(
            told["looked_at"],
            exempt,
            {each["advisory"]: each["published"] for each in rows if "published" in each},
            {each["advisory"]: each["severity"] for each in rows if "severity" in each},
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Unreadable(f"{path.name}: {error}") from error
    days = [found.looked_at, *found.days.values()]
    days += [day for each in exempt for day in (each.since, each.until)]
    if not all(type(day) is date for day in days):
        raise Unreadable(f"{path.name}: a day is written 2026-01-31, without quotes")
    if wrong := sorted(set(found.severities.values()) - set(SEVERITIES)):
        raise Unreadable(f"{path.name}: {wrong[0]} is none of {', '.join(SEVERITIES)}")
    return found


def components(locks: Iterable[Path] = PYTHON_LOCKS, console: Path = CONSOLE) -> list[Component]:
    """Every pinned package, also those that only build or test."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for lock in locks:
        for part in python_parts(lock.read_text(encoding="utf-8")):
            key = PYPI, name_of(PYPI, part["name"]), part["version"]
            found.setdefault(key, []).append(lock.name)
    for part in console_parts(json.loads(console.read_text(encoding="utf-8"))):
        found.setdefault((NPM, part["name"], part["version"]), []).append(console.name)
    return [
        Component(*key, ", ".join(dict.fromkeys(files))) for key, files in sorted(found.items())
    ]


def faults(parts: Iterable[Component], records: Sequence[Advisory], told: Said) -> list[Fault]:
    """What the records say of these components. Records that know each other are one fault, with
    the earliest day and the highest severity of them all."""
    withdrawn = {each.id for each in records if each.is_withdrawn}
    living = [each for each in records if not each.is_withdrawn and each.id not in withdrawn]
    groups = _groups(living)
    found: list[Fault] = []
    for part in parts:
        mine = [
            each
            for each in living
            if (each.ecosystem, each.name) == (part.ecosystem, part.name)
            and each.means(part.version)
        ]
        for group in sorted({groups[each.id] for each in mine}):
            meant = [each for each in mine if groups[each.id] == group]
            kin = [each for each in living if groups[each.id] == group]
            names = sorted({name for each in kin for name in each.names})
            days = [each.published for each in kin] + [told.days.get(name) for name in names]
            said_by = [each.severity for each in kin]
            said_by += [told.severities.get(name) for name in names]
            found.append(
                Fault(
                    part,
                    tuple(names),
                    highest(said_by),
                    min((day for day in days if day is not None), default=None),
                    tuple(dict.fromkeys(each for record in meant for each in record.fixed)),
                )
            )
    return found


def _groups(records: Sequence[Advisory]) -> dict[str, str]:
    """For each id the least name of all that are the same fault, through any chain of aliases."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    for each in records:
        for alias in sorted(each.aliases):
            one, other = sorted((root(each.id), root(alias)))
            parent[other] = one
    return {each.id: root(each.id) for each in records}


def judged(found: Iterable[Fault], told: Said, today: date) -> tuple[list[str], list[str]]:
    """What fails, and what is only told, a line each."""
    fails: list[str] = []
    notes: list[str] = []
    for each in told.exempt:
        what = f"exception for {each.advisory} of {each.component}"
        if len(each.reason.strip()) < 10:
            fails.append(f"{what}: without a reason")
        if each.until < today:
            fails.append(f"{what}: over since {each.until}")
        if each.until - each.since > timedelta(days=EXCEPTION_MAX_DAYS):
            fails.append(f"{what}: longer than {EXCEPTION_MAX_DAYS} days")
    for fault in found:
        exempt = _exempt(fault, told, today)
        if exempt is not None:
            notes.append(f"excepted until {exempt.until}: {fault} ({exempt.reason})")
        elif fault.is_past(today):
            fails.append(f"past its time frame: {fault}")
        else:
            notes.append(f"in time: {fault}")
    if today - told.looked_at > timedelta(days=LOOK_EVERY_DAYS):
        fails.append(
            f"nobody looked for newer versions since {told.looked_at} (every {LOOK_EVERY_DAYS} "
            "days): tools/lock.sh --upgrade, then looked_at"
        )
    return fails, notes


def _exempt(fault: Fault, told: Said, today: date) -> Exempt | None:
    part = fault.component
    for each in told.exempt:
        is_named = each.advisory in fault.names
        is_mine = name_of(part.ecosystem, each.component) == part.name
        if is_named and is_mine and each.since <= today <= each.until:
            return each
    return None


# -- asking


def asked(locks: Iterable[Path] = PYTHON_LOCKS) -> tuple[list[Advisory], list[str]]:
    """What pip-audit and npm audit know now, and a line for each part that could not be asked."""
    found: list[Advisory] = []
    away: list[str] = []
    until = time.monotonic() + ASK_S
    for lock in locks:
        options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
        command = [str(Path(sys.executable).with_name("pip-audit")), "-r", str(lock), *options]
        try:
            records, unknown = of_pip_audit(_answer(command, ROOT, until))
        except (Unreadable, OSError, subprocess.SubprocessError) as error:
            away.append(f"not asked: {lock.name} ({_short(error)})")
            continue
        found += records
        if unknown:
            away.append(f"not asked: {lock.name} ({len(unknown)} packages nothing is known of)")
    try:
        found += of_npm_audit(_answer(["npm", "audit", "--json"], CONSOLE.parent, until))
    except (Unreadable, OSError, subprocess.SubprocessError) as error:
        away.append(f"not asked: {CONSOLE.name} ({_short(error)})")
    return found, away


def _answer(command: Sequence[str], folder: Path, until: float) -> str:
    left_s = max(1.0, until - time.monotonic())
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=left_s, check=False
    )
    return done.stdout


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


# -- the command


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--ask", action="store_true", help="ask pip-audit and npm audit now")
    parser.add_argument("--records", type=Path, action="append", default=[], help="OSV, a folder")
    parser.add_argument("--pip-audit", type=Path, action="append", default=[], help="kept JSON")
    parser.add_argument("--npm-audit", type=Path, action="append", default=[], help="kept JSON")
    parser.add_argument("--said", type=Path, default=SAID, help="exceptions; components.toml")
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    given = parser.parse_args(arguments)
    try:
        records, away = _gathered(given)
        told = said(given.said)
    except (Unreadable, OSError) as error:
        print(f"advisories: {error}", file=sys.stderr)
        return 1
    parts = components()
    fails, notes = judged(faults(parts, records, told), told, given.today)
    for line in (*away, *notes, *fails):
        print(f"advisories: {line}")
    is_blind = not records and (away or not (given.records or given.pip_audit or given.npm_audit))
    seen = "no advisory was seen, so nothing is said of known faults" if is_blind else "looked at"
    print(f"advisories: {len(parts)} components, {len(records)} advisories, {seen}")
    return 1 if fails else 0


def _gathered(given: argparse.Namespace) -> tuple[list[Advisory], list[str]]:
    records: list[Advisory] = []
    away: list[str] = []
    for folder in given.records:
        records += osv_records(folder)
    for path in given.pip_audit:
        found, unknown = of_pip_audit(path.read_text(encoding="utf-8"))
        records += found
        if unknown:
            away.append(f"not asked: {path.name} ({len(unknown)} packages nothing is known of)")
    for path in given.npm_audit:
        records += of_npm_audit(path.read_text(encoding="utf-8"))
    if given.ask:
        found, unasked = asked()
        records, away = records + found, away + unasked
    return records, away


if __name__ == "__main__":
    raise SystemExit(main())
