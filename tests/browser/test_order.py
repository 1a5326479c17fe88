"""The board moves only what changed, and is always as if all of it had been sorted."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ORDER = Path("console/src/board/order.ts").resolve()
CAMPAIGN = Path(__file__).with_name("order_campaign.mjs")
PLANTED = {
    "a case that became late keeps its place": (
        "if (isOther || clockAt(each.item, each.due, now) !== each.clock)",
        "if (isOther)",
    ),
    "what went stays in its row": ("this.#isAnyGone ||= known.isShown;", ""),
    "equal deadlines by who came last": (
        " || a.item.priority - b.item.priority || (a.item.case < b.item.case ? -1 : 1)",
        "",
    ),
    "an exercise is counted": (" || entry.item.drill", ""),
    "another board's cases stay": ("changed === null || cases !== this.#cases", "changed === null"),
}


def campaign(folder: Path, seed: int, *plant: str) -> subprocess.CompletedProcess[str]:
    """3,000 random steps beside the plain way; ends with 1 where both differ."""
    node = shutil.which("node")
    if node is None and not os.environ.get("CI"):
        pytest.skip("no node: the console's sources can not be compiled")
    assert node
    # Vite is found from where the program lies.
    program = folder / CAMPAIGN.name
    shutil.copy(CAMPAIGN, program)
    (folder / "node_modules").symlink_to(Path("console/node_modules").resolve())
    command = [node, str(program), str(ORDER), str(seed), *plant]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_is_that_of_sorting_all(tmp_path: Path, seed: int) -> None:
    done = campaign(tmp_path, seed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "3000 steps\n"


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_found(tmp_path: Path, name: str) -> None:
    done = campaign(tmp_path, 1, *PLANTED[name])
    assert done.returncode == 1, name
    assert done.stdout.startswith("step "), done.stderr
