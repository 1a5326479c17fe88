"""A board of a million cases for measuring: copies of what is there, made inside the database.

Copies are whole (state, journal, receipt, idempotency key, sealed values that nobody can open),
under new ids, later in time, spread over the same areas; `tocsin verify` finds no difference in
states, only in the instants that were shifted. Never run it on a database that people use.
"""

from __future__ import annotations

from typing import Final

from tocsin.stores.postgres.connections import Dsn, connect

BATCH: Final = 50_000  # copies of one transaction
GRAIN_S: Final = 25  # seconds between two copies: a year holds a million

_NUMBERED: Final = """
CREATE TEMP TABLE template ON COMMIT PRESERVE ROWS AS
  SELECT row_number() OVER (ORDER BY id) - 1 AS n, * FROM cases;
CREATE UNIQUE INDEX ON template (n);
CREATE TEMP TABLE template_journal ON COMMIT PRESERVE ROWS AS
  SELECT * FROM journal;
CREATE INDEX ON template_journal (case_id);
CREATE TEMP TABLE template_values ON COMMIT PRESERVE ROWS AS
  SELECT * FROM vault.values;
CREATE INDEX ON template_values (case_id);
CREATE TEMP TABLE copies (id text, was text, shift interval, n bigint);
ANALYZE template;"""
_COPIES: Final = """
INSERT INTO copies
SELECT 'x' || lpad(g::text, 12, '0') || '-' || left(md5(g::text), 16), t.id,
       g * $3::int * interval '1 second', g
  FROM generate_series($1::bigint, $2::bigint) g
  JOIN template t ON t.n = g % (SELECT count(*) FROM template)
 ORDER BY g"""
_FILL: Final = (
    """
INSERT INTO cases
SELECT c.id, convert_to(replace(convert_from(t.state, 'UTF8'), c.was, c.id), 'UTF8'), t.version,
       t.updated_at + c.shift, t.status, t.is_open, t.case_type, t.profile, t.priority, t.lead,
       t.agencies, t.county, t.town, t.village, t.cell, t.lon, t.lat, t.cell_key,
       t.opened_at + c.shift, t.closed_at + c.shift, t.due_at + c.shift, t.next_wake + c.shift,
       t.published
  FROM copies c JOIN template t ON t.id = c.was ORDER BY c.n""",
    """
INSERT INTO case_agencies
SELECT c.id, unnest(t.agencies), t.status, t.due_at + c.shift
  FROM copies c JOIN template t ON t.id = c.was WHERE t.is_open""",
    """
INSERT INTO journal (case_id, version, at, actor, command, events)
SELECT c.id, j.version, j.at + c.shift, j.actor, j.command,
       convert_to(replace(convert_from(j.events, 'UTF8'), c.was, c.id), 'UTF8')
  FROM copies c JOIN template_journal j ON j.case_id = c.was ORDER BY c.n, j.version""",
    "INSERT INTO receipts SELECT sha256(convert_to(id, 'UTF8')), id, id FROM copies",
    """
INSERT INTO idempotency
SELECT md5(id || 'key'), sha256(convert_to(id, 'UTF8')), '{}', now() FROM copies""",
    """
INSERT INTO vault.keys SELECT id, id, 1, sha256(convert_to(id, 'UTF8')) FROM copies""",
    """
INSERT INTO vault.values
SELECT c.id || '-' || v.ref, c.id, c.id, v.kind, v.media_type, v.nonce, v.ciphertext
  FROM copies c JOIN template_values v ON v.case_id = c.was""",
    "TRUNCATE copies",
)


async def multiply(dsn: Dsn, cases: int) -> int:
    """Copies the cases of the board until there are `cases`; returns how many were added.

    Raises ValueError for an empty board: at least a few hundred cases make a mix worth copying.
    """
    connection = await connect(
        dsn, statement_timeout="0", synchronous_commit="off", lock_timeout="0"
    )
    try:
        there: int = await connection.fetchval("SELECT count(*) FROM cases")
        if not there:
            raise ValueError("nothing to copy")
        await connection.execute(_NUMBERED, timeout=None)
        added = 0
        while there + added < cases:
            size = min(BATCH, cases - there - added)
            first = there + added
            async with connection.transaction():
                await connection.execute(_COPIES, first, first + size - 1, GRAIN_S, timeout=600)
                for statement in _FILL:
                    await connection.execute(statement, timeout=600)
            added += size
        await connection.execute("VACUUM ANALYZE", timeout=3_600)
        return added
    finally:
        await connection.close()
