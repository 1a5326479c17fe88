-- Assets and alarms: what is now, what happened; and the newest sign of life of each device.

CREATE TABLE assets (
  id         text COLLATE "C" PRIMARY KEY,
  state      bytea       NOT NULL,
  version    integer     NOT NULL,
  updated_at timestamptz NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  status     text COLLATE "C" NOT NULL,
  gateway    text COLLATE "C",
  power      text COLLATE "C",
  next_wake  timestamptz
);
CREATE INDEX assets_gateway ON assets (gateway) WHERE gateway IS NOT NULL;
CREATE INDEX assets_power   ON assets (power) WHERE power IS NOT NULL;
CREATE INDEX assets_wake    ON assets (next_wake, id) WHERE next_wake IS NOT NULL;

-- The address book: under an address of an intake speaks one asset.
CREATE TABLE asset_wires (
  source   text COLLATE "C" NOT NULL,
  wire     text COLLATE "C" NOT NULL,
  asset_id text COLLATE "C" NOT NULL REFERENCES assets (id),
  PRIMARY KEY (source, wire)
);
CREATE INDEX asset_wires_asset ON asset_wires (asset_id);

CREATE TABLE alarms (
  id           text COLLATE "C" PRIMARY KEY,
  state        bytea       NOT NULL,
  version      integer     NOT NULL,
  updated_at   timestamptz NOT NULL,
  asset_id     text COLLATE "C" NOT NULL REFERENCES assets (id),
  kind         text COLLATE "C" NOT NULL,
  condition    text COLLATE "C" NOT NULL,
  standing     text COLLATE "C" NOT NULL,
  is_open      boolean     NOT NULL,
  is_announced boolean     NOT NULL,
  site         text COLLATE "C" NOT NULL,
  case_id      text COLLATE "C",
  cause        text COLLATE "C",
  opened_at    timestamptz NOT NULL,
  next_wake    timestamptz
);
ALTER TABLE alarms SET (fillfactor = 80);
-- The promise: one open alarm of a kind and a device. A rule with a bug fails its transaction.
CREATE UNIQUE INDEX alarm_open_once ON alarms (asset_id, kind) WHERE is_open;
CREATE INDEX alarms_site   ON alarms (site) WHERE is_open;
CREATE INDEX alarms_case   ON alarms (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX alarms_cause  ON alarms (cause) WHERE is_open AND cause IS NOT NULL;
CREATE INDEX alarms_opened ON alarms (opened_at, id);
CREATE INDEX alarms_asset  ON alarms (asset_id, id);
CREATE INDEX alarms_open   ON alarms (id) WHERE is_open;
CREATE INDEX alarms_wake   ON alarms (next_wake, id) WHERE next_wake IS NOT NULL;

-- Messages that were kept, for as long as a repeat of one is recognised.
CREATE TABLE alarm_seen (
  digest   bytea PRIMARY KEY,
  alarm_id text COLLATE "C" NOT NULL,
  at       timestamptz NOT NULL
);
CREATE INDEX alarm_seen_at ON alarm_seen (at);

-- Numbers come from the journal's own sequence, as those of units do.
CREATE TABLE asset_journal (
  seq      bigint      PRIMARY KEY DEFAULT nextval('journal_seq_seq'),
  xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
  asset_id text COLLATE "C" NOT NULL,
  version  integer     NOT NULL,
  at       timestamptz NOT NULL,
  actor    bytea       NOT NULL,
  command  bytea       NOT NULL,
  events   bytea       NOT NULL,
  UNIQUE (asset_id, version)
);
CREATE TABLE alarm_journal (
  seq      bigint      PRIMARY KEY DEFAULT nextval('journal_seq_seq'),
  xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
  alarm_id text COLLATE "C" NOT NULL,
  version  integer     NOT NULL,
  at       timestamptz NOT NULL,
  actor    bytea       NOT NULL,
  command  bytea       NOT NULL,
  events   bytea       NOT NULL,
  UNIQUE (alarm_id, version)
);

-- Telemetry: one row a device, the newest only.
CREATE TABLE asset_signs (
  asset_id text COLLATE "C" PRIMARY KEY,
  heard_at timestamptz NOT NULL,
  session  text COLLATE "C" NOT NULL,
  sequence bigint,
  messages bigint      NOT NULL,
  lost     bigint      NOT NULL,
  readings bytea       NOT NULL
);
ALTER TABLE asset_signs SET (fillfactor = 70);
