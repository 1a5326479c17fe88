-- Lists that a million cases made slow: the open cases of an agency, closed ones, published ones.

-- One row for each agency with a live task in an open case: its list is one index range a status.
CREATE TABLE case_agencies (
  case_id text COLLATE "C" NOT NULL,
  agency  text COLLATE "C" NOT NULL,
  status  text COLLATE "C" NOT NULL,
  due_at  timestamptz      NOT NULL,
  PRIMARY KEY (case_id, agency)
);
INSERT INTO case_agencies (case_id, agency, status, due_at)
  SELECT id, unnest(agencies), status, due_at FROM cases WHERE is_open;
CREATE INDEX case_agencies_due ON case_agencies (agency, status, due_at, case_id);

-- For every other list with an agency in it, closed cases included.
DROP INDEX cases_agencies;
CREATE INDEX cases_agencies ON cases USING gin (agencies) WHERE agencies <> '{}';

CREATE INDEX cases_closed    ON cases (status, updated_at, id) WHERE NOT is_open;
CREATE INDEX cases_published ON cases (opened_at, id) WHERE published;
