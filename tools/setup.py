"""Makes .venv from nothing, or does nothing when it is up to date: `make setup`.

Needs a Python of at least 3.11 and pip; no root, nothing outside this folder. Every package is
pinned by hash in requirements/. uv (itself pinned) installs when it can, else pip does.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".tocsin-setup"
REQUIREMENTS = ROOT / "requirements"
# What the environment is made from; a change in any of them makes it out of date.
INPUTS = (
    REQUIREMENTS / "bootstrap.txt",
    REQUIREMENTS / "dev.txt",
    ROOT / "pyproject.toml",
    Path(__file__).resolve(),
)
OLDEST = (3, 11)


def fingerprint() -> str:
    digest = hashlib.sha256(f"{ROOT}\n".encode())
    for path in INPUTS:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stop(line: str) -> None:
    print(f"setup: {line}", file=sys.stderr)
    raise SystemExit(1)


def run(*command: object, quiet: bool = False) -> bool:
    silence = subprocess.DEVNULL if quiet else None
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, stderr=silence, stdout=silence).returncode == 0


def has_moved() -> bool:
    """An environment keeps its path in every script; one that was moved must be made anew."""
    script = VENV / "bin" / "tocsin"
    return script.exists() and str(PYTHON).encode() not in script.read_bytes()[:4096]


def make_environment() -> None:
    if PYTHON.exists() and not has_moved() and run(PYTHON, "-c", "import tomllib", quiet=True):
        return
    if sys.version_info < OLDEST:
        stop("Python 3.11 or newer is needed: name one with `make PYTHON=python3.12 ...`")
    shutil.rmtree(VENV, ignore_errors=True)
    print("setup: making .venv")
    # Debian keeps ensurepip in a package of its own; pip from outside serves as well.
    if not run(sys.executable, "-m", "venv", "--without-pip", VENV):
        stop("`python3 -m venv` failed: apt-get install python3-venv")


def install_pip_and_uv() -> None:
    pins = ("--require-hashes", "-r", REQUIREMENTS / "bootstrap.txt")
    quietly = ("install", "--quiet", "--disable-pip-version-check", *pins)
    has_pip = importlib.util.find_spec("pip") is not None
    if has_pip and run(sys.executable, "-m", "pip", "--python", PYTHON, *quietly):
        return
    has_pip = run(PYTHON, "-m", "ensurepip", "--default-pip", quiet=True)
    if has_pip and run(PYTHON, "-m", "pip", *quietly):
        return
    stop("pip is needed, and the package index within reach: apt-get install python3-pip")


def install_packages() -> None:
    pins = ("--require-hashes", "-r", REQUIREMENTS / "dev.txt")
    project = ("--no-deps", "--no-build-isolation", "--editable", ".")
    print("setup: installing the pinned packages")
    uv = (PYTHON.with_name("uv"), "pip", "install", "--quiet", "--python", PYTHON)
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if not (run(*uv, *pins) or run(*pip, *pins)):
        stop("the pinned packages could not be installed (see above); is the index within reach?")
    if not (run(*uv, *project) or run(*pip, *project)):
        stop("the project itself could not be installed (see above)")


def main() -> int:
    os.environ.pop("PYTHONHOME", None)
    os.environ.pop("PYTHONPATH", None)
    os.environ.setdefault("UV_LINK_MODE", "copy")
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted and PYTHON.exists():
        return 0
    make_environment()
    install_pip_and_uv()
    install_packages()
    STAMP.write_text(wanted, encoding="utf-8")
    print("setup: ready, .venv/bin/tocsin")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
