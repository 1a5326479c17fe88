"""What the roles may do with each table, said once: the rows from which the walls are raised.

A table without a row here is the node's to read and write, and no person's to read; a test names
it. Rights are by verb, and each has a policy as well: a right that somebody grants by hand opens no
row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.stores.postgres.connections import POST_MARK

READ: Final = ("SELECT",)
ADDED: Final = ("SELECT", "INSERT")
"""Only ever added to: what was written stays as it was."""
KEPT: Final = ("SELECT", "INSERT", "UPDATE")
AWHILE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
MOVED: Final = ("SELECT", "UPDATE")


@dataclass(frozen=True, slots=True)
class Wall:
    """One table: what the node may, and which rows a person's reader sees (None: none, ever).
    `columns` narrows the node's UPDATE, `may_become` is what such a row must be afterwards."""

    node: tuple[str, ...]
    reader: str | None = None
    columns: tuple[str, ...] = ()
    may_become: str = "true"


def _words(name: str) -> str:
    """A list that the session was told, read once for each statement; empty where it was not."""
    told = f"coalesce(nullif(current_setting('tocsin.{name}', true), ''), '{{}}')"
    return f"(SELECT {told}::text[])::text[]"


def _by_areas(areas: tuple[str, ...], agencies: str) -> str:
    """Whether a row in these columns' areas, with this array of agencies, is in reach."""
    tiers = " OR ".join(f"{each} = ANY ({_words('areas')})" for each in areas)
    place = f"ARRAY[{', '.join(areas)}]"
    return f"({tiers} OR {_by_posts(place, agencies)})"


def _by_posts(areas: str, agencies: str) -> str:
    posts = _words("posts")
    return (
        f"({posts} <> '{{}}' AND EXISTS (SELECT 1 FROM unnest({areas}) place, "
        f"unnest({agencies}) agency WHERE place || '{POST_MARK}' || agency = ANY ({posts})))"
    )


_TIERS: Final = ("county", "town", "village", "cell")
_CASES: Final = (
    f"{_by_areas(_TIERS, 'lead || agencies')} OR id = ANY ({_words('cases')}) "
    "OR (published AND current_setting('tocsin.published', true) = 'on') "
    f"OR case_type = ANY ({_words('types')})"
)


def _of(table: str, column: str) -> str:
    """Rows about a matter of a table are seen by whoever sees the matter."""
    return f"EXISTS (SELECT 1 FROM public.{table} seen WHERE seen.id = {column})"


def _of_case(column: str) -> str:
    return _of("cases", column)


def _told(name: str) -> str:
    """As `_words`, in the open: the planner then knows how many rows it meets, and takes the index
    of the reach for a village and the order of the list for a county."""
    return f"coalesce(nullif(current_setting('tocsin.{name}', true), ''), '{{}}')::text[]"


_REACH: Final = f"reach && ({_told('areas')} || {_told('posts')})"
"""See `reach`: what the row holds of areas and posts meets what the onlooker has of them."""


_ACCOUNT: Final = "nullif(current_setting('tocsin.account', true), '')"
_PERMITS: Final = (
    "EXISTS (SELECT 1 FROM public.cases seen WHERE seen.id = ANY (holders)) "
    f"OR (purpose = 'break_glass' AND actor = {_ACCOUNT})"
)
"""Whoever sees a case sees under which permits its values were opened, also for a case that was
split off; one's own break-glass reaches further."""
_VALUES: Final = (
    "EXISTS (SELECT 1 FROM vault.openings o JOIN vault.permits p ON p.id = o.permit "
    f'WHERE o.ref = "values".ref AND p.actor = {_ACCOUNT} AND "values".case_id = ANY (p.holders))'
)
"""Purpose before sight, once more: a permit of one's own that is seen, and a record of it."""
_KEYS: Final = (
    'EXISTS (SELECT 1 FROM vault."values" seen '
    "WHERE seen.case_id = keys.case_id AND seen.subject = keys.subject)"
)


def _of_vault(table: str, column: str) -> str:
    return f"EXISTS (SELECT 1 FROM vault.{table} seen WHERE seen.id = {column})"


WALLS: Final[dict[str, Wall]] = {
    "log.checkpoints": Wall(ADDED),
    # An erasure takes the seed of a salt away, for good; nothing else of an entry ever changes.
    "log.leaves": Wall(KEPT, columns=("seed", "kept"), may_become="seed IS NULL"),
    "log.stamps": Wall(ADDED),
    "public.account_browsers": Wall(AWHILE),
    "public.account_changes": Wall(ADDED),
    "public.account_identities": Wall(AWHILE),
    "public.account_links": Wall(AWHILE),
    "public.account_passkeys": Wall(AWHILE),
    "public.account_sessions": Wall(AWHILE),
    "public.accounts": Wall(KEPT),
    "public.agencies": Wall(AWHILE),
    "public.alarm_journal": Wall(ADDED, _of("alarms", "alarm_id")),
    "public.alarm_seen": Wall(AWHILE),
    "public.alarm_stories": Wall(KEPT),
    "public.alarm_story_cursor": Wall(MOVED),
    "public.alarms": Wall(KEPT, f"{_REACH} OR asset_id = ANY ({_words('assets')})"),
    "public.alert_chains": Wall(AWHILE),
    "public.api_keys": Wall(KEPT),
    "public.areas": Wall(KEPT),
    "public.asset_journal": Wall(ADDED, _of("assets", "asset_id")),
    "public.asset_signs": Wall(KEPT),
    "public.asset_stories": Wall(KEPT),
    "public.asset_wires": Wall(AWHILE),
    "public.assets": Wall(KEPT, _REACH),
    "public.battery_days": Wall(AWHILE),
    "public.case_agencies": Wall(AWHILE, _of_case("case_id")),
    "public.cases": Wall(KEPT, _CASES),
    "public.directory_changes": Wall(ADDED),
    "public.errands": Wall(AWHILE),
    "public.history": Wall(KEPT),
    "public.history_rejects": Wall(KEPT),
    "public.idempotency": Wall(AWHILE),
    "public.journal": Wall(ADDED, _of_case("case_id")),
    "public.listening": Wall(AWHILE),
    "public.messages": Wall(ADDED, f"audience = ANY ({_words('desks')}) OR {_of_case('case_id')}"),
    "public.migrations": Wall(READ),
    "public.packs": Wall(ADDED),
    "public.planned_duties": Wall(AWHILE, _of("units", "unit_id")),
    "public.receipts": Wall(("SELECT", "INSERT", "DELETE")),
    "public.retention_runs": Wall(READ),
    "public.rights_proposals": Wall(KEPT),
    "public.road_changes": Wall(AWHILE),
    "public.scorecards": Wall(ADDED),
    "public.sign_in_challenges": Wall(AWHILE),
    "public.site_codes": Wall(AWHILE),
    "public.stories": Wall(KEPT, f"{_by_areas(_TIERS, 'ARRAY[lead]')} OR {_of_case('case_id')}"),
    "public.story_cursor": Wall(MOVED),
    "public.unit_cases": Wall(AWHILE),
    "public.unit_journal": Wall(ADDED, _of("units", "unit_id")),
    "public.unit_keys": Wall(AWHILE),
    "public.unit_positions": Wall(AWHILE, _of("units", "unit_id")),
    "public.units": Wall(KEPT, _REACH),
    "vault.asks": Wall(ADDED, f"{_of_case('case_id')} OR actor = {_ACCOUNT}"),
    "vault.decisions": Wall(ADDED, _of_vault("asks", "ask")),
    "vault.erasures": Wall(ADDED),
    "vault.grants": Wall(READ),
    "vault.hold_words": Wall(ADDED, _of_vault("holds", "hold")),
    "vault.holds": Wall(ADDED, _of_case("case_id")),
    # Values are sealed once; what may go is the whole value, with its key.
    "vault.keys": Wall(("SELECT", "INSERT", "DELETE"), _KEYS),
    "vault.masters": Wall(READ),
    "vault.openings": Wall(ADDED, _of_vault("permits", "permit")),
    "vault.permits": Wall(ADDED, _PERMITS),
    "vault.purposes": Wall(READ, "true"),
    "vault.redactions": Wall(ADDED, _of_case("case_id")),
    "vault.revocations": Wall(ADDED, _of_vault("permits", "permit")),
    # What has had its day is destroyed by the owner of the tables, and by nobody else.
    "vault.tombstones": Wall(READ),
    "vault.values": Wall(("SELECT", "INSERT", "DELETE"), _VALUES),
}
"""By `schema.table`."""

UNKNOWN: Final = Wall(AWHILE)
"""What a table without a row is given."""

__all__ = ["UNKNOWN", "WALLS", "Wall"]
