-- Which message of a sender continues which: so that an update or a cancel finds its alert after a
-- restart. Names as the sender gave them; device and kind under which the alert is known here.

CREATE TABLE alert_chains (
  source  text COLLATE "C" NOT NULL,
  message text COLLATE "C" NOT NULL,
  known_as text COLLATE "C" NOT NULL,
  kind    text COLLATE "C" NOT NULL,
  is_drill boolean     NOT NULL,
  key     text COLLATE "C" NOT NULL,
  ends_at timestamptz,
  kept_at timestamptz NOT NULL,
  PRIMARY KEY (source, message)
);
CREATE INDEX alert_chains_kept ON alert_chains (kept_at);
