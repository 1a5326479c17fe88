"""What a newcomer's machine is given: pinned packages, no hosts, a Makefile that keeps its word."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
HOST = re.compile(r"://|--(extra-)?index|--find-links|@ file:|-i\s")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_lock_pins_by_hash_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert HOST.search(text) is None
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==[^ ]+.*?(?=^\S|\Z)", text, re.M | re.S | re.I)
    whole = re.findall(r"^[a-z0-9][^\n]*==[^\n]*\\\n(?: +--hash=sha256:[0-9a-f]{64}[^\n]*\n)+",
                       text, re.M | re.I)  # fmt: skip
    assert len(pins) == len(whole) > 0


def test_the_check_for_hosts_finds_a_planted_one() -> None:
    planted = ("--index=elsewhere", "# https://example.org/simple", "x @ file:///x.whl", "-i there")
    for line in planted:
        assert HOST.search(line), line


def test_each_dependency_is_justified_and_locked() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    runtime = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")
    dev = (ROOT / "requirements/dev.txt").read_text(encoding="utf-8")
    ray = (ROOT / "requirements/ray.txt").read_text(encoding="utf-8")
    for group, lock in (
        (project["dependencies"], runtime + dev),
        (project["optional-dependencies"]["dev"], dev),
        (project["optional-dependencies"]["ray"], ray),
    ):
        for requirement in group:
            quoted = f'"{requirement}"'
            line = next(each for each in text.splitlines() if each.strip().startswith(quoted))
            assert re.search(r"# \S.{3,}", line), f"no justification: {requirement}"
            name = re.split(r"[<>=;\[ ]", requirement)[0]
            assert re.search(rf"^{re.escape(name)}==", lock, re.M | re.I), name


def test_both_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[a-z0-9][^\s\\;]*==[^\s\\;]+", text, re.M | re.I))

    assert pins("runtime.txt") <= pins("dev.txt")
    assert pins("runtime.txt") <= pins("ray.txt")


def test_the_makefile_has_what_the_readme_promises() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for target in ("setup", "demo", "serve", "test", "check", "bench", "sim"):
        assert f"make {target}" in shown
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_no_tracked_file_knows_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: an archive has no list of tracked files")
    here = str(ROOT)
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and len(here) > 4:
            assert here.encode() not in path.read_bytes(), name
