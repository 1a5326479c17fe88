"""Builds the staff console into the package when its sources changed: a part of `make setup`.

Needs node 20 or newer with npm. Without them the node still runs, and says at /console that the
screens are missing; `make test` needs them.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "console"
BUILT = ROOT / "src" / "tocsin" / "_console"
STAMP = BUILT / ".built-from"
OLDEST_NODE = 20


def sources() -> list[Path]:
    found = [path for path in CONSOLE.iterdir() if path.is_file()]
    for folder in ("src", "public"):
        found += [path for path in (CONSOLE / folder).rglob("*") if path.is_file()]
    return sorted(found)


def fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sources():
        digest.update(str(path.relative_to(CONSOLE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def node_version() -> int:
    """The major version of node; 0 where node or npm is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return 0
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = told.strip().lstrip("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def install_packages() -> bool:
    """`npm ci`, unless what is installed came from this very lock file."""
    lock = CONSOLE / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = CONSOLE / "node_modules" / ".tocsin-lock"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return True
    print("setup: installing the console's pinned packages", flush=True)
    if subprocess.run(["npm", "ci", "--silent"], cwd=CONSOLE, check=False).returncode:
        return False
    stamp.write_text(wanted, encoding="utf-8")
    return True


def build() -> bool:
    """Whether the built console is that of the sources, or became it."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
        return True
    if not install_packages():
        return False
    print("setup: building the console", flush=True)
    vite = CONSOLE / "node_modules" / "vite" / "bin" / "vite.js"
    command = ["node", str(vite), "build", "--logLevel", "warn"]
    if subprocess.run(command, cwd=CONSOLE, check=False).returncode:
        return False
    STAMP.write_text(wanted, encoding="utf-8")
    return True


def main() -> int:
    version = node_version()
    if version < OLDEST_NODE:
        print(
            "setup: the console is left out: node 20 or newer with npm is needed: "
            "apt-get install nodejs npm (Debian 13 and newer), or from your node distribution",
            file=sys.stderr,
        )
        return 1 if "--strict" in sys.argv else 0
    if not build():
        print("setup: the console could not be built (see above)", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
