"""Kinds of alarms with their policy, the codes of senders that mean them, and kinds of assets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from tocsin.kernel.alarms.policy import AlarmPolicy, Limit, Opens
from tocsin.kernel.shared import CancelEffect
from tocsin.packs.reading import Problem, Reader, nearest

Words = Mapping[str, str]

DELAY_MAX_S: Final = 3_600
"""A condition that may wait longer than an hour before anybody hears of it is no alarm."""
SHELF_MAX_S: Final = 7 * 86_400
"""Longer on a shelf is out of service, with a work order."""
REALARM_MAX_S: Final = 86_400
"""Told again once a day at the least, or it is forgotten."""
CHATTER_MAX: Final = 20
"""As many raises as an alarm remembers one by one."""
UNCLEAR: Final = "unclear"
"""The kind of what nobody could read: it is kept, and a person looks."""
OPENS: Final[tuple[Opens, ...]] = get_args(Opens)
CANCELS: Final[tuple[CancelEffect, ...]] = get_args(CancelEffect)
CANCEL_MAX_S: Final = 900
"""After a quarter of an hour people are there: they end it, and no number."""
TEST_DAYS_MAX: Final = 92
"""A button that nobody presses for a quarter of a year is not known to work."""
LEVEL_MAX: Final = 4
"""The highest level of ANSI/TMA AVS-01."""
SHELVING_ROLES: Final = ("call_taker", "dispatcher", "grid_worker", "agency_handler", "supervisor")


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One kind of alarm: what it is called, its policy without a version, which codes of which
    intake mean it, and with which codes a panel says that its user took it back."""

    code: str
    name: Words
    policy: AlarmPolicy
    codes: tuple[tuple[str, str], ...] = ()
    panel_cancel_codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AssetKind:
    """A kind of device or facility. The silence of one that guards lives is shown one by one.
    `test_days`: how often each of them is pressed on test; 0 where nobody does."""

    code: str
    name: Words
    is_life_safety: bool = False
    test_days: int = 0


def read_asset_kinds(pack: Reader, languages: Sequence[str]) -> Mapping[str, AssetKind]:
    """The list `[[asset_kind]]` of a pack, by code."""
    found: dict[str, AssetKind] = {}
    for reader in pack.tables("asset_kind"):
        code = reader.text("code")
        if code in found:
            reader.find("code", "duplicate", f"asset kind {code} is there twice")
        words = reader.words("name", tuple(languages))
        found[code] = AssetKind(
            code,
            words,
            reader.flag("life_safety", False),
            reader.whole("test_days", 0, 0, TEST_DAYS_MAX),
        )
        reader.close()
    return found


def read_alarm_kinds(pack: Reader, languages: Sequence[str]) -> Mapping[str, AlarmKind]:
    """The list `[[alarm_kind]]` of a pack, by code."""
    found: dict[str, AlarmKind] = {}
    meant: dict[tuple[str, str], str] = {}
    for reader in pack.tables("alarm_kind"):
        code = reader.text("code")
        if code in found:
            reader.find("code", "duplicate", f"alarm kind {code} is there twice")
        codes = _codes(reader.table("codes"))
        for each in codes:
            if each in meant:
                text = f"code {each[1]} of {each[0]} means {meant[each]} already"
                reader.find("codes", "duplicate", text)
            meant[each] = code
        names = reader.words("name", tuple(languages))
        cancels = _codes(reader.table("panel_cancel_codes"))
        found[code] = AlarmKind(code, names, _policy(reader, code), codes, cancels)
        reader.close()
    return found


def _codes(table: Reader) -> tuple[tuple[str, str], ...]:
    """(intake, code) of every code that means the kind."""
    return tuple((source, code) for source in table.names() for code in table.texts(source))


def _policy(reader: Reader, code: str) -> AlarmPolicy:
    return AlarmPolicy(
        code,
        "",
        priority=reader.whole("priority", 3, 1, 4),
        is_life_safety=reader.flag("life_safety", False),
        momentary=reader.flag("momentary", False),
        latching=reader.flag("latching", False),
        silent=reader.flag("silent", False),
        drill=reader.flag("drill", False),
        cancel=cast(CancelEffect, reader.one_of("cancel", CANCELS, "lower")),
        cancel_s=reader.whole("cancel_s", 0, 0, CANCEL_MAX_S),
        cancel_priority=reader.whole("cancel_priority", 2, 1, 4),
        panel_cancel=cast(CancelEffect, reader.one_of("panel_cancel", CANCELS, "note")),
        panel_cancel_s=reader.whole("panel_cancel_s", 0, 0, CANCEL_MAX_S),
        on_delay_s=reader.whole("on_delay_s", 0, 0, DELAY_MAX_S),
        off_delay_s=reader.whole("off_delay_s", 0, 0, DELAY_MAX_S),
        fleeting_s=reader.whole("fleeting_s", 0, 0, DELAY_MAX_S),
        chatter_count=reader.whole("chatter_count", 3, 0, CHATTER_MAX),
        chatter_window_s=reader.whole("chatter_window_s", 60, 1, DELAY_MAX_S),
        realarm_s=reader.whole("realarm_s", 0, 0, REALARM_MAX_S),
        opens=cast(Opens, reader.one_of("opens", OPENS, "never")),
        opens_level=reader.whole("opens_level", 2, 1, LEVEL_MAX),
        level=reader.whole("level", 1, 0, LEVEL_MAX),
        confirmed_level=reader.whole("confirmed_level", 2, 0, LEVEL_MAX),
        case_type=reader.text("case_type", "") if reader.has("case_type") else "",
        shelve_s=_shelves(reader.table("shelve_s")),
        limits=tuple(_limit(each) for each in reader.tables("limit")),
    )


def _shelves(table: Reader) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for role in table.names():
        if role not in SHELVING_ROLES:
            hint = nearest(role, SHELVING_ROLES)
            table.find(role, "dangling", f"is no role that may shelve{hint}")
        found.append((role, table.whole(role, 0, 0, SHELF_MAX_S)))
    return tuple(found)


def _limit(reader: Reader) -> Limit:
    limit = Limit(
        reader.text("reading"),
        _number(reader, "above"),
        _number(reader, "below"),
        _number(reader, "dead_band") or 0.0,
    )
    if limit.above is None and limit.below is None:
        reader.find("above", "missing", "a limit has a value above or below which it is crossed")
    reader.close()
    return limit


def _number(reader: Reader, key: str) -> float | None:
    value = reader.value(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        reader.find(key, "bad_value", "must be a number")
        return None
    return float(value)


def kind_defects(
    kinds: Mapping[str, AlarmKind], case_types: Sequence[str]
) -> Iterator[tuple[str, Problem, str]]:
    """Kinds that could never do what they say."""
    for kind in kinds.values():
        where, policy = f"alarm_kind {kind.code}", kind.policy
        if policy.opens != "never" and not policy.case_type:
            yield where, "missing", "it opens a case: name its case_type"
        if policy.case_type and policy.case_type not in case_types:
            hint = nearest(policy.case_type, case_types)
            yield where, "dangling", f"there is no case type {policy.case_type!r}{hint}"
        if policy.opens == "from_level" and policy.opens_level <= policy.level:
            text = "a bare signal reaches opens_level: say at_once instead"
            yield where, "bad_value", text
        if policy.is_life_safety and policy.on_delay_s > LIFE_SAFETY_DELAY_MAX_S:
            text = f"life does not wait {policy.on_delay_s} s"
            yield where, "cannot_be_kept", text
        if policy.drill and not policy.momentary:
            text = "only what is pressed is drilled: a condition goes on after the drill"
            yield where, "bad_value", text
        if policy.cancel_s and policy.cancel_priority < policy.priority:
            yield where, "bad_value", "taking it back would make its case more urgent"
        if policy.silent and (policy.cancel_s or policy.panel_cancel_s):
            text = "what is pressed in silence is not taken back: a code is forced out of people"
            yield where, "cannot_be_kept", text
        if policy.momentary and policy.off_delay_s:
            yield where, "never_starts", "a momentary alarm is never over: no off_delay_s"
    if kinds and UNCLEAR not in kinds:
        text = f"a kind {UNCLEAR!r} is needed, for what nobody can read"
        yield "alarm_kind", "missing", text


LIFE_SAFETY_DELAY_MAX_S: Final = 60
"""As long as a detector may look twice before people are woken."""


def unclear() -> AlarmPolicy:
    """The policy of what nobody could read, in a pack without alarm kinds."""
    return AlarmPolicy(UNCLEAR, "", priority=2)


__all__ = [
    "UNCLEAR",
    "AlarmKind",
    "AssetKind",
    "kind_defects",
    "read_alarm_kinds",
    "read_asset_kinds",
    "unclear",
]
