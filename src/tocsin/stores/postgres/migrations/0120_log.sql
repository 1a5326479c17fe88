-- The Merkle log (ADR 0021): which row is which entry, and with which salt. Hashes and the signing
-- key are files outside the database: whoever owns the database cannot rewrite what was signed.

CREATE SCHEMA log;

CREATE TABLE log.leaves (
  idx    bigint PRIMARY KEY, -- from 0, without gaps
  source text COLLATE "C" NOT NULL,
  id     bigint NOT NULL,    -- the number of the row in its own table
  seed   bytea,              -- NULL once it is erased; then `kept` has what keeps proofs valid
  kept   bytea,
  UNIQUE (source, id),
  CHECK ((seed IS NULL) <> (kept IS NULL))
);

CREATE TABLE log.checkpoints (
  size bigint PRIMARY KEY,
  at   timestamptz NOT NULL,
  note text NOT NULL
);

-- RFC 3161: an outside clock says that a checkpoint was there.
CREATE TABLE log.stamps (
  size  bigint PRIMARY KEY,
  at    timestamptz NOT NULL,
  token bytea NOT NULL
);

-- Sealed values are numbered in the order of commits: they are written under the writer's lock.
ALTER TABLE vault.values ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE vault.values ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX values_seq ON vault.values (seq);

-- These are written without that lock: their numbers may be committed out of order, so what is new
-- is found by the number of the transaction.
ALTER TABLE directory_changes ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE account_changes   ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE vault.grants      ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE vault.erasures    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX directory_changes_xid ON directory_changes (xid);
CREATE INDEX account_changes_xid   ON account_changes (xid);
CREATE INDEX grants_xid            ON vault.grants (xid);
CREATE INDEX erasures_xid          ON vault.erasures (xid);
