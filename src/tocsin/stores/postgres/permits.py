"""Permits in PostgreSQL: who may see values of a case, for what, until when, and with whose word.

Every method is one transaction that is over when it returns. None of them reads a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from tocsin.kernel.shared import Actor, ActorId, AgencyId, CaseId, Refused, SealedRef
from tocsin.runtime.onlooking import seeing_also
from tocsin.runtime.ports import Clock
from tocsin.runtime.sight import ASK_WAITS, PERMIT_LIVES, READERS, SECOND_LIVES, WINDOW
from tocsin.runtime.sight_ports import Answer, Ask, Need, Opened, Permit, SecondPerson, Wish
from tocsin.stores.postgres.connections import Connection, Readers, Row

ASK_LOCK: Final = 0x70C54
"""An advisory lock, with the number of an ask: one decision at a time."""
HOLDS: Final = """
p.actor = $1 AND p.at <= $2 AND p.expires_at > $2
AND p.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
AND NOT EXISTS (SELECT 1 FROM vault.revocations r WHERE r.permit = p.id)
AND (p.needs = '{}' AND p.purpose <> 'break_glass' OR EXISTS (
  SELECT 1 FROM vault.decisions d JOIN vault.asks a ON a.id = d.ask
   WHERE d.ask = p.ask AND d.answer = 'approved' AND d.actor <> p.actor
     AND a.actor = p.actor AND a.case_id = p.case_id AND a.purpose = p.purpose
     AND a.needs @> p.needs))"""
"""Whether a permit p holds for the actor $1 at $2: of another transaction, so committed; neither
over nor given back; and with another person's word where it needs one."""

_LIVE = f"""
SELECT p.id, p.case_id, p.purpose, p.actor, p.expires_at, p.needs, p.holders FROM vault.permits p
 WHERE p.case_id = ANY($3::text[]) AND p.purpose = $4 AND {HOLDS} ORDER BY p.id DESC"""
_ONE = f"""
SELECT p.id, p.case_id, p.purpose, p.actor, p.expires_at FROM vault.permits p
 WHERE p.id = $3 AND {HOLDS}"""
_CASES = """
SELECT count(DISTINCT p.case_id) FROM vault.permits p JOIN vault.purposes u ON u.code = p.purpose
 WHERE p.at > $2 AND p.actor = $1 AND u.reader = 'person' AND p.case_id <> ALL($3::text[])"""
_PUT = """
INSERT INTO vault.permits (at, actor, kind, role, agency, purpose, case_id, holders, needs,
                           ask, second, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"""
_APART: Final = "\x1f"
_PUT_ALL = """
INSERT INTO vault.permits (at, actor, kind, purpose, expires_at, case_id, holders, role, agency,
                           needs)
SELECT $1, $2, $3, $4, $5, w.case_id, string_to_array(w.holders, E'\\x1f'), w.role, w.agency, '{}'
  FROM unnest($6::text[], $7::text[], $8::text[], $9::text[]) w(case_id, holders, role, agency)
RETURNING id, case_id, purpose, actor, expires_at"""
"""Permits of one person's own, as many as there are cases on a page, in one go."""
_ASK = """
INSERT INTO vault.asks (at, actor, kind, role, agency, purpose, case_id, holders, needs, reason,
                        expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id"""
_ASKED = """
SELECT a.id, a.at, a.actor, a.kind, a.role, a.agency, a.purpose, a.case_id, a.needs, a.reason,
       a.expires_at, d.answer, d.at, d.actor, coalesce(d.reason, ''), p.id,
       CASE WHEN r.id IS NULL THEN p.expires_at END
  FROM vault.asks a LEFT JOIN vault.decisions d ON d.ask = a.id
  LEFT JOIN vault.permits p ON p.ask = a.id
  LEFT JOIN LATERAL (SELECT id FROM vault.revocations WHERE permit = p.id LIMIT 1) r ON true"""
_WAITING = """
SELECT a.id FROM vault.asks a
 WHERE a.at > $1 AND a.actor = $2 AND a.case_id = $3 AND a.purpose = $4 AND a.needs @> $5
   AND a.expires_at > $6 AND NOT EXISTS (SELECT 1 FROM vault.decisions d WHERE d.ask = a.id)"""
_DECIDE = """
INSERT INTO vault.decisions (at, ask, asker, actor, role, answer, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_OPENED = """
SELECT o.id, o.at, o.permit, p.actor, p.kind, p.role, p.agency, p.purpose, p.case_id, o.ref,
       o.field, p.second
  FROM vault.openings o JOIN vault.permits p ON p.id = o.permit
  JOIN vault.purposes u ON u.code = p.purpose
 WHERE u.reader = 'person' AND p.kind <> 'reporter' AND ($1::bigint IS NULL OR o.id < $1)
 ORDER BY o.id DESC LIMIT $2"""


class Permits:
    """The half of `ports.Vault` that gives and takes permits."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        # Giving is the node's act: it counts and locks what no one person sees. What is shown of
        # it is read as whoever looks.
        self._readers = readers.own
        self._shown = readers
        self._clock = clock

    async def permit(
        self, wishes: Sequence[Wish], *, by: Actor, purpose: str, cases_an_hour: int | None = None
    ) -> tuple[Permit, ...] | SecondPerson:
        """See `ports.Vault.permit`. Raises ValueError for a purpose that is on no list."""
        if purpose not in READERS:
            raise ValueError(f"no such purpose: {purpose!r}")
        wanted = {wish.case_id: wish for wish in wishes}
        async with self._readers.acquire() as connection, connection.transaction():
            if READERS[purpose] == "person":
                # Two requests of one account at once do not both count themselves as the last one.
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", by.id
                )
            now = self._clock.now()
            found: dict[CaseId, Permit] = {}
            for row in await connection.fetch(_LIVE, by.id, now, list(wanted), purpose):
                wish = wanted[row[1]]
                # Not one that says less than is needed today: the case was closed meanwhile.
                if set(wish.needs) <= set(row[5]) and set(wish.holders) <= set(row[6]):
                    found.setdefault(wish.case_id, _permit(row))
            missing = [wish for case_id, wish in wanted.items() if case_id not in found]
            needs: dict[Need, None] = dict.fromkeys(need for wish in missing for need in wish.needs)
            if missing and cases_an_hour is not None:
                ids = list(wanted)
                seen = await connection.fetchval(_CASES, by.id, now - WINDOW, ids)
                held = any(not wish.is_urgent for wish in missing)
                if held and seen + len(ids) > cases_an_hour:
                    needs["broad"] = None
            if needs:
                return SecondPerson(tuple(needs))
            for permit in await self._put(connection, missing, by, purpose) if missing else ():
                found[permit.case_id] = permit
        return tuple(found[case_id] for case_id in wanted)

    async def _put(
        self, connection: Connection, wishes: Sequence[Wish], by: Actor, purpose: str
    ) -> list[Permit]:
        now = self._clock.now()
        rows = await connection.fetch(
            _PUT_ALL,
            *(now, by.id, by.kind, purpose, now + PERMIT_LIVES),
            [wish.case_id for wish in wishes],
            [_APART.join(wish.holders) for wish in wishes],
            [wish.role for wish in wishes],
            [wish.agency for wish in wishes],
        )
        return [_permit(row) for row in rows]

    async def live_permit(self, permit: int, *, by: Actor) -> Permit | None:
        """See `ports.Vault.live_permit`."""
        with seeing_also(account=by.id):
            row = await self._shown.fetchrow(_ONE, by.id, self._clock.now(), permit)
        return _permit(row) if row is not None else None

    async def give_back(self, permit: int, *, by: Actor) -> None:
        """See `ports.Vault.give_back`."""
        async with self._readers.acquire() as connection:
            await connection.execute(
                "INSERT INTO vault.revocations (at, permit, actor) VALUES ($1, $2, $3)",
                *(self._clock.now(), permit, by.id),
            )

    # -- the second person

    async def ask(self, wish: Wish, *, by: Actor, purpose: str, reason: str) -> Ask:
        """See `ports.Vault.ask`."""
        now = self._clock.now()
        async with self._readers.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", by.id)
            asked = await connection.fetchval(
                _WAITING,
                *(now - ASK_WAITS, by.id, wish.case_id, purpose, list(wish.needs), now),
            )
            if asked is None:
                asked = await connection.fetchval(
                    _ASK,
                    *(now, by.id, by.kind, wish.role, wish.agency, purpose, wish.case_id),
                    *(list(wish.holders), list(wish.needs), reason, now + ASK_WAITS),
                )
            row = await connection.fetchrow(f"{_ASKED} WHERE a.id = $1", asked)
        assert row is not None, "it was asked just now"
        return _ask(row)

    async def one_ask(self, ask: int) -> Ask | None:
        """See `ports.Vault.one_ask`."""
        row = await self._shown.fetchrow(f"{_ASKED} WHERE a.id = $1", ask)
        return _ask(row) if row is not None else None

    async def asks(self, limit: int) -> Sequence[Ask]:
        """See `ports.Vault.asks`."""
        now = self._clock.now()
        rows = await self._shown.fetch(
            # A permit outlives its ask by an hour at the most.
            f"{_ASKED} WHERE a.at > $1 AND (d.id IS NULL AND a.expires_at > $2 "
            "OR r.id IS NULL AND p.expires_at > $2 OR d.answer = 'denied' AND d.at > $3) "
            "ORDER BY a.id LIMIT $4",
            *(now - ASK_WAITS - SECOND_LIVES, now, now - ASK_WAITS, limit),
        )
        return [_ask(row) for row in rows]

    async def decide(
        self, ask: int, *, by: Actor, role: str, answer: Answer, reason: str
    ) -> Ask | Refused:
        """See `ports.Vault.decide`. That it is another person also holds as a constraint."""
        async with self._readers.acquire() as connection, connection.transaction():
            # One decision at a time. No row is locked: nobody but the owner may change one.
            await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", ASK_LOCK, ask % 2**31)
            found = await connection.fetchrow("SELECT holders FROM vault.asks WHERE id = $1", ask)
            row = await connection.fetchrow(f"{_ASKED} WHERE a.id = $1", ask)
            if row is None or found is None:
                return Refused("ask_unknown", "")
            asked, now = _ask(row), self._clock.now()
            if asked.answer is not None or asked.expires_at <= now:
                return Refused("ask_over", "")
            if asked.actor == by.id:
                return Refused("second_is_asker", "another person decides")
            await connection.execute(_DECIDE, *(now, ask, asked.actor, by.id, role, answer, reason))
            if answer == "approved":
                await connection.execute(
                    _PUT,
                    *(now, asked.actor, asked.kind, asked.role, asked.agency, asked.purpose),
                    *(asked.case_id, found[0], list(asked.needs), ask, by.id, now + SECOND_LIVES),
                )
            row = await connection.fetchrow(f"{_ASKED} WHERE a.id = $1", ask)
        assert row is not None, "it is there still"
        return _ask(row)

    async def opened(self, before: int | None, limit: int) -> Sequence[Opened]:
        """See `ports.Vault.opened`."""
        return [
            Opened(
                *(row[0], row[1], row[2], ActorId(row[3]), row[4], row[5], _agency(row[6])),
                *(row[7], CaseId(row[8]), SealedRef(row[9]), row[10], _actor(row[11])),
            )
            for row in await self._shown.fetch(_OPENED, before, limit)
        ]


def _permit(row: Row) -> Permit:
    return Permit(row[0], CaseId(row[1]), row[2], ActorId(row[3]), row[4])


def _agency(value: Any) -> AgencyId | None:
    return AgencyId(value) if value is not None else None


def _actor(value: Any) -> ActorId | None:
    return ActorId(value) if value is not None else None


def _ask(row: Row) -> Ask:
    return Ask(
        *(row[0], row[1], ActorId(row[2]), row[3], row[4], _agency(row[5]), row[6]),
        *(CaseId(row[7]), cast("tuple[Need, ...]", tuple(row[8])), row[9], row[10]),
        *(row[11], row[12], _actor(row[13]), row[14], row[15], row[16]),
    )


__all__ = ["HOLDS", "Permits"]
