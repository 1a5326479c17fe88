"""A town to simulate, as one TOML file: its log, stations, roads, demand, fleet and targets.

Files it names are looked for in a folder given by the caller: data have their own licences and
places. Everything that is wrong with a scenario is found at once (`PackError`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from tocsin.packs.load import read_toml
from tocsin.packs.reading import Finding, PackError, Reader
from tocsin.simulation.dispatch.form import LogForm, form_of
from tocsin.simulation.dispatch.roads import ArcsForm, arcs_of
from tocsin.simulation.dispatch.stages import Stages, stages_of
from tocsin.simulation.dispatch.states import Position
from tocsin.simulation.dispatch.town import Town, place_of, places_from, town_of
from tocsin.simulation.dispatch.tuning import Tuning, tuning_of

PACKAGE: Final = "tocsin.simulation.dispatch"
LANGUAGES: Final = ("en", "zh-CN")
ROADS: Final = ("straight", "sf_streets", "arcs")
DEFAULT_LATE_S: Final = {"high": 600, "low": 1_200, "cover": 240}
"""Ten minutes from receipt to arrival for high priority: what San Francisco promises for code 3
(its emergency medical policy: 90 % within 10 minutes, ambulance); twice that for the rest.
`cover`: whoever is so near by road covers a place; NFPA 1710 (2020) gives the first engine 240 s
of travel."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a TOML file says. `form` and `log_file` are None where a town is described by rates."""

    name: str
    title: Mapping[str, str]
    form: LogForm | None
    log_file: str | None
    stations: Mapping[str, Position]
    posts_only: frozenset[str]
    roads_kind: str
    roads_file: str | None
    arcs: ArcsForm | None
    town: Town
    late_s: Mapping[str, float]
    stages: Stages | None
    tuning: Tuning
    seed: int

    def posts(self) -> dict[str, Position]:
        """Where units may wait: the stations that are more than a depot."""
        return {name: place for name, place in self.stations.items() if name not in self.posts_only}


def builtin_names() -> tuple[str, ...]:
    """The scenarios that come with Tocsin."""
    folder = files(PACKAGE) / "scenarios"
    names = (each.name for each in folder.iterdir())
    return tuple(sorted(name[:-5].replace("_", "-") for name in names if name.endswith(".toml")))


def find_scenario(name: str) -> Path:
    """The file of a built-in scenario, or the path itself. Raises PackError when there is none."""
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    if name in builtin_names():
        return Path(str(files(PACKAGE) / "scenarios" / f"{name.replace('-', '_')}.toml"))
    known = ", ".join(builtin_names())
    raise PackError(
        [Finding(name, "missing", f"no such file, and no scenario; there are: {known}")]
    )


def load_scenario(path: Path, data: Path) -> Scenario:
    """Read a scenario and the stations it names from the folder of data. Raises PackError."""
    bad: list[Finding] = []
    table = read_toml(path, bad)
    if bad:
        raise PackError(bad)
    reader = Reader(table, path.name, bad)
    form, log_file = None, None
    if reader.has("log"):
        log = reader.table("log")
        form, log_file = form_of(log), log.text("file", "-")
        log.close()
        log_file = None if log_file == "-" else log_file
    stations, posts_only = _stations(reader, data)
    roads = reader.table("roads")
    roads_kind = roads.one_of("kind", ROADS, "straight")
    roads_file = roads.text("file", "-")
    arcs = arcs_of(roads.table("arcs")) if roads.has("arcs") else None
    if roads_kind == "arcs" and arcs is None:
        roads.find("arcs", "missing", "says which columns hold what")
    roads.close()
    late = reader.table("late_s")
    late_s = {
        name: float(late.whole(name, usual_s, 1, 86_400))
        for name, usual_s in DEFAULT_LATE_S.items()
    }
    late.close()
    stages = _stages(reader, path)
    tuning = reader.table("tuning")
    tuned = tuning_of(tuning, late_s["cover"])
    tuning.close()
    scenario = Scenario(
        name=path.stem.replace("_", "-"),
        title=reader.words("title", LANGUAGES),
        form=form,
        log_file=log_file,
        stations=stations,
        posts_only=posts_only,
        roads_kind=roads_kind,
        roads_file=None if roads_file == "-" else roads_file,
        arcs=arcs,
        town=town_of(reader, stations, data, has_log=log_file is not None),
        late_s=late_s,
        stages=stages,
        tuning=tuned,
        seed=reader.whole("seed", 1, 0, 2**31 - 1),
    )
    reader.close()
    if bad:
        raise PackError(bad)
    return scenario


def _stages(reader: Reader, path: Path) -> Stages | None:
    """The table `[stages]`, or the file beside the scenario that `stages` names."""
    value = reader.value("stages")
    if value is None:
        return None
    if isinstance(value, str):
        return read_stages(path.parent / value, reader.findings)
    inner = reader.table("stages")
    stages = stages_of(inner)
    inner.close()
    return stages


def read_stages(path: Path, bad: list[Finding]) -> Stages | None:
    """The stages in a file, as `tocsin calibrate` writes it; None when it cannot be read."""
    if not path.is_file():
        bad.append(Finding(path.name, "missing", "there is no such file of stages"))
        return None
    inner = Reader(read_toml(path, bad), path.name, bad)
    stages = stages_of(inner)
    inner.close()
    return stages


def read_tuning(path: Path, scenario: Scenario, bad: list[Finding]) -> Tuning:
    """The table `[tuning]` of a file, as `tocsin tune` writes it; the scenario's own if it is not
    there to read."""
    if not path.is_file():
        bad.append(Finding(path.name, "missing", "there is no such file of numbers"))
        return scenario.tuning
    inner = Reader(read_toml(path, bad), path.name, bad).table("tuning")
    found = tuning_of(inner, scenario.late_s["cover"])
    inner.close()
    return found


def _stations(reader: Reader, data: Path) -> tuple[dict[str, Position], frozenset[str]]:
    table = reader.table("stations")
    posts_only = frozenset(table.texts("posts_only"))
    found: dict[str, Position] = {}
    for row in table.tables("list"):
        identity = row.text("id")
        found[identity] = place_of(row)
    if table.has("file"):
        found |= places_from(table, data)
    table.close()
    if not found:
        reader.find("stations", "missing", "a town needs a station")
    return found, posts_only
