-- Version 20: the filters that tell whom sets name. Programs of versions 9 to 19 may use it, too: they make sets without
-- filters, and remove those of sets that have expired.

-- Not a part of the set, which it outlives; the row goes when the filters are gone from the store.
CREATE TABLE subject_filter (
    execution_id TEXT PRIMARY KEY,
    -- Where they are in the store.
    folder       TEXT NOT NULL,
    -- The key by which they were made.
    key_id       TEXT NOT NULL,
    filters      INTEGER NOT NULL,
    -- How many values they hold.
    people       INTEGER NOT NULL,
    -- Why they do not tell of all records: names of reasons, separated by blanks.
    gaps         TEXT NOT NULL,
    -- When its execution left the history.
    unwanted_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX subject_filter_unwanted ON subject_filter (unwanted_at, execution_id) WHERE unwanted_at IS NOT NULL;
