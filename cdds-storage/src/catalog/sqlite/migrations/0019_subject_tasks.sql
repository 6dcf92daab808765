-- Version 19: erasures of data subjects, by data type. Programs of versions 9 to 18 may use it, too, but pass over requests
-- that run or are done.

CREATE TABLE subject_task (
    id               TEXT PRIMARY KEY,
    request_id       TEXT NOT NULL REFERENCES subject_request (id) ON DELETE CASCADE,
    owner            TEXT NOT NULL,
    source           TEXT NOT NULL,
    data_type        TEXT NOT NULL,
    -- How many records are known to be erased, and how many an attempt was about to erase that has not reported.
    erased           INTEGER NOT NULL,
    looked           INTEGER,
    -- What the last erasure answered.
    outcome          TEXT,
    state            TEXT NOT NULL,
    reason           TEXT,
    epoch            INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    first_attempt_at INTEGER,
    last_attempt_at  INTEGER,
    failure          TEXT,
    next_attempt_at  INTEGER,
    worker           TEXT,
    lease_renewed_at INTEGER,
    lease_expires_at INTEGER,
    ended_at         INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX subject_task_waiting ON subject_task (owner, source, next_attempt_at, id) WHERE state = 'waiting';

CREATE INDEX subject_task_held ON subject_task (id) WHERE state = 'held';

CREATE INDEX subject_task_of_request ON subject_task (request_id, source, data_type);

CREATE INDEX subject_request_running ON subject_request (received_at, id) WHERE state = 'running';
