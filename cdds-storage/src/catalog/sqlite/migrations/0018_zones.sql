-- Version 18: by which version of the database of time zones jobs are computed. Programs of versions 9 to 17 may use it,
-- too, but pass over jobs with a time zone that a program of this version has stored.

-- What the clock of a job showed up to which its slots are decided, and its offset from UTC in seconds.
ALTER TABLE job ADD COLUMN decided_until INTEGER;
ALTER TABLE job ADD COLUMN decided_offset INTEGER;

-- The database that a worker has.
ALTER TABLE worker ADD COLUMN zones TEXT;

-- The last row counts; the others say what was before.
CREATE TABLE zone_database (
    step      INTEGER PRIMARY KEY,
    version   TEXT NOT NULL,
    since     INTEGER NOT NULL,
    -- How many jobs had another next slot by it, and how many were suspended because it has not their zone.
    moved     INTEGER NOT NULL,
    suspended INTEGER NOT NULL
) STRICT;
