-- Directories are plain tables, not journals: a change row in the same transaction says who
-- changed what.

CREATE TABLE packs (
  version  text COLLATE "C" PRIMARY KEY,
  content  bytea       NOT NULL,
  sha256   bytea       NOT NULL,
  saved_at timestamptz NOT NULL
);

CREATE TABLE areas (
  name    text COLLATE "C" PRIMARY KEY, -- 'atlas': one GeoJSON with every tier
  content bytea NOT NULL
);

CREATE TABLE agencies (
  id      text COLLATE "C" PRIMARY KEY,
  content bytea NOT NULL
);

CREATE TABLE directory_changes (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL,
  actor  text COLLATE "C" NOT NULL,
  what   text COLLATE "C" NOT NULL, -- 'areas', 'agency', 'pack'
  id_of  text COLLATE "C" NOT NULL,
  before bytea, -- the old content; NULL where it is new
  after  bytea  -- the new content; NULL where it was removed
);

-- Cases of the time before Tocsin, imported: never mixed with the board.
CREATE TABLE history (
  source      text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  case_type   text COLLATE "C" NOT NULL,
  status      text COLLATE "C" NOT NULL,
  opened_at   timestamptz NOT NULL,
  updated_at  timestamptz,
  closed_at   timestamptz,
  due_at      timestamptz,
  lon         double precision,
  lat         double precision,
  county      text COLLATE "C",
  town        text COLLATE "C",
  village     text COLLATE "C",
  cell        text COLLATE "C",
  attributes  jsonb NOT NULL,
  PRIMARY KEY (source, external_id)
);
CREATE INDEX history_opened ON history (opened_at);
CREATE INDEX history_type   ON history (case_type, opened_at);

CREATE TABLE history_rejects (
  source text COLLATE "C" NOT NULL,
  line   bigint NOT NULL,
  reason text COLLATE "C" NOT NULL,
  detail text   NOT NULL,
  PRIMARY KEY (source, line)
);
