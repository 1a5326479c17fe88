"""Writes docs/reference from the code: `.venv/bin/python tools/reference.py`.

Each page is a function of tables that the program itself works by, so that no page can say what
the program does not do. A test compares the committed pages with what would be written now.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast, get_args

from fastapi.routing import APIRoute

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "tocsin"
sys.path.insert(0, str(ROOT))

from tocsin.analytics.measures import EXCLUDED, MEASURES, STAGES  # noqa: E402
from tocsin.app.settings import SETTINGS  # noqa: E402
from tocsin.kernel.alarms import machine as alarm_machine_tables  # noqa: E402
from tocsin.kernel.alarms import vocabulary as alarm_vocabulary  # noqa: E402
from tocsin.kernel.alarms.state import Condition  # noqa: E402
from tocsin.kernel.assets import machine as asset_machine_tables  # noqa: E402
from tocsin.kernel.assets import vocabulary as asset_vocabulary  # noqa: E402
from tocsin.kernel.assets.state import AssetStatus  # noqa: E402
from tocsin.kernel.cases import vocabulary  # noqa: E402
from tocsin.kernel.cases.machine import MACHINE, Rule, Step  # noqa: E402
from tocsin.kernel.cases.state import Status  # noqa: E402
from tocsin.kernel.units import machine as unit_machine_tables  # noqa: E402
from tocsin.kernel.units import vocabulary as unit_vocabulary  # noqa: E402
from tocsin.kernel.units.state import UnitStatus  # noqa: E402
from tocsin.packs.reference import reference as pack_keys  # noqa: E402
from tocsin.packs.words import word  # noqa: E402
from tocsin.web import matrix, permissions, problems  # noqa: E402
from tocsin.web.app import create_app  # noqa: E402
from tocsin.web.metrics import Metrics  # noqa: E402
from tocsin.web.openapi import openapi  # noqa: E402
from tocsin.web.options import WebOptions  # noqa: E402
from tocsin.web.texts import text_of  # noqa: E402
from tools.limits import named_limits  # noqa: E402
from tools.log_lines import log_lines  # noqa: E402
from tools.markdown import NOTE, code, page, table  # noqa: E402

Page = Callable[[], str]


# -- settings --------------------------------------------------------------------------


def settings() -> str:
    """Every setting with its variable, kind, default, unit and promise in both languages."""

    def default(value: object) -> str:
        if isinstance(value, tuple):
            return code(str(each) for each in cast(tuple[object, ...], value))
        return "" if value in ("", None) else f"`{value}`"

    rows = [
        (f"`{each.variable}`", each.kind, default(each.default), each.unit, each.doc, each.doc_zh)
        for each in SETTINGS
    ]
    return page(
        "Settings",
        "Each is read from, the later over the earlier: its default, a TOML file (`--config FILE` "
        "or `TOCSIN_CONFIG`; there the name is in small letters without the prefix), the variable, "
        "the command line (`--small-letters-with-dashes`). An unknown key stops the start.",
        table(("variable", "kind", "default", "unit", "meaning", "含义"), rows),
    )


# -- commands and events ---------------------------------------------------------------


def meanings() -> Mapping[str, Mapping[str, str]]:
    """The sentences for names without a docstring, by `commands` and `events`."""
    return tomllib.loads((ROOT / "tools" / "meanings.toml").read_text(encoding="utf-8"))


def own_words(named: type) -> str | None:
    """A class's own docstring as one line; None where there is only what dataclass writes."""
    found = named.__doc__ or ""
    return None if found.startswith(f"{named.__name__}(") else " ".join(found.split()) or None


def _members(union: object) -> tuple[type, ...]:
    return get_args(union)


def _fields(named: type) -> str:
    shown: list[str] = []
    for each in fields(named):
        is_optional = each.default is not MISSING or each.default_factory is not MISSING
        shown.append(f"`{each.name}`: {each.type}" + (" (optional)" if is_optional else ""))
    return "; ".join(shown)


def commands_and_events() -> str:
    """Every command and event of a case and of a unit: its meaning and its fields."""
    kept = meanings()

    def rows(union: object, kind: str) -> Iterable[Sequence[object]]:
        for each in _members(union):
            meaning = own_words(each) or kept[kind].get(each.__name__, "")
            yield f"`{each.__name__}`", meaning, _fields(each)

    return page(
        "Commands and events",
        "A command asks; an event says what happened. Their names are in the journal for ever: "
        "fields are only added, and optional.",
        "## Commands",
        table(("command", "meaning", "fields"), rows(vocabulary.Command, "commands")),
        "## Events",
        table(("event", "meaning", "fields"), rows(vocabulary.Event, "events")),
        "## Commands on a unit",
        table(("command", "meaning", "fields"), rows(unit_vocabulary.Command, "commands")),
        "## Events of a unit",
        table(("event", "meaning", "fields"), rows(unit_vocabulary.Event, "events")),
        "## Commands on an asset",
        table(("command", "meaning", "fields"), rows(asset_vocabulary.Command, "commands")),
        "## Events of an asset",
        table(("event", "meaning", "fields"), rows(asset_vocabulary.Event, "events")),
        "## Commands on an alarm",
        table(("command", "meaning", "fields"), rows(alarm_vocabulary.Command, "commands")),
        "## Events of an alarm",
        table(("event", "meaning", "fields"), rows(alarm_vocabulary.Event, "events")),
    )


# -- the machine -----------------------------------------------------------------------


def _events(rule: Rule) -> str:
    fast = code(each.__name__ for each in rule.fast_leads_to)
    slow = code((each.__name__ for each in rule.leads_to), "no change of state or clock")
    return f"{slow}; fast path: {fast}" if fast else slow


def _who(rule: Rule) -> str:
    who = ", ".join(rule.kinds)
    if rule.roles:
        who += f"; staff as {', '.join(rule.roles)}"
    return who + (f"; not the {', '.join(rule.unlike)}" if rule.unlike else "")


def _step_does(step: Step) -> str:
    said = [f"becomes `{step.to}`"] if step.to else []
    said += ["becomes what it was before the merge"] if step.restores else []
    said += [f"starts {code(step.starts)}"] if step.starts else []
    if step.stops:
        said.append("stops every clock" if step.ends else f"stops {code(step.stops)}")
    said += ["pauses"] if step.pauses else []
    said += ["resumes"] if step.resumes else []
    return "; ".join(said) or "state and clocks stay"


def edges() -> list[tuple[str, str, str]]:
    """(from, event, to) wherever an event changes the status, in the order of the statuses."""
    found: set[tuple[str, str, str]] = set()
    for rule in MACHINE.rules.values():
        for event in (*rule.leads_to, *rule.fast_leads_to):
            step = MACHINE.steps[event]
            sources = (*rule.sources, *rule.fast) if step.sources is None else step.sources
            for source in sources:
                if step.to is not None and step.to != source:
                    found.add((source, event.__name__, step.to))
    order = {status: place for place, status in enumerate(get_args(Status))}
    return sorted(found, key=lambda edge: (order[edge[0]], order[edge[2]], edge[1]))


def case_machine() -> str:
    """The tables of the machine, and its graph."""
    joined: dict[tuple[str, str], list[str]] = {}
    for source, event, to in edges():
        joined.setdefault((source, to), []).append(event)
    graph = [f"  {source} --> {to}: {', '.join(how)}" for (source, to), how in joined.items()]
    rules = [
        (
            f"`{rule.command.__name__}`",
            code(rule.sources) + (f"; fast path: {code(rule.fast)}" if rule.fast else ""),
            _who(rule),
            _events(rule),
            code(rule.reasons),
        )
        for rule in MACHINE.rules.values()
    ]
    steps = [(f"`{step.event.__name__}`", _step_does(step)) for step in MACHINE.steps.values()]
    return page(
        "The machine of a case",
        "The tables of `kernel/cases/machine.py`. `decide` and `evolve` read them; `make check` "
        "lints them. Un-merge leads back to the state before the merge and is not drawn.",
        "```mermaid\nstateDiagram-v2\n" + "\n".join(graph) + "\n```",
        "## Who may ask what, from where",
        "Every command may also be refused as `not_found`, `not_from_here` or `not_your_role`.",
        table(("command", "from", "by", "events", "own refusals"), rules),
        "## What follows an event",
        table(("event", "what follows"), steps),
    )


def unit_machine() -> str:
    """The tables of a unit's machine, and its graph."""
    moves = [(f"`{source}`", code(to)) for source, to in unit_machine_tables.MOVES.items()]
    return _machine_page(
        "The machine of a unit",
        "The tables of `kernel/units/machine.py`. `decide` and `evolve` read them; `make check` "
        "lints them. What a unit does on a case, the case sees in the same transaction.",
        unit_machine_tables,
        get_args(UnitStatus),
        "## What a crew may report",
        "A forgotten button is no reason to refuse the next.",
        table(("from", "to"), moves),
    )


def _machine_page(title: str, about: str, tables: Any, states: Sequence[str], *more: str) -> str:
    """The tables of a machine with one status, and its graph."""
    order = {status: place for place, status in enumerate(states)}
    joined: dict[tuple[str, str], list[str]] = {}
    for source, event, to in sorted(
        set(tables.edges()), key=lambda edge: (order[edge[0]], order[edge[2]], edge[1])
    ):
        if source != to:
            joined.setdefault((source, to), []).append(event)
    graph = [f"  {source} --> {to}: {', '.join(how)}" for (source, to), how in joined.items()]
    rules = [
        (
            f"`{rule.command.__name__}`",
            code(rule.sources),
            code(rule.repeats),
            code(each.__name__ for each in rule.leads_to),
            code(rule.reasons),
        )
        for rule in tables.RULES.values()
    ]
    return page(
        title,
        about,
        "```mermaid\nstateDiagram-v2\n" + "\n".join(graph) + "\n```",
        "## Which command, from where",
        f"Every command may also be refused as {code(tables.COMMON_REASONS)}.",
        table(("command", "from", "nothing to do in", "events", "own refusals"), rules),
        *more,
    )


def alarm_machine() -> str:
    """The tables of an alarm's machine."""
    return _machine_page(
        "The machine of an alarm",
        "The tables of `kernel/alarms/machine.py`. The condition is drawn; acknowledgement, latch "
        "and standing (why it is not announced) lie beside it, after ISA-18.2 and OPC UA Part 9. "
        "An alarm closes once its condition is over, a person has seen it, its latch was let go "
        "and its case has ended.",
        alarm_machine_tables,
        get_args(Condition),
    )


def asset_machine() -> str:
    """The tables of an asset's machine."""
    return _machine_page(
        "The machine of an asset",
        "The tables of `kernel/assets/machine.py`. Planned work and shelves have an end of their "
        "own and are no status; when an asset was heard is telemetry and not its state.",
        asset_machine_tables,
        get_args(AssetStatus),
    )


# -- refusals, measures, pack ----------------------------------------------------------


def refusals() -> str:
    """Every reason to say no, with its HTTP status and both texts."""
    rows = [
        (f"`{reason}`", problems.STATUS[reason], text_of(reason, "en"), text_of(reason, "zh-CN"))
        for reason in problems.REASONS
    ]
    return page(
        "Refusals",
        "An expected no has one of these reasons. The API answers with a problem document (RFC "
        "9457) whose `reason` is stable and whose `detail` is this text in the reader's language.",
        table(("reason", "HTTP", "English", "中文"), rows),
    )


def measures() -> str:
    """Every measure: what it counts, out of what, without what."""

    def both(words: Iterable[tuple[str, str]]) -> str:
        return " · ".join(text for _, text in words)

    rows = [
        (f"`{each.code}`", both(each.title), *_formula(each.formula), both(each.excluded))
        for each in MEASURES
    ]
    stages = [(f"`{stage}`", f"`{start}`", f"`{end}`") for stage, start, end in STAGES]
    return page(
        "Measures",
        "A measure is a share: numerator over denominator, both lists of cases that can be opened. "
        f"None counts {dict(EXCLUDED)['en']}.",
        table(("code", "title", "numerator", "denominator", "分子", "分母", "excluded"), rows),
        "## Times of stages",
        "Median and 90th percentile, nearest rank, seconds of elapsed time, over the cases that "
        "finished the stage.",
        table(("stage", "from", "to"), stages),
    )


def _formula(formula: Iterable[tuple[str, str]]) -> tuple[str, str, str, str]:
    """Numerator and denominator, first in English, then in Chinese."""
    words = dict(formula)
    (en_top, en_bottom), (zh_top, zh_bottom) = (
        [part.strip() for part in words[language].split("/" if "/" in words[language] else "／")]
        for language in ("en", "zh-CN")
    )
    return en_top, en_bottom, zh_top, zh_bottom


def pack_format() -> str:
    """Every key of a pack, from the reader's own tables."""
    head, _, rest = pack_keys().partition("\n")
    return f"{head}\n\n{NOTE}\n{rest}"


# -- the web rim -----------------------------------------------------------------------


def permissions_page() -> str:
    """The one policy table, and who may open what for which purpose."""

    def roles(names: Iterable[str]) -> str:
        given = set(names)
        return ", ".join(role for role in permissions.ROLES if role in given)

    rows = [
        (
            f"`{rule.operation}`",
            rule.scope,
            roles(rule.roles),
            f"`{rule.key}`" if rule.key else "",
            "yes" if rule.writes else "",
        )
        for rule in permissions.RULES.values()
    ]
    named = [(f"`{role}`", word("role", role, "en"), word("role", role, "zh-CN"))
             for role in permissions.ROLES]  # fmt: skip
    purposes = [
        (f"`{purpose}`", roles(holders)) for purpose, holders in permissions.PURPOSES.items()
    ]
    return page(
        "Permissions",
        "Every check of the API comes from this table. Scope: `open` nobody signs in, `account` "
        "anyone signed in, `role` one of the roles anywhere, `county` one of the roles over a "
        "whole county, `case` one of the roles over the place or agency of the case in question, "
        "`unit` one of the roles over the home or agency of the unit in question, `device` one of "
        "the roles over the areas of the asset or alarm in question.",
        "## Roles",
        table(("role", "English", "中文"), named),
        "## Operations",
        table(("operation", "scope", "roles", "API key scope", "writes"), rows),
        "## Where a role reaches",
        "Where the rights of a role lie, seen from a case, a unit or a device in one cell with one "
        "agency at work. The letters are those of the next table.",
        table(
            ("letter", "position", "here"),
            [(each.letter, each.name, each.words) for each in matrix.POSITIONS],
        ),
        "## Every operation, role and position",
        "A letter stands where somebody with only that role, only there, gets past the gate and "
        "the reach; `all` for every position. A cell without letters is refused. What anybody may "
        "do is left out. With a right that ended, an account or a key that was switched off, and "
        "without signing in, all but `open` is refused; a key needs its scope besides.",
        table(("operation", *(f"`{role}`" for role in permissions.ROLES)), matrix.rows()),
        "## Opening sealed values",
        table(("purpose", "roles"), purposes),
    )


def application() -> Any:
    """The API's routes without a node behind them."""
    none = cast(Any, None)
    return create_app(none, none, WebOptions())


def http_api() -> str:
    """Every route of the API with its operation and its promise."""
    app = application()
    document = openapi(app)
    rows: list[Sequence[object]] = []
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                found = document["paths"].get(route.path, {}).get(method.lower(), {})
                rows.append(
                    (method, f"`{route.path}`", f"`{route.operation_id}`",
                     found.get("summary") or route.summary or "")
                )  # fmt: skip
    return page(
        "HTTP API",
        "The exact document, with shapes and examples, is served at `/api/openapi.json`. Open311 "
        "GeoReport v2 lies at `/open311`, see the [guide](../guides/open311-clients.md).",
        document["info"]["description"],
        table(("method", "path", "operation", "what it does"), rows),
    )


def metrics() -> str:
    """Every family of /metrics."""
    rows = [
        (
            f"`{family.name}{'_total' if family.type == 'counter' else ''}`",
            family.type,
            code(_labels(name)),
            family.documentation,
        )
        for name, family in _families()
    ]
    return page(
        "Metrics",
        "`/metrics` speaks OpenMetrics. No label holds anything personal; `route` is a template, "
        "never a path. What to watch at night: [run a node](../guides/run-a-node.md).",
        table(("name", "kind", "labels", "meaning"), rows),
    )


_REGISTRY = Metrics()


def _families() -> Iterable[tuple[Any, Any]]:
    collectors = cast(Any, _REGISTRY.registry)._collector_to_names
    for collector in collectors:
        for family in collector.collect():
            yield collector, family


def _labels(collector: Any) -> Sequence[str]:
    return cast(Sequence[str], collector._labelnames)


def limits() -> str:
    """Every named limit with its reason, from the source."""
    rows = [
        (f"`{each.name}`", f"`{each.value}`", f"`{each.where}`", each.reason)
        for each in named_limits(SOURCE)
        if each.reason
    ]
    return page(
        "Limits",
        "Named constants of the source that bound something, with their reasons. What an operator "
        "may change is in [settings](settings.md).",
        table(("name", "value", "where", "why"), rows),
    )


def logs() -> str:
    """Every line of the process's log: its name, its levels, what stands in it, who writes it."""
    rows = [
        (f"`{each.name}`", code(each.levels), code(each.fields), f"`{each.where}`")
        for each in log_lines(SOURCE)
    ]
    return page(
        "Logs",
        "The process writes one JSON object a line to its standard error: the instant in UTC, the "
        "level, the name of the event and its fields. Nothing personal stands in it: what may be "
        "is masked by name, and an exception is its type and places without its words. Where the "
        "lines go, who reads them and how long they are kept is the operator's choice (journald "
        "keeps them where only root and `adm` read). What was done in a case, by whom, stands in "
        "the journal and the log of the node, which no line here replaces. Libraries add lines of "
        "their own by the same form.",
        table(("event", "levels", "fields", "where"), rows),
    )


PAGES: Mapping[str, Page] = {
    "settings.md": settings,
    "commands-and-events.md": commands_and_events,
    "case-machine.md": case_machine,
    "alarm-machine.md": alarm_machine,
    "asset-machine.md": asset_machine,
    "unit-machine.md": unit_machine,
    "refusals.md": refusals,
    "measures.md": measures,
    "pack-format.md": pack_format,
    "permissions.md": permissions_page,
    "http-api.md": http_api,
    "metrics.md": metrics,
    "limits.md": limits,
    "logs.md": logs,
}


def index() -> str:
    """The list of pages."""
    rows = [(f"[{name}]({name})", (made.__doc__ or "").strip()) for name, made in PAGES.items()]
    return page("Reference", table(("page", "what it holds"), rows))


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {"README.md": index(), **{name: made() for name, made in PAGES.items()}}


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (TARGET / name).write_text(text, encoding="utf-8")
    print(f"{len(PAGES) + 1} pages written to {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
