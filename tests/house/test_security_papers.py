"""The papers of trust are those of the program: every requirement with its test, every column with
its class, every package in the bill."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tocsin.runtime.developing import BYTES_MAX, JPEG_PIXELS_MAX, PIXELS_MAX, SIDE_MAX_PX
from tocsin.web.asset_csv import LINES_MAX
from tocsin.web.options import WebOptions
from tools import sbom
from tools.written import write_or_check

ROOT = Path(__file__).parents[2]
PAPERS = ROOT / "docs" / "security"
OWED: frozenset[str] = frozenset()
"""Requirements that are owed. The list only shrinks: a row that becomes a test leaves it, and
nothing comes to it."""
OWED_AT_MOST = 0
LEVELS = {"1": 70, "2": 183}
"""How many requirements ASVS 5.0.0 has at each level."""
Row = Mapping[str, str]


def rows() -> list[dict[str, str]]:
    with (PAPERS / "asvs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def faults(table: list[Row]) -> list[str]:
    """Rows that say nothing, or name a test that is not there."""
    found: list[str] = []
    for row in table:
        state, test, reason = row["state"], row["test"], row["reason"]
        if not all((row["id"], row["chapter"], row["level"], row["asked"])):
            found.append(f"{row['id']}: empty")
        elif state == "test":
            file, _, name = test.partition("::")
            path = ROOT / file
            is_there = path.is_file() and re.search(
                rf"^(async )?def {re.escape(name)}\(",
                path.read_text(encoding="utf-8"),
                re.MULTILINE,
            )
            if not name or not is_there:
                found.append(f"{row['id']}: no test {test}")
        elif state not in ("does not apply", "owed") or len(reason) < 5 or test:
            found.append(f"{row['id']}: no reason")
        elif state == "owed" and row["id"] not in OWED:
            found.append(f"{row['id']}: owed anew")
    return found


def test_every_requirement_has_a_row_that_holds() -> None:
    table = rows()
    assert faults(table) == []
    ids = [row["id"] for row in table]
    assert len(ids) == len(set(ids))
    assert {level: sum(row["level"] == level for row in table) for level in LEVELS} == LEVELS


def test_what_is_owed_only_shrinks() -> None:
    owed = {row["id"] for row in rows() if row["state"] == "owed"}
    assert owed == OWED and len(OWED) <= OWED_AT_MOST


@pytest.mark.parametrize(
    "change",
    [
        {"asked": ""},
        {"test": "tests/house/test_security_papers.py::test_that_is_not_there"},
        {"test": "tests/nowhere.py::test_x"},
        {"test": ""},
        {"state": "does not apply", "test": "", "reason": ""},
        {"state": "owed", "test": "", "reason": "later, perhaps"},
        {"state": "fine"},
    ],
)
def test_a_row_that_says_nothing_is_found(change: dict[str, str]) -> None:
    row = next(row for row in rows() if row["state"] == "test")
    assert len(faults([{**row, **change}])) == 1


def test_the_bill_of_materials_is_that_of_the_locks() -> None:
    told = subprocess.run(
        [sys.executable, ROOT / "tools" / "sbom.py", "--check"], capture_output=True, check=False
    )
    assert told.returncode == 0, told.stdout
    bill = json.loads((PAPERS / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.6"
    refs = [part["bom-ref"] for part in bill["components"]]
    assert len(refs) == len(set(refs)) > 100
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)==([^\s;\\]+)",
        (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {f"pkg:pypi/{name.lower()}@{version}" for name, version in pinned} <= set(refs)
    lock = json.loads((ROOT / "console" / "package-lock.json").read_text(encoding="utf-8"))
    names = {path.rpartition("node_modules/")[2] for path in lock["packages"] if path}
    assert names <= {part["name"] for part in bill["components"]}


def without(document: dict[str, Any], *names: str) -> None:
    for name in names:
        del document[name]


PLANTED: list[Callable[[dict[str, Any]], object]] = [
    lambda bill: without(bill, "bomFormat"),
    lambda bill: bill.update(version="1"),
    lambda bill: bill.update(made_by="somebody"),
    lambda bill: bill["components"][0].update(type="thing"),
    lambda bill: without(bill["components"][0], "name"),
    lambda bill: bill["components"].append(bill["components"][0]),
    lambda bill: bill["components"][-1]["hashes"][0].update(content="short"),
    lambda bill: bill["metadata"]["component"]["licenses"][0]["license"].update(id="No-Such-1.0"),
]


def test_the_bill_fits_the_schema_of_cyclonedx() -> None:
    assert sbom.schema_faults(json.loads(sbom.OUT.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("plant", PLANTED)
def test_a_bill_that_does_not_fit_is_found(plant: Callable[[dict[str, Any]], object]) -> None:
    bill = sbom.bill()
    plant(bill)
    assert len(sbom.schema_faults(bill)) >= 1


def test_an_old_or_missing_page_is_not_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["tool", "--check"])
    assert write_or_check(page, "new", again="tool") == 1 and not page.exists()
    page.write_text("old", encoding="utf-8")
    assert write_or_check(page, "new", again="tool") == 1
    monkeypatch.setattr(sys, "argv", ["tool"])
    assert write_or_check(page, "new", again="tool") == 0
    monkeypatch.setattr(sys, "argv", ["tool", "--check"])
    assert write_or_check(page, "new", again="tool") == 0


def test_every_pin_has_its_hash() -> None:
    for file in ROOT.glob("requirements/*.txt"):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", file.read_text(encoding="utf-8"))
        pinned = [each for each in blocks if re.match(r"[A-Za-z0-9._-]+==", each)]
        assert [each[:40] for each in pinned if "--hash=sha256:" not in each] == [], file.name


def test_the_assessment_is_fresh() -> None:
    told = subprocess.run(
        [sys.executable, ROOT / "tools" / "dpia.py", "--check"], capture_output=True, check=False
    )
    assert told.returncode == 0, told.stdout


def test_the_threat_model_names_every_flow_and_key() -> None:
    text = (PAPERS / "threat-model.md").read_text(encoding="utf-8")
    for flow in "ABCDEFGH":
        assert f"\n| {flow} " in text, flow
    for named in ("vault.key", "log.key", "intakes.toml", "argon2id", "within 7 days", "RFC 3161"):
        assert named in text, named


def test_the_page_on_uploads_says_the_limits() -> None:
    page = (PAPERS / "uploads.md").read_text(encoding="utf-8")
    photo, web = f"{BYTES_MAX // 2**20} MB", WebOptions()
    for said in (
        f"{photo}, {PIXELS_MAX // 1_000_000} megapixels (JPEG {JPEG_PIXELS_MAX // 1_000_000},",
        f"{web.upload_limit // 1_000_000} MB for all of one request",
        f"at most {SIDE_MAX_PX:,} px",
        f"{LINES_MAX:,} lines",
        f"| {web.body_limit // 1_000_000} MB |",
    ):
        assert said in page, said
