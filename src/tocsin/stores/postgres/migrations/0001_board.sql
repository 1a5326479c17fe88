-- Board, journal, errands, messages: what is now, what happened, what is owed.
-- Identifiers sort by code point ("C"): cursors and lock order are then the same in the database
-- and in the program. JSON is kept as bytes, because the database never looks inside.

CREATE TABLE cases (
  id          text COLLATE "C" PRIMARY KEY,
  state       bytea       NOT NULL,
  version     integer     NOT NULL,
  updated_at  timestamptz NOT NULL,
  status      text COLLATE "C" NOT NULL,
  is_open     boolean     NOT NULL,
  case_type   text COLLATE "C" NOT NULL,
  profile     text COLLATE "C" NOT NULL,
  priority    smallint    NOT NULL,
  lead        text COLLATE "C",
  agencies    text[] COLLATE "C" NOT NULL,
  county      text COLLATE "C",
  town        text COLLATE "C",
  village     text COLLATE "C",
  cell        text COLLATE "C",
  lon         double precision,
  lat         double precision,
  cell_key    bigint,
  opened_at   timestamptz,
  closed_at   timestamptz,
  due_at      timestamptz NOT NULL, -- 'infinity' where no clock runs: it sorts last
  next_wake   timestamptz,
  published   boolean     NOT NULL
);
-- States are short JSON that is read often: compressing each costs more than it saves.
ALTER TABLE cases ALTER COLUMN state SET STORAGE EXTERNAL;
ALTER TABLE cases SET (toast_tuple_target = 8160, fillfactor = 90);

-- Open cases by area, state and due time; one index for each tier but the widest.
CREATE INDEX cases_open_due     ON cases (status, due_at, id) WHERE is_open;
CREATE INDEX cases_open_town    ON cases (town, status, due_at, id) WHERE is_open;
CREATE INDEX cases_open_village ON cases (village, status, due_at, id) WHERE is_open;
CREATE INDEX cases_open_cell    ON cases (cell, status, due_at, id) WHERE is_open;
CREATE INDEX cases_agencies     ON cases USING gin (agencies) WHERE is_open AND agencies <> '{}';
CREATE INDEX cases_opened       ON cases (opened_at, id);
CREATE INDEX cases_updated      ON cases (updated_at, id);
CREATE INDEX cases_next_wake    ON cases (next_wake, id) WHERE next_wake IS NOT NULL;
-- Open cases have no closed_at: both halves of "near" are ranges of one index.
CREATE INDEX cases_near         ON cases (cell_key, closed_at) INCLUDE (id, lon, lat, is_open);

CREATE TABLE journal (
  seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
  case_id  text COLLATE "C" NOT NULL,
  version  integer     NOT NULL,
  at       timestamptz NOT NULL,
  actor    bytea       NOT NULL,
  command  bytea       NOT NULL,
  events   bytea       NOT NULL,
  UNIQUE (case_id, version)
);
ALTER TABLE journal ALTER COLUMN command SET STORAGE EXTERNAL;
ALTER TABLE journal ALTER COLUMN events SET STORAGE EXTERNAL;
ALTER TABLE journal SET (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.05);

-- For people with psql; the program never reads it.
CREATE VIEW journal_readable AS
  SELECT seq, case_id, version, at, convert_from(actor, 'UTF8')::json AS actor,
         convert_from(command, 'UTF8')::json AS command, convert_from(events, 'UTF8')::json AS events
    FROM journal;

CREATE TABLE idempotency (
  key         text COLLATE "C" PRIMARY KEY,
  fingerprint bytea       NOT NULL,
  answer      bytea       NOT NULL,
  at          timestamptz NOT NULL
);
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE receipts (
  code_hash bytea PRIMARY KEY,
  case_id   text COLLATE "C" NOT NULL,
  report    text COLLATE "C" NOT NULL
);

CREATE TABLE errands (
  key        text COLLATE "C" PRIMARY KEY,
  case_id    text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  body       bytea       NOT NULL,
  created_at timestamptz NOT NULL,
  due_at     timestamptz NOT NULL, -- moves on while a runner holds the errand
  attempts   integer     NOT NULL DEFAULT 0,
  error      text,
  is_dead    boolean     NOT NULL DEFAULT false
);
CREATE INDEX errands_due  ON errands (due_at, key) WHERE NOT is_dead;
CREATE INDEX errands_dead ON errands (created_at, key) WHERE is_dead;

CREATE TABLE messages (
  seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key      text COLLATE "C" NOT NULL UNIQUE,
  case_id  text COLLATE "C" NOT NULL,
  at       timestamptz NOT NULL,
  audience text COLLATE "C" NOT NULL,
  template text COLLATE "C" NOT NULL,
  report   text COLLATE "C"
);
CREATE INDEX messages_thread ON messages (report, seq) WHERE report IS NOT NULL;
CREATE INDEX messages_inbox  ON messages (audience, seq) WHERE report IS NULL;
