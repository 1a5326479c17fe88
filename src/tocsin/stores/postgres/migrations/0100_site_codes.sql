-- The code with which a site takes its alarms back: a slow, salted hash, outside of the journal.
CREATE TABLE site_codes (
  asset_id text COLLATE "C" PRIMARY KEY,
  hash     text        NOT NULL,
  set_at   timestamptz NOT NULL
);
