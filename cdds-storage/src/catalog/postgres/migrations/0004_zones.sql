-- By which version of the database of time zones jobs are computed.

-- What the clock of a job showed up to which its slots are decided, and its offset from UTC in seconds.
ALTER TABLE job ADD COLUMN decided_until BIGINT;
ALTER TABLE job ADD COLUMN decided_offset BIGINT;

-- The database that a worker has.
ALTER TABLE worker ADD COLUMN zones TEXT;

-- The last row counts; the others say what was before.
CREATE TABLE zone_database (
    step BIGINT PRIMARY KEY,
    version TEXT NOT NULL,
    since BIGINT NOT NULL,
    -- How many jobs had another next slot by it, and how many were suspended because it has not their zone.
    moved BIGINT NOT NULL,
    suspended BIGINT NOT NULL
);
