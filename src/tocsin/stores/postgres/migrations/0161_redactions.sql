-- What the public reads of a resident's words (ADR 0027): a person's word on each text. Only ever
-- added to; every row is an entry of the log. Which text it was is said by its reference and by the
-- digest of its sealed bytes, which tells nothing of the words: a word on another text is none.
CREATE TABLE vault.redactions (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at       timestamptz NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  role     text COLLATE "C" NOT NULL,
  case_id  text COLLATE "C" NOT NULL,
  source   text COLLATE "C" NOT NULL, -- the text as it was told
  version  text COLLATE "C" NOT NULL CHECK (version ~ '^[0-9a-f]{64}$'),
  decision text COLLATE "C" NOT NULL CHECK (decision IN ('accepted', 'edited', 'held')),
  value    text COLLATE "C", -- the text as it is published, sealed beside the other
  xid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CHECK ((decision = 'held') = (value IS NULL))
);
CREATE INDEX redactions_source ON vault.redactions (source, case_id, id);
CREATE INDEX redactions_xid    ON vault.redactions (xid);

INSERT INTO vault.purposes (code, kinds, reader) VALUES
  ('redaction', '{description,redacted}', 'person');
UPDATE vault.purposes SET kinds = '{description,address,media,redacted}' WHERE code = 'publication';
