"""Reads advisories (records of OSV, JSON of pip-audit and of npm audit) and says whom they mean.

Versions are compared as their own world compares them: PEP 440 by `packaging`, npm by
`node-semver`. Where a record cannot be understood the component counts as meant: a checker that
guesses must guess on the safe side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import nodesemver
from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

PYPI: Final = "PyPI"
NPM: Final = "npm"
SEVERITIES: Final = ("low", "medium", "high", "critical")
_WORDS: Final = {"moderate": "medium", "important": "high", "info": "low", "none": "low"}
_VECTORS: Final = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}


class Unreadable(ValueError):
    """What was given as advisories is none. One line for whoever runs the check."""


@dataclass(frozen=True, slots=True)
class Component:
    """One pinned package and the lock files that have it; names of Python packages in their
    canonical form."""

    ecosystem: str
    name: str
    version: str
    locks: str


@dataclass(frozen=True, slots=True)
class Advisory:
    """One record about one package. `published` and `severity` are None where it does not say.
    `means` answers for a version. `is_withdrawn`: whoever wrote it took it back."""

    id: str
    aliases: frozenset[str]
    ecosystem: str
    name: str
    published: date | None
    severity: str | None
    fixed: tuple[str, ...]
    means: Callable[[str], bool]
    is_withdrawn: bool = False

    @property
    def names(self) -> frozenset[str]:
        return self.aliases | {self.id}


def name_of(ecosystem: str, name: str) -> str:
    return canonicalize_name(name) if ecosystem == PYPI else name


# -- OSV


def osv_records(folder: Path) -> list[Advisory]:
    """Every record of a folder and its folders; a file holds one, or a list. Raises Unreadable."""
    if not folder.is_dir():
        raise Unreadable(f"{folder} is no folder of records")
    found: list[Advisory] = []
    for path in sorted(folder.rglob("*.json")):
        content = _json(path.read_text(encoding="utf-8"), str(path))
        for record in content if isinstance(content, list) else [content]:
            try:
                found += of_osv(record)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise Unreadable(f"{path} is no record of OSV ({error})") from error
    return found


def of_osv(record: Mapping[str, Any]) -> list[Advisory]:
    """One advisory for each package of a record that lives in one of our two worlds."""
    found: list[Advisory] = []
    for affected in record.get("affected", []):
        package = affected.get("package", {})
        ecosystem = str(package.get("ecosystem", "")).partition(":")[0]
        if ecosystem not in (PYPI, NPM):
            continue
        found.append(
            Advisory(
                str(record["id"]),
                frozenset(map(str, record.get("aliases", []))),
                ecosystem,
                name_of(ecosystem, str(package["name"])),
                _day(record.get("published")),
                _severity(record, affected),
                tuple(
                    str(event["fixed"])
                    for span in affected.get("ranges", [])
                    if span.get("type") != "GIT"
                    for event in span.get("events", [])
                    if "fixed" in event
                ),
                lambda version, affected=affected, ecosystem=ecosystem: _is_affected(
                    version, affected, ecosystem
                ),
                bool(record.get("withdrawn")),
            )
        )
    return found


def _is_affected(version: str, affected: Mapping[str, Any], ecosystem: str) -> bool:
    """As the schema of OSV says it: named, or in a range; all, where it names neither."""
    named = [str(each) for each in affected.get("versions", [])]
    spans = [each for each in affected.get("ranges", []) if each.get("type") != "GIT"]
    if not named and not spans:
        return True
    try:
        at = _key(version, ecosystem)
    except ValueError:
        return True
    if version in named or any(_is_same(each, at, ecosystem) for each in named):
        return True
    return any(_is_within(at, span.get("events", []), ecosystem) for span in spans)


def _is_same(named: str, at: Any, ecosystem: str) -> bool:
    try:
        return _key(named, ecosystem) == at
    except ValueError:
        return False  # an old form that no pinned version has


def _is_within(at: Any, events: Iterable[Mapping[str, str]], ecosystem: str) -> bool:
    """Whether a version is meant by the events of a range, in their order. An end at the same
    version as a beginning comes first."""
    marks: list[tuple[Any, int, str]] = []
    try:
        for event in events:
            for kind, version in event.items():
                lowest = kind == "introduced" and version == "0"
                key = None if lowest else _key(str(version), ecosystem)
                marks.append((key, kind == "introduced", kind))
    except ValueError:
        return True
    first = [mark for mark in marks if mark[0] is None]
    rest = sorted((mark for mark in marks if mark[0] is not None), key=lambda mark: mark[:2])
    meant = bool(first)
    for key, _, kind in rest:
        if kind == "introduced" and at >= key:
            meant = True
        elif (kind in ("fixed", "limit") and at >= key) or (kind == "last_affected" and at > key):
            meant = False
    return meant


def _key(version: str, ecosystem: str) -> Any:
    """Something that sorts as the versions of its world do. Raises ValueError."""
    if ecosystem == PYPI:
        try:
            return Version(version)
        except InvalidVersion as error:
            raise ValueError(str(error)) from error
    return nodesemver.full_key_function(version)


def _severity(record: Mapping[str, Any], affected: Mapping[str, Any]) -> str | None:
    """The highest that the record says, in words or as a vector."""
    said = [_word(each.get("database_specific", {}).get("severity")) for each in (record, affected)]
    said.append(_word(affected.get("ecosystem_specific", {}).get("severity")))
    for each in (*record.get("severity", []), *affected.get("severity", [])):
        said.append(_of_vector(str(each.get("type")), str(each.get("score"))))
    return highest(said)


def _of_vector(kind: str, vector: str) -> str | None:
    try:
        scored = _VECTORS[kind](vector)
    except (KeyError, CVSSError):
        return None
    return _word(str(scored.severity if kind == "CVSS_V4" else scored.severities()[0]))


def _word(said: object) -> str | None:
    word = str(said or "").lower()
    word = _WORDS.get(word, word)
    return word if word in SEVERITIES else None


def highest(said: Iterable[str | None]) -> str | None:
    return max((each for each in said if each is not None), key=SEVERITIES.index, default=None)


# -- what the two askers answer


def of_pip_audit(text: str) -> tuple[list[Advisory], list[str]]:
    """The findings of `pip-audit -f json`, and the packages that it knew nothing of. It tells
    neither day nor severity: those come from a record of the same name. Raises Unreadable."""
    content = _json(text, "the answer of pip-audit")
    try:
        listed: Sequence[Mapping[str, Any]] = content["dependencies"]
        found = [
            Advisory(
                str(each["id"]),
                frozenset(map(str, each.get("aliases", []))),
                PYPI,
                canonicalize_name(part["name"]),
                None,
                None,
                tuple(each.get("fix_versions", [])),
                lambda version, told=str(part["version"]): Version(version) == Version(told),
            )
            for part in listed
            for each in part.get("vulns", [])
        ]
        unknown = [str(part["name"]) for part in listed if "skip_reason" in part]
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable("the answer of pip-audit has another form") from error
    return found, unknown


def of_npm_audit(text: str) -> list[Advisory]:
    """The findings of `npm audit --json`; it tells no day. Raises Unreadable."""
    content = _json(text, "the answer of npm audit")
    if isinstance(content, dict) and "vulnerabilities" not in content and "message" in content:
        raise Unreadable(f"npm audit: {content['message']}")
    try:
        causes = [
            cause
            for each in content["vulnerabilities"].values()
            for cause in each["via"]
            if isinstance(cause, dict)
        ]
        return [
            Advisory(
                _npm_id(cause),
                frozenset(),
                NPM,
                str(cause["name"]),
                None,
                _word(cause.get("severity")),
                (),
                lambda version, span=str(cause["range"]): _is_in_npm(version, span),
            )
            for cause in causes
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable("the answer of npm audit has another form") from error


def _npm_id(cause: Mapping[str, Any]) -> str:
    last = str(cause.get("url", "")).rstrip("/").rpartition("/")[2]
    return last if last.startswith("GHSA-") else f"npm-{cause.get('source', 'unnamed')}"


def _is_in_npm(version: str, span: str) -> bool:
    try:
        return bool(nodesemver.satisfies(version, span, loose=False, include_prerelease=True))
    except ValueError:
        return True


def _day(said: object) -> date | None:
    return datetime.fromisoformat(str(said)).date() if said else None


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreadable(f"{what} is no JSON") from error
