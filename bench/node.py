"""A real node in a process of its own, on an empty folder, for as long as a bench needs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.process_memory import memory_mib

MAPS = (Path("build/maps/helsinki.osm.pbf"),)


@dataclass
class Running:
    process: subprocess.Popen[str]
    port: int
    data: Path
    link: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory_mib(self) -> float:
        """Resident memory of the node's own process, the database aside."""
        return memory_mib(self.process.pid)

    def cpu_s(self) -> float:
        """Processor time of the node's own process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def node(
    data: Path | None = None, python: str = sys.executable, **settings: str
) -> Iterator[Running]:
    """Starts `tocsin serve` and waits until it answers; ends it at the end. `python` is that of
    another checkout, when its node is to be measured."""
    with tempfile.TemporaryDirectory() as folder:
        where = data or Path(folder) / "data"
        command = [python, "-m", "tocsin.app.cli", "serve", "--data", str(where)]
        command += ["--port", "0", "--calendar", "finland-2026"]
        command += ["--map-build", "false"]  # what is measured is the node, not a build beside it
        command += ["--per-client-connections", "2000", "--log-level", "warning"]
        for map_file in MAPS:
            if map_file.exists():
                command += ["--map", str(map_file)]
        for name, value in settings.items():
            command += [f"--{name.replace('_', '-')}", value]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        port, link = 0, ""
        for line in process.stdout:
            if found := re.search(r"answers at http://[^:]+:(\d+)", line):
                port = int(found[1])
                if (where / "bench-known").exists():
                    break
            if "First administrator" in line:
                link = line.split(": ", 1)[1].strip()
                break
        assert port, "the node did not start"
        (where / "bench-known").touch()
        try:
            yield Running(process, port, where, link)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
