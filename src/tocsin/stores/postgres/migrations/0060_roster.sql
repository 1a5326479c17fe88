-- Which unit is planned on duty when. A plain table; its changes are in directory_changes.

CREATE TABLE planned_duties (
  id        text COLLATE "C" PRIMARY KEY,
  unit_id   text COLLATE "C" NOT NULL REFERENCES units (id),
  starts_at timestamptz NOT NULL,
  ends_at   timestamptz NOT NULL,
  crew_size integer,
  shift     text NOT NULL,
  CHECK (starts_at < ends_at)
);
CREATE INDEX planned_duties_unit ON planned_duties (unit_id, ends_at);
CREATE INDEX planned_duties_time ON planned_duties (ends_at, starts_at);
