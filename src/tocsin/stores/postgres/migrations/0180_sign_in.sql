-- Ways in beside the password, and what keeps them open: passkeys, the identities of a provider,
-- challenges that are answered once, browsers in which an account was signed in before.

CREATE TABLE account_passkeys (
  id         text COLLATE "C" PRIMARY KEY,
  account    text COLLATE "C" NOT NULL REFERENCES accounts,
  credential bytea       NOT NULL UNIQUE,
  public_key bytea       NOT NULL,
  sign_count bigint      NOT NULL,
  name       text        NOT NULL,
  made_at    timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX account_passkeys_account ON account_passkeys (account);

CREATE TABLE account_identities (
  issuer     text COLLATE "C" NOT NULL,
  subject    text COLLATE "C" NOT NULL, -- as the provider calls the account's owner
  account    text COLLATE "C" NOT NULL REFERENCES accounts,
  made_at    timestamptz NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX account_identities_account ON account_identities (account);

CREATE TABLE sign_in_challenges (
  hash       bytea PRIMARY KEY,
  kind       text COLLATE "C" NOT NULL,
  account    text COLLATE "C" REFERENCES accounts,
  content    text        NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_challenges_end ON sign_in_challenges (expires_at);

CREATE TABLE account_browsers (
  hash       bytea PRIMARY KEY,
  account    text COLLATE "C" NOT NULL REFERENCES accounts,
  expires_at timestamptz NOT NULL
);
CREATE INDEX account_browsers_account ON account_browsers (account);

-- What a session may do is what it was opened or renewed with, and what the account still has.
ALTER TABLE account_sessions ADD COLUMN grants jsonb NOT NULL DEFAULT '[]';
ALTER TABLE account_sessions ADD COLUMN how text COLLATE "C" NOT NULL DEFAULT 'password';
UPDATE account_sessions s SET grants = a.grants FROM accounts a WHERE a.id = s.account;
