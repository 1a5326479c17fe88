"""The built graph in a folder, so that a node need not read the map file at every start.

One file for each source, named by the source's content and our rules: a kept graph is right or
it is not there. It is replaced as a whole.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import numpy as np

from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.graph import BuildReport, RoadGraph
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.reading_streets import read_streets

TABLES: Final = (".csv", ".csv.gz")
FOLDER: Final = "roads"
"""Where in the data folder graphs and orders are kept."""


def read_roads(path: Path, *, drives_on_left: bool = False) -> RoadGraph:
    """The graph of a map extract or a table of segments, by the file's name. `RoadsError`."""
    if path.name.endswith(TABLES):
        return read_streets(path)
    return read_osm(path, drives_on_left=drives_on_left)


def kept_roads(path: Path, folder: Path, *, drives_on_left: bool = False) -> RoadGraph:
    """As `read_roads`, from the folder where it is kept already; else it is kept there."""
    if not path.is_file():
        raise RoadsError("missing", name=path.name)
    with path.open("rb") as file:
        source = hashlib.file_digest(file, "sha256")
    # Our rules are this room's files: nobody has to remember to raise a number.
    for rules in sorted(Path(__file__).parent.glob("*.py")):
        source.update(rules.read_bytes())
    source.update(f"{drives_on_left}".encode())
    kept = folder / f"roads-{source.hexdigest()[:32]}.npz"
    graph = read_graph(kept)
    if graph is None:
        graph = read_roads(path, drives_on_left=drives_on_left)
        write_graph(kept, graph)
    return graph


def write_graph(path: Path, graph: RoadGraph) -> None:
    """Writes the graph to one file; makes the folder."""
    arrays: dict[str, Any] = {}
    for each in fields(graph):
        value: Any = getattr(graph, each.name)
        if isinstance(value, np.ndarray):
            arrays[each.name] = cast("Any", value)
    about = {"names": graph.names, "left": graph.drives_on_left, "report": graph.report}
    arrays["about"] = np.frombuffer(msgspec.json.encode(about), dtype=np.uint8)
    arrays["digest"] = np.frombuffer(graph.digest().encode(), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(path)


class _About(msgspec.Struct):
    names: tuple[str, ...]
    left: bool
    report: BuildReport


def read_graph(path: Path) -> RoadGraph | None:
    """A kept graph; None where there is none or it is damaged (its digest says so)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}
        about = msgspec.json.decode(arrays.pop("about").tobytes(), type=_About)
        digest = arrays.pop("digest").tobytes().decode()
        graph = RoadGraph(
            **arrays, names=about.names, drives_on_left=about.left, report=about.report
        )
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
        # None there, cut short, or of another format: it is built anew, and this one replaced.
        return None
    return graph if graph.digest() == digest else None
