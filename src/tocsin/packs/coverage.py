"""`tocsin pack coverage`: each grid cell and case type has an owner at every hour, or it fails."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Literal

from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import AgencyId, AreaId, AreaPath
from tocsin.packs.conditions import (
    MINUTES_PER_DAY,
    WEEKDAYS,
    Answer,
    Hours,
    Moment,
    Weekday,
    Workday,
    clock_text,
    leaves,
)
from tocsin.packs.model import CaseType, Pack
from tocsin.packs.words import word

# More combinations than this cannot be understood by whoever wrote the rules.
MAX_MOMENTS = 2_000
_NOWHERE = AreaPath(AreaId(""), AreaId(""), AreaId(""), AreaId(""))


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A place where a case type has no owner. `when` names one moment at which it shows."""

    case_type: str
    cell: AreaId
    problem: Literal["no_route", "no_agency"]
    agency: AgencyId | Literal[""]
    when: str

    def __str__(self) -> str:
        agency = f" {self.agency}" if self.agency else ""
        return f"{self.cell} {self.case_type}: {self.problem}{agency} ({self.when})"


def paths_of(atlas: Atlas) -> tuple[AreaPath, ...]:
    """The path of every grid cell of an atlas, by id of the cell."""
    cells = atlas.tier("cell")
    return tuple(AreaPath(*reversed((cell.id, *atlas.parents(cell.id)))) for cell in cells)


def agencies_of(pack: Pack, cells: Iterable[AreaPath]) -> frozenset[AgencyId]:
    """Every agency of the pack in every area of its tier: who exists if the county is complete."""
    paths = tuple(cells)
    return frozenset(
        pack.agency_id(agency.code, path) for agency in pack.agencies.values() for path in paths
    )


def coverage(
    pack: Pack,
    cells: Atlas | Iterable[AreaPath],
    agencies_existing: Container[AgencyId] | None = None,
) -> list[Gap]:
    """Every gap, sorted; one entry for each type, cell and missing agency.

    `cells` are the paths of all grid cells, or the atlas that has them. `agencies_existing` are
    those that really are there (None: all that the pack names). For every type, all classes of
    hours, weekdays, workdays and answers that its rules tell apart are tried. Agencies that
    assist must exist, too.
    """
    paths = paths_of(cells) if isinstance(cells, Atlas) else tuple(cells)
    if agencies_existing is None:
        agencies_existing = agencies_of(pack, paths)
    moments = {code: moments_of(case_type) for code, case_type in pack.case_types.items()}
    found: dict[tuple[str, str, str], Gap] = {}
    for cell in paths:
        for code, case_type in pack.case_types.items():
            for moment in moments[code]:
                for gap in _gaps(pack, case_type, _at(moment, cell), agencies_existing):
                    found.setdefault((gap.case_type, gap.cell, gap.agency), gap)
    return sorted(found.values())


def _at(moment: Moment, cell: AreaPath) -> Moment:
    return Moment(cell, moment.minute, moment.weekday, moment.is_workday, moment.answers)


def _gaps(
    pack: Pack, case_type: CaseType, moment: Moment, existing: Container[AgencyId]
) -> Iterator[Gap]:
    choice = pack.match(case_type, moment)
    cell = moment.areas.cell
    if choice is None:
        yield Gap(case_type.code, cell, "no_route", "", _when(moment))
        return
    for agency in (choice.route.lead, *choice.route.assisting):
        if agency not in existing:
            yield Gap(case_type.code, cell, "no_agency", agency, _when(moment))


def moments_of(case_type: CaseType) -> tuple[Moment, ...]:
    """One moment for each class that the rules of a type tell apart, without a place."""
    minutes = {0}
    has_days = False
    answers: dict[str, set[str]] = {}
    for rule in case_type.rules:
        for leaf in leaves(rule.when):
            match leaf:
                case Hours(spans):
                    minutes.update(end % MINUTES_PER_DAY for span in spans for end in span)
                case Weekday() | Workday():
                    has_days = True
                case Answer(field, values, low, high):
                    ends = {str(end) for end in (low, high) if end is not None}
                    answers.setdefault(field, set()).update(values | ends)
                case _:
                    pass  # areas come with the cells
    days = range(len(WEEKDAYS)) if has_days else range(1)
    workdays = (True, False) if has_days else (True,)
    combined = product(sorted(minutes), days, workdays, _answers(answers))
    return tuple(Moment(_NOWHERE, *parts) for parts in islice(combined, MAX_MOMENTS))


def _answers(values: Mapping[str, set[str]]) -> Sequence[Mapping[str, tuple[str, ...]]]:
    fields = sorted(values)
    choices = [[(), *((value,) for value in sorted(values[field]))] for field in fields]
    return [
        dict(zip(fields, picked, strict=True)) for picked in islice(product(*choices), MAX_MOMENTS)
    ]


def _when(moment: Moment) -> str:
    answers = ", ".join(f"{key}={value[0]}" for key, value in moment.answers.items() if value)
    day = WEEKDAYS[moment.weekday] + ("" if moment.is_workday else " (no workday)")
    return f"{day} {clock_text(moment.minute)}" + (f", {answers}" if answers else "")


def coverage_text(pack: Pack, gaps: Sequence[Gap], language: str) -> str:
    """The gaps for people, one on a line."""
    lines: list[str] = []
    for gap in gaps:
        title = pack.in_language(pack.case_types[gap.case_type].title, language)
        what = word("gap", gap.problem, language)
        agency = f": {gap.agency}" if gap.agency else ""
        lines.append(f"{gap.cell}  {title} ({gap.case_type}): {what}{agency} [{gap.when}]")
    return "\n".join(lines)
