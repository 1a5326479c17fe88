"""Ships the packs and the built console inside the wheel. An editable install reads both in the
tree instead; `TOCSIN_CONSOLE=skip` leaves the console out where there is no node."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PacksHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        build_data["force_include"]["packs"] = "tocsin/_packs"
        if os.environ.get("TOCSIN_CONSOLE") == "skip":
            return
        script = Path(self.root) / "tools" / "console.py"
        if subprocess.run([sys.executable, str(script), "--strict"], check=False).returncode:
            raise RuntimeError("the console was not built; TOCSIN_CONSOLE=skip leaves it out")
        build_data["force_include"]["src/tocsin/_console"] = "tocsin/_console"
