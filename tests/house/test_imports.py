"""The arrows of the house hold, and each contract and ban finds the bug planted for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "lint-imports", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder)},
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source and its contracts, to plant bugs in."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("tocsin", "tocsin_verify"):
        shutil.copytree(ROOT / "src" / name, tmp_path / name, ignore=ignored)
    return tmp_path


def test_the_house_stands(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("geography/planted.py", "import tocsin.runtime", "Arrows point down"),
        ("runtime/planted.py", "import tocsin.stores.postgres", "Arrows point down"),
        ("intakes/planted.py", "import tocsin.stores", "Arrows point down"),
        ("web/planted.py", "import tocsin.simulation", "Arrows point down"),
        ("stores/planted.py", "import tocsin.app.settings", "Arrows point down"),
        ("attic/__init__.py", "", "Arrows point down"),
        ("kernel/shared.py", "import tocsin.kernel.cases", "Inside the kernel, too"),
        ("kernel/attic.py", "", "Inside the kernel, too"),
        ("kernel/cases/planted.py", "import os", "The kernel cannot touch the world"),
        ("kernel/cases/planted.py", "import random", "The kernel cannot touch the world"),
        ("packs/planted.py", "import random", "Neither maps nor packs"),
        ("dispatching/planted.py", "import random", "Neither maps nor packs"),
        ("dispatching/planted.py", "import time", "Neither maps nor packs"),
        ("dispatching/planted.py", "import pathlib", "A dispatch decision reads nothing"),
        ("dispatching/planted.py", "import httpx", "Only the rim speaks HTTP"),
        ("dispatching/planted.py", "import asyncpg", "Only the store speaks"),
        ("dispatching/planted.py", "import tocsin.runtime", "Arrows point down"),
        ("dispatching/planted.py", "import tocsin.analytics", "Arrows point down"),
        ("analytics/planted.py", "import tocsin.dispatching", "Arrows point down"),
        ("runtime/planted.py", "import asyncpg", "Only the store speaks"),
        ("runtime/planted.py", "import fastapi", "Only the rim speaks HTTP"),
        ("intakes/planted/__init__.py", "import tocsin.intakes.second", "No intake knows"),
        ("stores/planted.py", "import tocsin_verify.merkle", "The verifier shares no code"),
        ("../tocsin_verify/notes.py", "import tocsin.stores.log.notes", "The verifier shares no"),
    ],
)
def test_each_contract_finds_its_planted_bug(copy: Path, file: str, line: str, broken: str) -> None:
    second = copy / "tocsin" / "intakes" / "second"
    second.mkdir()
    (second / "__init__.py").write_text("", encoding="utf-8")
    path = copy / "tocsin" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as out:
        out.write(f"\n{line}\n")
    result = lint_imports(copy)
    assert result.returncode != 0
    named = [text for text in result.stdout.splitlines() if " BROKEN" in text]
    assert any(text.startswith(broken) for text in named), result.stdout


BANNED = """\
import random
import secrets
import time
import uuid
from datetime import UTC, date, datetime

print(datetime.now(UTC))
print(datetime.utcnow())
print(date.today())
print(time.time())
print(time.time_ns())
print(uuid.uuid4())
print(uuid.uuid1())
print(random.random())
print(random.choice([1]))
print(random.randint(1, 2))
secrets.token_hex()
"""


@pytest.mark.parametrize(
    ("place", "is_banned"),
    [
        ("src/tocsin/kernel/cases/planted.py", True),
        ("src/tocsin/geography/planted.py", True),
        ("src/tocsin/packs/planted.py", True),
        ("src/tocsin/dispatching/planted.py", True),
        ("src/tocsin/analytics/planted.py", True),
        ("src/tocsin/runtime/planted.py", True),
        ("src/tocsin/simulation/planted.py", True),
        ("src/tocsin/app/planted.py", False),
        ("src/tocsin/stores/postgres/planted.py", False),
        ("src/tocsin/intakes/open311/planted.py", False),
        ("src/tocsin/web/planted.py", False),
    ],
)
def test_clocks_chance_and_identity_are_banned_outside_the_rim(place: str, is_banned: bool) -> None:
    result = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--select", "TID251", "--output-format", "concise",
         "--stdin-filename", place, "-"],
        input=BANNED,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    found = {int(line.split(":")[1]) for line in result.stdout.splitlines() if "TID251" in line}
    calls = {n for n, line in enumerate(BANNED.splitlines(), 1) if line.startswith("print")}
    secrets_import = 2
    assert found == (calls | {secrets_import} if is_banned else set())


def test_a_seeded_generator_is_allowed() -> None:
    result = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--select", "TID251", "--stdin-filename",
         "src/tocsin/simulation/planted.py", "-"],
        input="import random\n\nprint(random.Random(7).random())\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_a_node_runs_without_the_demo() -> None:
    """What plays a town's day is not even loaded by what serves one."""
    code = (
        "import sys, tocsin.app.node as n\n"
        "played = [m for m in sys.modules if m.startswith('tocsin.app.demo')]\n"
        "print(*played)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
