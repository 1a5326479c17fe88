"""Writes the console's API types from the OpenAPI document: `tools/api_types.py [--check]`.

With `--check` nothing is written: it fails when the committed types are not those of the code.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSOLE = ROOT / "console"
TARGET = CONSOLE / "src" / "api" / "schema.d.ts"
sys.path.insert(0, str(ROOT))

from tocsin.web.openapi import openapi  # noqa: E402
from tools.reference import application  # noqa: E402
from tools.written import write_or_check  # noqa: E402


def written() -> str:
    """The types as they would be written now."""
    with tempfile.TemporaryDirectory() as folder:
        document, types = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        document.write_text(json.dumps(openapi(application())), encoding="utf-8")
        tool = CONSOLE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
        subprocess.run(
            ["node", str(tool), str(document), "-o", str(types)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return types.read_text(encoding="utf-8")


def main() -> int:
    return write_or_check(TARGET, written(), again="tools/api_types.py")


if __name__ == "__main__":
    raise SystemExit(main())
