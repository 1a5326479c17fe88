-- Who may act: plain tables, each change with its own row in the same transaction.
-- Tokens and keys are known by hash only; passwords are argon2id hashes.

CREATE TABLE accounts (
  id         text COLLATE "C" PRIMARY KEY,
  login      text COLLATE "C" NOT NULL UNIQUE, -- folded by the program
  name       text        NOT NULL,
  language   text        NOT NULL,
  grants     jsonb       NOT NULL,
  created_at timestamptz NOT NULL,
  is_active  boolean     NOT NULL,
  password   text,
  version    integer     NOT NULL
);
CREATE INDEX accounts_administrators ON accounts (id)
  WHERE is_active AND grants @> '[{"role": "administrator"}]';

CREATE TABLE account_links (
  hash       bytea PRIMARY KEY,
  account    text COLLATE "C" UNIQUE NULLS NOT DISTINCT REFERENCES accounts, -- NULL: the first
  expires_at timestamptz NOT NULL
);

CREATE TABLE account_sessions (
  hash       bytea PRIMARY KEY,
  id         text COLLATE "C" NOT NULL UNIQUE,
  account    text COLLATE "C" NOT NULL REFERENCES accounts,
  started_at timestamptz NOT NULL,
  seen_at    timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX account_sessions_account ON account_sessions (account);

CREATE TABLE api_keys (
  id         text COLLATE "C" PRIMARY KEY,
  name       text        NOT NULL,
  hash       bytea       NOT NULL UNIQUE,
  scopes     text[]      NOT NULL,
  grants     jsonb       NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz
);

CREATE TABLE account_changes (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  actor   text COLLATE "C" NOT NULL,
  what    text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  detail  text NOT NULL
);
