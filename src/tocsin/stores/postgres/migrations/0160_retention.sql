-- Retention (ADR 0027): what was destroyed because its day had come, and what may not be.

-- A signed record of each destruction; it names a case, an account or a table, never a person.
CREATE TABLE vault.tombstones (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  rule    text COLLATE "C" NOT NULL,
  class   text COLLATE "C" NOT NULL,
  what    text COLLATE "C" NOT NULL,
  due_at  timestamptz NOT NULL,
  gone    integer NOT NULL CHECK (gone >= 0),
  note    text NOT NULL, -- all of this, signed with the key of the log
  xid     xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX tombstones_xid ON vault.tombstones (xid);

-- A legal hold: nothing of the case is destroyed. Until a second person has spoken it holds for
-- fourteen days, so that nothing goes while they are asked.
CREATE TABLE vault.holds (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL,
  actor      text COLLATE "C" NOT NULL,
  case_id    text COLLATE "C" NOT NULL,
  reason     text COLLATE "C" NOT NULL CHECK (reason IN ('court', 'investigation', 'audit', 'claim')),
  until      timestamptz NOT NULL CHECK (until > at AND until <= at + interval '1096 days'),
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (id, actor)
);
CREATE INDEX holds_case ON vault.holds (case_id);
CREATE INDEX holds_xid  ON vault.holds (xid);

-- The second person's word, and later, if need be, that of whoever ends the hold early.
CREATE TABLE vault.hold_words (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL,
  hold   bigint NOT NULL,
  asker  text COLLATE "C" NOT NULL,
  actor  text COLLATE "C" NOT NULL,
  answer text COLLATE "C" NOT NULL CHECK (answer IN ('confirmed', 'denied', 'ended')),
  xid    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT another_person CHECK (actor <> asker),
  FOREIGN KEY (hold, asker) REFERENCES vault.holds (id, actor),
  UNIQUE (hold, answer)
);
CREATE INDEX hold_words_xid ON vault.hold_words (xid);

-- When a run was last carried to its end.
CREATE TABLE retention_runs (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ended_at timestamptz NOT NULL,
  gone     integer NOT NULL
);

-- Codes go with their case.
CREATE INDEX receipts_case ON receipts (case_id);
