-- What the measures of alarms and of devices read. Stories are derived: they may be dropped and told
-- again by setting the cursor back to 0.

CREATE TABLE alarm_stories (
  alarm_id  text COLLATE "C" PRIMARY KEY,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  story     text NOT NULL
);
CREATE INDEX alarm_stories_opened ON alarm_stories (opened_at);
CREATE INDEX alarm_stories_open   ON alarm_stories (alarm_id) WHERE closed_at IS NULL;

CREATE TABLE asset_stories (
  asset_id text COLLATE "C" PRIMARY KEY,
  story    text NOT NULL
);

CREATE TABLE alarm_story_cursor (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  seq      bigint NOT NULL
);
INSERT INTO alarm_story_cursor (seq) VALUES (0);

-- When this node listened to its devices: between two of these spans it was away itself.
CREATE TABLE listening (
  started_at timestamptz PRIMARY KEY,
  until      timestamptz NOT NULL
);

-- One reading of the battery a day and device: what a forecast is drawn through.
CREATE TABLE battery_days (
  asset_id text COLLATE "C" NOT NULL,
  day      date NOT NULL,
  percent  double precision NOT NULL,
  PRIMARY KEY (asset_id, day)
);
CREATE INDEX battery_days_day ON battery_days (day);

-- The card of each night, as it was then.
CREATE TABLE scorecards (
  night   date PRIMARY KEY,
  made_at timestamptz NOT NULL,
  content text NOT NULL
);
