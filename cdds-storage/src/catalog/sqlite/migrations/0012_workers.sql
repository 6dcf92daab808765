-- Version 12: the workers, so that people see who works. Programs of versions 9 to 11 neither need nor touch them.

CREATE TABLE worker (
    id          TEXT PRIMARY KEY,
    program     TEXT,
    host        TEXT,
    process     INTEGER,
    concurrency INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    -- The last sign of life, and until when it counts.
    seen_at     INTEGER NOT NULL,
    silent_at   INTEGER NOT NULL,
    -- When it ended in good order.
    left_at     INTEGER
) STRICT, WITHOUT ROWID;
