"""Every way in of a node: its routes, its own sockets, and what the operator set for it."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Coroutine
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from starlette.routing import BaseRoute

from tocsin import intakes
from tocsin.app.settings import Settings
from tocsin.runtime.intake_settings import FILE, Listener, Tables, read_intakes
from tocsin.runtime.services import Services


def intake_tables(settings: Settings) -> Tables:
    """What the operator set for the intakes. Raises IntakeError."""
    file = settings.intakes or settings.data / FILE
    return read_intakes(file, intake_codes(), settings.intakes is not None)


def intake_routes(services: Services) -> list[BaseRoute]:
    """The routes of every intake that has some: `routes(services)` in its `serve.py`."""
    found: list[BaseRoute] = []
    for serving in _intakes():
        if hasattr(serving, "routes"):
            found.extend(serving.routes(services))
    return found


def intake_runs(services: Services) -> dict[str, Coroutine[Any, Any, None]]:
    """What every intake with sockets of its own has to keep running, by its name:
    `run(services)` in its `serve.py`."""
    found = [each for each in _intakes() if hasattr(each, "run")]
    return {each.__name__.split(".")[-2]: _for_ever(each.run(services)) for each in found}


def intake_listeners(tables: Tables) -> list[Listener]:
    """Every port that the intakes open with these tables: `listens(tables)` in their `serve.py`.
    None where nothing is set for them. Raises IntakeError."""
    found: list[Listener] = []
    for serving in _intakes():
        if hasattr(serving, "listens"):
            found.extend(serving.listens(tables))
    return found


def intake_codes() -> tuple[str, ...]:
    """The codes of all intakes, by which their tables are called."""
    return tuple(
        tomllib.loads(_manifest(each).read_text(encoding="utf-8"))["intake"]["code"]
        for each in _intakes()
    )


def _intakes() -> list[ModuleType]:
    """`serve.py` of each folder under `intakes`, by name. A new folder is found by itself."""
    folders = sorted(each.name for each in iter_modules(intakes.__path__) if each.ispkg)
    return [import_module(f"{intakes.__name__}.{name}.serve") for name in folders]


def _manifest(serving: ModuleType) -> Path:
    return Path(str(serving.__file__)).with_name("manifest.toml")


async def _for_ever(run: Coroutine[Any, Any, None]) -> None:
    """An intake for which nothing is set ends at once, and that is no fault."""
    await run
    await asyncio.Event().wait()
