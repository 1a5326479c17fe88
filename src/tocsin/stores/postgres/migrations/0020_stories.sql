-- Stories: one record a case, told from the journal for the measures. Derived: may be dropped and
-- told again by setting the cursor back to 0.
CREATE TABLE stories (
  case_id   text PRIMARY KEY,
  opened_at timestamptz NOT NULL,
  case_type text NOT NULL,
  county    text NOT NULL,
  town      text NOT NULL,
  village   text NOT NULL,
  cell      text NOT NULL,
  lead      text,
  story     text NOT NULL
);
CREATE INDEX stories_opened ON stories (opened_at, case_id);
CREATE INDEX stories_town ON stories (town, opened_at);
CREATE INDEX stories_village ON stories (village, opened_at);

CREATE TABLE story_cursor (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  seq      bigint NOT NULL
);
INSERT INTO story_cursor (seq) VALUES (0);
