"""The folder of a built map: what lies in it, and how it changes as a whole.

`meta.json` names the tiles and the gazetteer it belongs to, by their content; it is replaced
last. A reader sees the old map or the new one, never a part of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tocsin.geography.gazetteer import Content, Gazetteer

META: Final = "meta.json"
FOLDER: Final = "map"
"""Where in the data folder the map is kept."""
META_BYTES_MAX: Final = 100_000  # ours has under a thousand
GAZETTEER_BYTES_MAX: Final = 1_000_000_000  # a hundred times the largest county seen


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a built map. `source` says from which file and by which rules."""

    source: str
    tiles: str
    gazetteer: str
    etag: str
    bounds: tuple[float, float, float, float]
    center: tuple[float, float]
    minzoom: int
    maxzoom: int
    languages: tuple[str, ...]
    attribution: str
    bytes: int


class MapFolder:
    """Reads a built map. Looks whether there is a newer one at every call: one `stat`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_building = False
        self._seen: tuple[int, int, int] | None = None
        self._meta: Meta | None = None
        self._gazetteer: tuple[str, Gazetteer] | None = None

    def meta(self) -> Meta | None:
        """The map that is there now; None when there is none or it is damaged."""
        try:
            about = (self.folder / META).stat()
            seen = about.st_mtime_ns, about.st_ino, about.st_size
            if seen != self._seen:
                self._meta = read_meta(self.folder)
                self._seen = seen
        except (OSError, ValueError, msgspec.MsgspecError):
            # No file, or none of ours: as good as no map, and looked at again next time.
            self._meta, self._seen = None, None
        return self._meta

    @property
    def knows_places(self) -> bool:
        """Whether the gazetteer of the map that is there now is in memory."""
        meta = self.meta()
        return meta is not None and self._gazetteer is not None and (
            self._gazetteer[0] == meta.gazetteer
        )  # fmt: skip

    def gazetteer(self) -> Gazetteer | None:
        """What the map names; read at the first call, which takes a while for a large map."""
        meta = self.meta()
        if meta is None:
            return None
        if self._gazetteer is None or self._gazetteer[0] != meta.gazetteer:
            try:
                content = read_content(self.folder / meta.gazetteer)
            except (OSError, ValueError, msgspec.MsgspecError):
                # Removed under our hands by a newer map, or damaged: the next call looks anew.
                return None
            self._gazetteer = meta.gazetteer, Gazetteer(content)
        return self._gazetteer[1]


def read_meta(folder: Path) -> Meta:
    """Raises OSError where there is none, ValueError where it is damaged or names other files
    than its folder's own."""
    with (folder / META).open("rb") as file:
        meta = msgspec.json.decode(file.read(META_BYTES_MAX), type=Meta)
    if any(Path(name).name != name for name in (meta.tiles, meta.gazetteer)):
        raise ValueError("a map's files lie beside its meta.json")
    return meta


def read_content(path: Path) -> Content:
    """What `write_content` wrote. Raises OSError, ValueError."""
    if path.stat().st_size > GAZETTEER_BYTES_MAX:
        raise ValueError("the gazetteer is too large")
    return msgspec.json.decode(path.read_bytes(), type=Content)


def write_content(path: Path, content: Content) -> None:
    """Writes what the map names to one file."""
    path.write_bytes(msgspec.json.encode(content))
