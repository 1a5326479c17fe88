-- Purpose before sight (ADR 0024). A sealed value leaves the vault only under a permit that an
-- earlier transaction committed, and with a record of its own that an earlier transaction committed.
-- All of these tables are only ever added to; every row is an entry of the log.

-- For what values may be opened, and which kinds: the same list as in runtime/sight.py.
CREATE TABLE vault.purposes (
  code   text COLLATE "C" PRIMARY KEY,
  kinds  text[] NOT NULL,
  reader text COLLATE "C" NOT NULL CHECK (reader IN ('person', 'machine', 'everybody'))
);
INSERT INTO vault.purposes (code, kinds, reader) VALUES
  ('handling', '{description,address,media,note,question,comment}', 'person'),
  ('contact_reporter', '{contact,question,comment}', 'person'),
  ('verification', '{description,address,media,note}', 'person'),
  ('duplicate_check', '{description,address}', 'person'),
  ('supervision', '{description,address,media,note,question,comment}', 'person'),
  ('arbitration', '{description,address,media,note}', 'person'),
  ('evaluation', '{description,media,note,comment}', 'person'),
  ('break_glass', '{description,contact,address,media,note,question,comment}', 'person'),
  ('own_receipt', '{question}', 'person'),
  ('likeness', '{description}', 'machine'),
  ('publication', '{description,address,media}', 'everybody');

-- Somebody asks for a second person.
CREATE TABLE vault.asks (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL,
  actor      text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  role       text COLLATE "C" NOT NULL,
  agency     text COLLATE "C",
  purpose    text COLLATE "C" NOT NULL REFERENCES vault.purposes (code),
  case_id    text COLLATE "C" NOT NULL,
  holders    text[] NOT NULL,
  needs      text[] NOT NULL CHECK (needs <> '{}'),
  reason     text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > at AND expires_at <= at + interval '60 minutes'),
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (id, actor)
);

-- The second person's word: once, and never on one's own wish.
CREATE TABLE vault.decisions (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL,
  ask    bigint NOT NULL UNIQUE,
  asker  text COLLATE "C" NOT NULL,
  actor  text COLLATE "C" NOT NULL,
  role   text COLLATE "C" NOT NULL,
  answer text COLLATE "C" NOT NULL CHECK (answer IN ('approved', 'denied')),
  reason text COLLATE "C" NOT NULL,
  xid    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT another_person CHECK (actor <> asker),
  FOREIGN KEY (ask, asker) REFERENCES vault.asks (id, actor),
  UNIQUE (ask, asker, actor)
);

-- The permit. With a second person it hangs on their decision.
CREATE TABLE vault.permits (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL,
  actor      text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  role       text COLLATE "C" NOT NULL,
  agency     text COLLATE "C",
  purpose    text COLLATE "C" NOT NULL REFERENCES vault.purposes (code),
  case_id    text COLLATE "C" NOT NULL,
  holders    text[] NOT NULL, -- the case, and those it was split off, whose values it shows
  needs      text[] NOT NULL,
  ask        bigint,
  second     text COLLATE "C",
  expires_at timestamptz NOT NULL CHECK (expires_at > at AND expires_at <= at + interval '60 minutes'),
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CHECK ((ask IS NULL) = (second IS NULL)),
  CHECK (ask IS NOT NULL OR (needs = '{}' AND purpose <> 'break_glass')),
  CONSTRAINT another_person CHECK (second <> actor),
  FOREIGN KEY (ask, actor, second) REFERENCES vault.decisions (ask, asker, actor)
);

CREATE TABLE vault.revocations (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL,
  permit bigint NOT NULL REFERENCES vault.permits (id),
  actor  text COLLATE "C" NOT NULL,
  xid    xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- One row for each opened field. From here on it takes the place of vault.grants, which keeps what
-- was opened before.
CREATE TABLE vault.openings (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  permit  bigint NOT NULL REFERENCES vault.permits (id),
  ref     text COLLATE "C" NOT NULL,
  case_id text COLLATE "C" NOT NULL,
  field   text COLLATE "C" NOT NULL,
  xid     xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE INDEX asks_at            ON vault.asks (at);
CREATE INDEX permits_case       ON vault.permits (case_id, at);
CREATE INDEX permits_at         ON vault.permits (at);
CREATE INDEX revocations_permit ON vault.revocations (permit);
CREATE INDEX openings_ref       ON vault.openings (ref);
CREATE INDEX openings_permit    ON vault.openings (permit);
CREATE INDEX asks_xid           ON vault.asks (xid);
CREATE INDEX decisions_xid      ON vault.decisions (xid);
CREATE INDEX permits_xid        ON vault.permits (xid);
CREATE INDEX revocations_xid    ON vault.revocations (xid);
CREATE INDEX openings_xid       ON vault.openings (xid);
