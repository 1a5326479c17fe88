"""Writes `docs/security/sbom.cdx.json`: everything a node is made of, as CycloneDX 1.6.

From the lock files alone, so it says what is installed and nothing else: Python packages with the
hashes that `make setup` checks, packages of the console with theirs. It must fit the schema of
CycloneDX. `--check` says whether the file is fresh.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from jsonschema_rs import Registry, validator_for

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.written import write_or_check  # noqa: E402

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


def schema_faults(document: Any) -> list[str]:
    """What does not fit the schema of CycloneDX 1.6, a line each. The schemas come with
    `cyclonedx-python-lib`, so nothing is asked for."""
    folder = files("cyclonedx.schema") / "_res"

    def schema(name: str) -> dict[str, Any]:
        return json.loads((folder / name).read_text(encoding="utf-8"))

    whole = schema("bom-1.6.SNAPSHOT.schema.json")
    others = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    registry = Registry([(urljoin(whole["$id"], name), schema(name)) for name in others])
    validator = validator_for(whole, registry=registry, validate_formats=True, offline=True)
    return [
        f"{'/'.join(map(str, each.instance_path))}: {each.message[:300]}"
        for each in validator.iter_errors(document)
    ]


def main() -> int:
    document = bill()
    if wrong := schema_faults(document):
        print(*wrong[:20], sep="\n", file=sys.stderr)
        return 1
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return write_or_check(OUT, text, again="make sbom")


if __name__ == "__main__":
    raise SystemExit(main())
