-- What the console asks for: the journal of a span of time, and who opened the sealed fields of a case.
-- The journal grows in the order of time, so a few bytes a block range are enough.
CREATE INDEX journal_at ON journal USING brin (at) WITH (pages_per_range = 16);
CREATE INDEX grants_refs ON vault.grants USING gin (refs);
