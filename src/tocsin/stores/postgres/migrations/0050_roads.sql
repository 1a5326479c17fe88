-- Changes of roads in force or to come: a plain table, each change with its row in
-- directory_changes ('road_changes') in the same transaction.

CREATE TABLE road_changes (
  id      text COLLATE "C" PRIMARY KEY,
  ends_at timestamptz, -- NULL: until it is taken back
  content bytea NOT NULL
);
