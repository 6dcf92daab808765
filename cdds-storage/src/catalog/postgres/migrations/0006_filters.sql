-- The filters that tell whom sets name. Not a part of the set, which they outlive; the row goes when they are gone from the
-- store.
CREATE TABLE subject_filter (
    execution_id TEXT COLLATE "C" PRIMARY KEY,
    -- Where they are in the store.
    folder TEXT COLLATE "C" NOT NULL,
    -- The key by which they were made.
    key_id TEXT COLLATE "C" NOT NULL,
    filters BIGINT NOT NULL,
    -- How many values they hold.
    people BIGINT NOT NULL,
    -- Why they do not tell of all records: names of reasons, separated by blanks.
    gaps TEXT COLLATE "C" NOT NULL,
    -- When its execution left the history.
    unwanted_at BIGINT
);

CREATE INDEX subject_filter_unwanted ON subject_filter (unwanted_at, execution_id) WHERE unwanted_at IS NOT NULL;
