"""Writes `docs/security/sbom.cdx.json`: everything a node is made of, as CycloneDX 1.6.

From the lock files alone, so it says what is installed and nothing else: Python packages with the
hashes that `make setup` checks, packages of the console with theirs. `--check` says whether the
file is fresh.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "security" / "sbom.cdx.json"
PYTHON = ROOT / "requirements" / "runtime.txt"
CONSOLE = ROOT / "console" / "package-lock.json"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def python_parts(text: str) -> list[dict[str, Any]]:
    """The pinned packages of a lock file. Several hashes are several builds of one version: they
    stand as properties, since a component has one content."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if pin := _PIN.match(line):
            name, version = pin[1].lower(), pin[2]
            found.append(
                {
                    "type": "library",
                    "bom-ref": f"pkg:pypi/{name}@{version}",
                    "name": name,
                    "version": version,
                    "purl": f"pkg:pypi/{name}@{version}",
                    "scope": "required",
                    "properties": [],
                }
            )
        found_hashes = _HASH.findall(line)
        for each in found_hashes:
            found[-1]["properties"].append({"name": "tocsin:sha256", "value": each})
    return found


def console_parts(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """The packages of the console's lock; those that only build it are `excluded`."""
    found: list[dict[str, Any]] = []
    for path, told in sorted(lock["packages"].items()):
        if not path:
            continue
        name, version = path.rpartition("node_modules/")[2], told["version"]
        purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
        if any(each["purl"] == purl for each in found):
            continue
        part: dict[str, Any] = {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "scope": "excluded" if told.get("dev") else "required",
        }
        if told.get("integrity", "").startswith("sha512-"):
            digest = base64.b64decode(told["integrity"].removeprefix("sha512-")).hex()
            part["hashes"] = [{"alg": "SHA-512", "content": digest}]
        if "license" in told:
            part["licenses"] = [{"expression": told["license"]}]
        found.append(part)
    return found


def bill() -> dict[str, Any]:
    """The whole document. It has no time and no random number: the same locks, the same bytes."""
    lock = json.loads(CONSOLE.read_text(encoding="utf-8"))
    parts = python_parts(PYTHON.read_text(encoding="utf-8")) + console_parts(lock)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "tocsin",
                "name": "tocsin",
                "version": "0.1.0",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": parts,
    }


def text() -> str:
    return json.dumps(bill(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    if "--check" in sys.argv:
        is_fresh = OUT.is_file() and OUT.read_text(encoding="utf-8") == text()
        print("the bill of materials is fresh" if is_fresh else "run: make sbom")
        return 0 if is_fresh else 1
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(text(), encoding="utf-8")
    print(f"{len(bill()['components'])} components written to {OUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
