-- Who sees a unit, an asset, an alarm: each area it lies in, and each area with each agency that has
-- a part in it (the two with a mark between). One array, so that a policy is one comparison. The
-- writer fills it in the statement of the row; where nobody did, nobody sees the row.

ALTER TABLE units  ADD COLUMN reach   text[] COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE assets ADD COLUMN reach   text[] COLLATE "C" NOT NULL DEFAULT '{}';
-- Whose an asset is: its alarms are theirs as well, and follow it when it changes hands.
ALTER TABLE assets ADD COLUMN parties text[] COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE alarms ADD COLUMN reach   text[] COLLATE "C" NOT NULL DEFAULT '{}';

-- A state may hold a NUL in a word that a device sent, which jsonb refuses; no area has one.
CREATE FUNCTION pg_temp.told(state bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT replace(convert_from(state, 'UTF8'), '\u0000', '\ufffd')::jsonb $$;

CREATE FUNCTION pg_temp.words(list jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT ARRAY(SELECT jsonb_array_elements_text(coalesce(list, '[]'))) $$;

CREATE FUNCTION pg_temp.reach(areas text[], parties text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT areas || ARRAY(
     SELECT area || E'\x1f' || party FROM unnest(areas) WITH ORDINALITY there (area, n),
            unnest(parties) WITH ORDINALITY theirs (party, m) ORDER BY n, m) $$;

UPDATE units
   SET reach = pg_temp.reach(pg_temp.words(pg_temp.told(state) -> 'areas'), ARRAY[agency]);

UPDATE assets a
   SET parties = told.parties,
       -- What was found and is not registered lies nowhere: whoever has the county sees it.
       reach = pg_temp.reach(
         CASE WHEN told.areas = '{}' THEN '{~nowhere}'::text[] ELSE told.areas END, told.parties)
  FROM (SELECT id, pg_temp.words(about -> 'areas') AS areas,
               array_remove(ARRAY[nullif(about ->> 'owner', ''),
                 CASE WHEN about ->> 'keeper' IS DISTINCT FROM about ->> 'owner'
                      THEN nullif(about ->> 'keeper', '') END], NULL) AS parties
          FROM (SELECT id, pg_temp.told(state) -> 'about' AS about FROM assets) state) told
 WHERE a.id = told.id;

UPDATE alarms a
   SET reach = pg_temp.reach(pg_temp.words(pg_temp.told(a.state) #> '{about,areas}'), s.parties)
  FROM assets s WHERE s.id = a.asset_id;

CREATE INDEX assets_reach ON assets USING gin (reach);
CREATE INDEX alarms_reach ON alarms USING gin (reach);
