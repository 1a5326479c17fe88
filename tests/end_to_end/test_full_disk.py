"""A full disk: the node refuses, writes nothing by halves, and goes on once there is room. Where
only the disk for uploads is full, photos alone wait."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode

DISK_MIB = 160
"""A cluster takes about 50 MB, its journal up to 64 more with the room left here."""
FULL_PATIENCE_S = 60
LEFT_FREE_BYTES = 400_000
"""So that the end is met in the middle of writing and not at once."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small enough to fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tocsin-test", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path) -> Path:
    """Takes nearly all the room that is left."""
    free = os.statvfs(folder)
    size = free.f_bavail * free.f_frsize - LEFT_FREE_BYTES
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))
    return filler


def report_with(photo: bytes) -> tuple[bytes, dict[str, str]]:
    """A form that Open311 and the public page both read, and its type."""
    fields = {
        "service_code": "pothole", "description": "A hole", "lat": "60.105", "long": "24.905",
        "text": "A hole that nobody may lose", "step": "words", "go": "photo",
    }  # fmt: skip
    body = b"".join(
        f'--x\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    if photo:
        for name in ("media", "photo"):
            head = f'--x\r\ncontent-disposition: form-data; name="{name}"; filename="a.jpg"'
            body += f"{head}\r\n\r\n".encode() + photo + b"\r\n"
    return body + b"--x--\r\n", {"content-type": "multipart/form-data; boundary=x"}


@pytest.mark.slow
async def test_reports_come_in_while_the_disk_for_photos_is_full(small_disk: Path, tmp_path: Path):
    node = LiveNode(tmp_path / "data", environment={"TMPDIR": str(small_disk)})
    photo = BytesIO()
    Image.effect_noise((1_600, 1_200), 90).convert("RGB").save(photo, "JPEG", quality=95)
    with_photo, without = report_with(photo.getvalue()), report_with(b"")
    address, kept = "/open311/v2/requests.json", set[str]()

    async def is_taken(body: bytes, headers: dict[str, str]) -> bool:
        answer = await node.ask("POST", address, body, headers)
        if answer.status == 200:
            kept.update(each["service_request_id"] for each in answer.json())
            return True
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert "No photo can be taken in" in answer.body.decode()
        return False

    try:
        await node.start()
        assert await is_taken(*with_photo)
        filler = fill(small_disk)
        assert not await is_taken(*with_photo)
        page = await node.ask("POST", "/report", *with_photo)
        assert "No photo can be taken in" in page.body.decode()
        assert "A hole that nobody may lose" in page.body.decode()
        assert await is_taken(*without)
        filler.unlink()
        assert await is_taken(*with_photo)
        requests = (await node.ask("GET", address)).json()
    finally:
        node.stop()
    # Some may have been taken for one; what was refused left nothing.
    assert {each["service_request_id"] for each in requests} <= kept


@pytest.mark.slow  # the node's log is on the full disk, too: it must not mind
async def test_a_full_disk_refuses_and_recovers(small_disk: Path):
    node = LiveNode(small_disk / "data")
    campaign = Campaign(node, seed=28)
    ledger = campaign.ledger
    ledger.text_chars = 8_000
    try:
        await node.start()
        assert await campaign.run_load(0.3) > 0
        filler = fill(small_disk)
        async with campaign.load():
            until = time.monotonic() + FULL_PATIENCE_S
            while ledger.answers[503] < 20:
                assert node.is_alive, node.last_words()
                assert time.monotonic() < until, f"never full: {ledger.answers}"
                await asyncio.sleep(0.05)
            await asyncio.sleep(2)
            # The worst of both: its database dies as well, and may not be able to start.
            for pid in node.servers():
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(4)
        before = len(ledger.acknowledged)
        print(f"full after {before} reports, answers {dict(ledger.answers)}")
        assert node.is_alive, node.last_words()
        assert (await node.ask("GET", "/health/live")).status == 200
        assert set(ledger.answers) <= {0, 200, 503}, ledger.answers
        answer = await node.ask("GET", "/health/ready")
        assert (answer.status, answer.json()["state"]) == (503, "disk_full")
        filler.unlink()
        await node.until_ready()
        ledger.text_chars = 0
        assert await campaign.run_load(0.5) > 0
        findings = await campaign.settle_and_check()
        assert node.starts == 1
        print(f"after room was made {len(ledger.acknowledged)}, answers {dict(ledger.answers)}")
    finally:
        node.stop()
    assert findings == []
