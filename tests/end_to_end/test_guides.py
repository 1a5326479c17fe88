"""Every block of the guides is carried out: its files are written, its commands run in order."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import create_database
from tocsin.stores.postgres.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
BIN = Path(sys.executable).parent
PATIENCE_S = 150  # of one guide, on a busy machine; the slowest takes about ten seconds
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
GIVEN = ("text", "mermaid")
"""Kinds of blocks that are shown and not carried out: SQL for a server that is not ours."""


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, what is to be done with it, its text."""

    language: str
    deed: str
    text: str


def blocks(page: str) -> list[Block]:
    return [
        Block(info.partition(" ")[0], info.partition(" ")[2], text)
        for info, text in FENCE.findall(page)
    ]


def script_of(page: str) -> str:
    """One shell script that does everything the page says, in its order."""
    lines = ["set -euo pipefail"]
    for block in blocks(page):
        if block.deed == "run":
            lines.append(block.text)
        elif block.deed.startswith("file="):
            path = block.deed.removeprefix("file=")
            lines.append(f"mkdir -p \"$(dirname '{path}')\"")
            lines.append(f"cat > '{path}' <<'END-OF-BLOCK'\n{block.text}END-OF-BLOCK")
    return "\n".join(lines)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process group of its own, and leave none of its processes behind."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOCSIN_") and not name.lower().endswith("_proxy")
    }
    environ |= {"PATH": f"{BIN}:{environ['PATH']}", "LANG": "C.UTF-8", **variables}
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=environ,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        out += "\n(not done in time)"
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    return subprocess.CompletedProcess(script, process.returncode, out)


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A project folder: the packs, and for whoever adds code, the source and its tests."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(ROOT / "packs", tmp_path / "packs")
    if "src/tocsin" in request.getfixturevalue("guide").read_text(encoding="utf-8"):
        shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
        shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
    yield tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guides use curl")
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_does_what_it_says(
    guide: Path, folder: Path, postgres_server: EmbeddedPostgres
) -> None:
    port = str(free_port())
    script = script_of(guide.read_text(encoding="utf-8")).replace("8080", port)
    if ":SECRET" in script:
        dsn = postgres_server.dsn(asyncio.run(create_database(postgres_server)))
        script = re.sub(r"postgresql://tocsin\w*:SECRET[^']*", lambda _: dsn, script)
    code = {"PYTHONPATH": "src"} if (folder / "src").exists() else {}
    done = run(script, folder, TOCSIN_PORT=port, **code)
    logs = "".join(path.read_text() for path in sorted(folder.glob("*.log")))
    assert done.returncode == 0, f"{done.stdout}\n{logs}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_of_a_guide_is_carried_out_or_said_not_to_be(guide: Path) -> None:
    found = blocks(guide.read_text(encoding="utf-8"))
    assert found, "a guide shows how"
    for block in found:
        is_done = block.deed == "run" or block.deed.startswith("file=")
        assert is_done or block.language in GIVEN, block.text


def test_a_guide_that_is_wrong_is_found(tmp_path: Path) -> None:
    page = "```toml file=a/b.toml\nx = 1\n```\n```sh run\ngrep -q 'x = 1' a/b.toml\n{}\n```\n"
    assert run(script_of(page.format("true")), tmp_path).returncode == 0
    assert run(script_of(page.format("false")), tmp_path).returncode != 0
    assert run(script_of(page.format("tocsin verily")), tmp_path).returncode != 0
