-- Units: what is now, what happened, which cases they are on; and where duty units are.

CREATE TABLE units (
  id         text COLLATE "C" PRIMARY KEY,
  state      bytea       NOT NULL,
  version    integer     NOT NULL,
  updated_at timestamptz NOT NULL,
  agency     text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  status     text COLLATE "C" NOT NULL,
  duty_started_at timestamptz -- NULL while off duty
);

-- One row a case of a unit. The index is the promise: a unit is on one case, others are stacked.
CREATE TABLE unit_cases (
  unit_id    text COLLATE "C" NOT NULL REFERENCES units (id),
  case_id    text COLLATE "C" NOT NULL,
  is_stacked boolean NOT NULL,
  PRIMARY KEY (unit_id, case_id)
);
CREATE UNIQUE INDEX unit_on_one_case ON unit_cases (unit_id) WHERE NOT is_stacked;
CREATE INDEX unit_cases_case ON unit_cases (case_id);

-- Numbers come from the journal's own sequence: both are one order, and the lock of the writer
-- gives them out in the order of commits.
CREATE TABLE unit_journal (
  seq      bigint      PRIMARY KEY DEFAULT nextval('journal_seq_seq'),
  xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
  unit_id  text COLLATE "C" NOT NULL,
  version  integer     NOT NULL,
  at       timestamptz NOT NULL,
  actor    bytea       NOT NULL,
  command  bytea       NOT NULL,
  events   bytea       NOT NULL,
  UNIQUE (unit_id, version)
);

-- The newest position of each unit on duty, and no other. Unlogged: it is not in the write-ahead
-- log either, and gone after a crash, which costs one interval of sending.
CREATE UNLOGGED TABLE unit_positions (
  unit_id     text COLLATE "C" PRIMARY KEY,
  at          timestamptz      NOT NULL,
  received_at timestamptz      NOT NULL,
  lon         double precision NOT NULL,
  lat         double precision NOT NULL,
  accuracy_m  double precision,
  heading_deg double precision,
  speed_mps   double precision
);
CREATE INDEX unit_positions_received ON unit_positions (received_at);

-- The key under which a unit's positions are taken; only its hash is known.
CREATE TABLE unit_keys (
  unit_id text COLLATE "C" PRIMARY KEY,
  hash    bytea NOT NULL UNIQUE
);
