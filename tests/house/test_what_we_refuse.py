"""ADR 0002 as far as it can be tested: no column joins reports by their sender, nothing compares
people, and no part of us could recognise one."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import asyncpg

from tocsin.kernel.cases.likeness import Traits
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.stores.postgres.migrate import migrate
from tools.reference import application, openapi

ROOT = Path(__file__).resolve().parents[2]
PERSONAL = re.compile(
    r"(^|_)(name|surname|phone|email|mail|contact|birth|gender|face|plate|imei|mac|device|ip"
    r"|reporter|person|resident|citizen|fingerprint|password|login|address)(_|$)"
)
STAFF_AND_THINGS = {
    ("account_passkeys", "name"),
    ("accounts", "login"),
    ("accounts", "name"),
    ("accounts", "password"),
    ("api_keys", "name"),
    ("areas", "name"),
    ("idempotency", "fingerprint"),
    ("migrations", "name"),
}
"""Columns that are about staff, programs or messages: not about whoever reports."""
RECOGNISES = re.compile(
    r"opencv|dlib|face|deepface|insightface|mediapipe|ultralytics|torch|tensorflow|onnx|easyocr"
    r"|tesseract|openalpr|alpr|scapy|pyshark|bleak|bluez"
)
SENDER = re.compile(r"reporter|contact|phone|email|sender|person|resident")


def suspicious(columns: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The columns outside the vault that sound like a person and are not known to be harmless."""
    return {each for each in columns if PERSONAL.search(each[1])} - STAFF_AND_THINGS


async def test_no_column_outside_the_vault_is_about_a_reporter(fresh_database: str) -> None:
    await migrate(fresh_database)
    connection = await asyncpg.connect(fresh_database)
    try:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema NOT IN ('vault', 'pg_catalog', 'information_schema')"
        )
    finally:
        await connection.close()
    columns = [(row[0], row[1]) for row in rows]
    assert ("cases", "status") in columns
    assert suspicious(columns) == set()


def test_the_check_of_columns_finds_a_planted_one() -> None:
    planted = {("cases", "reporter_id"), ("receipts", "phone_hash"), ("messages", "device")}
    assert suspicious({*planted, ("cases", "status"), ("accounts", "name")}) == planted


def test_likeness_cannot_be_given_a_reporter() -> None:
    assert {each.name for each in fields(Traits)} == {
        "case_id", "place", "at", "case_type", "group", "words", "is_open", "is_urgent",
    }  # fmt: skip


def test_no_operation_asks_by_whoever_reported() -> None:
    for path, methods in openapi(application())["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                assert not SENDER.search(parameter["name"]), f"{method} {path}"


def test_nothing_we_depend_on_recognises_people_or_devices() -> None:
    pins = "".join(path.read_text() for path in (ROOT / "requirements").glob("*.txt"))
    names = re.findall(r"^([A-Za-z0-9._-]+)==", pins, re.M)
    assert len(names) > 50
    assert [name for name in names if RECOGNISES.search(name.lower())] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not [each for each in project["dependencies"] if RECOGNISES.search(each.lower())]


def test_disputes_and_missing_people_are_sealed() -> None:
    pack = load_pack(builtin("county"))
    codes = [code for code in pack.case_types if "dispute" in code or code.startswith("missing-")]
    assert len(codes) >= 4
    for code in codes:
        policy = pack.policy(code)
        assert policy is not None and policy.sealed, code
