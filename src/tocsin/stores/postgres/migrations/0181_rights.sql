-- Three administrators: nobody holds two of the roles, whoever audits holds nothing else, and a
-- right of the three is given or taken by two persons.

ALTER TABLE accounts ADD CONSTRAINT accounts_roles_apart CHECK (
  (grants @> '[{"role": "administrator"}]')::int
    + (grants @> '[{"role": "security_administrator"}]')::int
    + (grants @> '[{"role": "audit_administrator"}]')::int <= 1
  AND NOT (
    grants @> '[{"role": "audit_administrator"}]'
    AND jsonb_path_exists(grants, '$[*] ? (@.role != "audit_administrator")')
  )
);

CREATE TABLE rights_proposals (
  id         text COLLATE "C" PRIMARY KEY,
  kind       text COLLATE "C" NOT NULL CHECK (kind IN ('rights', 'link')),
  account    text COLLATE "C" NOT NULL REFERENCES accounts,
  before     jsonb       NOT NULL,
  was_active boolean     NOT NULL,
  grants     jsonb       NOT NULL,
  is_active  boolean     NOT NULL,
  proposer   text COLLATE "C" NOT NULL,
  at         timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  decider    text COLLATE "C",
  decided_at timestamptz,
  outcome    text COLLATE "C" CHECK (outcome IN ('granted', 'declined')),
  CONSTRAINT rights_not_ones_own CHECK (proposer <> account),
  CONSTRAINT rights_by_two CHECK (decider <> account AND (decider <> proposer OR outcome = 'declined')),
  CONSTRAINT rights_decided_whole CHECK (
    (decider IS NULL) = (outcome IS NULL) AND (decider IS NULL) = (decided_at IS NULL)
  )
);
CREATE INDEX rights_proposals_open ON rights_proposals (at) WHERE outcome IS NULL;
