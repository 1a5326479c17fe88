-- The vault. Everything personal and every free text is here, sealed; the master key is a file
-- outside the database.

CREATE SCHEMA vault;

CREATE TABLE vault.masters (
  id          smallint PRIMARY KEY,
  fingerprint bytea NOT NULL
);

CREATE TABLE vault.keys (
  case_id     text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  master      smallint NOT NULL,
  wrapped_key bytea    NOT NULL,
  PRIMARY KEY (case_id, subject)
);

CREATE TABLE vault.values (
  ref        text COLLATE "C" PRIMARY KEY,
  case_id    text COLLATE "C" NOT NULL,
  subject    text COLLATE "C" NOT NULL,
  kind       text  NOT NULL,
  media_type text  NOT NULL,
  nonce      bytea NOT NULL,
  ciphertext bytea NOT NULL
);
ALTER TABLE vault.values ALTER COLUMN ciphertext SET STORAGE EXTERNAL; -- it cannot be compressed
CREATE INDEX values_scope ON vault.values (case_id, subject);

CREATE TABLE vault.grants (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  actor   text COLLATE "C" NOT NULL,
  kind    text COLLATE "C" NOT NULL,
  purpose text   NOT NULL,
  refs    text[] NOT NULL
);
CREATE INDEX grants_at ON vault.grants (at);

-- What was erased, when and by whom; nothing of the person.
CREATE TABLE vault.erasures (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  actor   text COLLATE "C" NOT NULL,
  case_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  reason  text    NOT NULL,
  "values" integer NOT NULL
);
