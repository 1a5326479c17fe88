"""The power goes: what no program had put on the disk is gone, and the machine starts again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode, NodeError
from tests.faults import fuse
from tests.faults.fast_pack import fast_pack
from tests.faults.kills import PLANTED
from tests.faults.outcome import Outcome
from tests.faults.settled import settle

MOUNT_PATIENCE_S = 10.0
BETWEEN_S = (0.5, 2.5)


class NoSuchDisk(RuntimeError):
    """A file system of our own cannot be mounted here. One line that says why."""


@dataclass
class LosingDisk:
    """The mount and the program behind it. Under a seed half of what is in memory lands torn."""

    folder: Path
    seed: int | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def mounted(self) -> Path:
        return self.folder / "mounted"

    def mount(self) -> None:
        """Raises NoSuchDisk where that is not allowed."""
        if os.geteuid() != 0 or not Path("/dev/fuse").exists():
            raise NoSuchDisk("a disk that loses power needs root and /dev/fuse")
        for each in (self.folder / "back", self.mounted):
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
        command = [sys.executable, "-m", "tests.faults.losing_disk"]
        command += [str(self.folder / "back"), str(self.mounted)]
        command += [str(self.seed)] if self.seed is not None else []
        said = self.folder / "disk.log"
        with said.open("ab") as log:
            # Ctrl-C is for the campaign: a disk that went before its node would stay mounted.
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + MOUNT_PATIENCE_S
        while not os.path.ismount(self.mounted):
            if self.process.poll() is not None or time.monotonic() > until:
                raise NoSuchDisk(f"no disk can be mounted: {said.read_text()[-300:]}")
            time.sleep(0.02)

    def cut(self) -> None:
        """The power. Whoever still writes is told of an error, as by a cable that was pulled."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR1)

    def unmount(self) -> None:
        fuse.unmount(str(self.mounted))
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        return (self.folder / "disk.log").read_text()


async def cut_power(
    cuts: int, folder: Path, seed: int = 81, is_torn: bool = False, plant: str = ""
) -> Outcome:
    """So many cuts under load. Skipped in a word where no such disk can be mounted."""
    began = time.monotonic()
    kind = (
        "power cut" + (", torn pages" if is_torn else "") + (f", planted {plant}" if plant else "")
    )
    outcome = Outcome(kind)
    disk = LosingDisk(folder, seed if is_torn else None)
    try:
        disk.mount()
    except NoSuchDisk as trouble:
        outcome.skipped = str(trouble)
        disk.unmount()
        return outcome
    # The node's own log is beside the data, and not on the disk that loses.
    (disk.mounted / "data").mkdir()
    (folder / "data").symlink_to(disk.mounted / "data")
    node = LiveNode(folder / "data", ("--pack", str(fast_pack(folder / "packs"))))
    if plant:
        node.program, node.environment = PLANTED, {"PLANTED": plant}
    campaign = Campaign(node, seed, targets=())
    node.draw_town()
    _sync(node.data / "areas.geojson")  # of the test, not of the node
    try:
        await node.start()
        for _ in range(cuts):
            async with campaign.load():
                await campaign.until_acknowledging()
                await asyncio.sleep(campaign.chance.uniform(*BETWEEN_S))
                await asyncio.to_thread(_cut, disk, node)
            disk.mount()
            outcome.faults += 1
            await node.start()
        await settle(campaign, outcome)
    except NodeError as trouble:
        outcome.findings.append(f"after {outcome.faults} cuts: {trouble}"[:600])
    finally:
        try:
            node.stop()
        finally:
            disk.unmount()
    outcome.seconds = time.monotonic() - began
    return outcome


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _cut(disk: LosingDisk, node: LiveNode) -> None:
    """The disk first; then nothing runs any more."""
    servers = node.servers()
    disk.cut()
    node.kill()
    for pid in servers:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    until = time.monotonic() + MOUNT_PATIENCE_S
    while any(Path(f"/proc/{pid}").exists() for pid in servers) and time.monotonic() < until:
        time.sleep(0.01)
    disk.unmount()
