-- Version 9: keys with a nonce, notices as rows of work, the end of what is kept, and lists of any length.

-- Keys with a nonce, and catalogs restored from a backup.

-- Work rows: notices (rule N4).

-- A notice is a row per subscriber and channel, and stays when it is sent. Those that wait are for the host;
-- each keeps the id of its execution as its own.
DROP INDEX notice_oldest;

ALTER TABLE notice RENAME TO untold;

CREATE TABLE notice (
    id               TEXT PRIMARY KEY,
    execution_id     TEXT NOT NULL REFERENCES execution (id) ON DELETE CASCADE,
    job_id           TEXT NOT NULL,
    owner            TEXT NOT NULL,
    kind             TEXT NOT NULL,
    at               INTEGER NOT NULL,
    subscriber       TEXT NOT NULL,
    channel          TEXT NOT NULL,
    state            TEXT NOT NULL,
    -- Why it was given up.
    reason           TEXT,
    epoch            INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    first_attempt_at INTEGER,
    last_attempt_at  INTEGER,
    failure          TEXT,
    -- While it waits.
    next_attempt_at  INTEGER,
    -- While a worker holds it.
    worker           TEXT,
    lease_renewed_at INTEGER,
    lease_expires_at INTEGER,
    -- When it was sent or given up.
    ended_at         INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO notice (id, execution_id, job_id, owner, kind, at, subscriber, channel, state, epoch, attempts,
    next_attempt_at)
SELECT execution_id, execution_id, job_id, owner, kind, at, 'host', 'host', 'waiting', 0, 0, at FROM untold;

DROP TABLE untold;

CREATE INDEX notice_waiting ON notice (channel, owner, subscriber, next_attempt_at, id) WHERE state = 'waiting';

CREATE INDEX notice_held ON notice (channel) WHERE state = 'held';

CREATE INDEX notice_of_execution ON notice (execution_id);

CREATE INDEX notice_listed ON notice (owner, at DESC, id);

CREATE INDEX notice_by_state ON notice (owner, state, at DESC, id);

-- The owner who was served last, per channel.
CREATE TABLE notice_turn (
    channel TEXT PRIMARY KEY,
    owner   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Growth: retention of the record, and housekeeping by one worker at a time.

-- What may be too old, in the order in which it is walked (rule E14).
CREATE INDEX execution_ended ON execution (finished_at, id)
    WHERE finished_at IS NOT NULL AND deleted_at IS NULL;

CREATE INDEX execution_deleted ON execution (deleted_at, id) WHERE deleted_at IS NOT NULL;

CREATE INDEX job_deleted ON job (updated_at, id) WHERE state = 'deleted';

CREATE INDEX notice_ended ON notice (ended_at, id) WHERE ended_at IS NOT NULL;

CREATE INDEX audit_by_age ON audit (at, id);

-- All executions of a job, deleted ones too, which is what a removed job is checked for.
CREATE INDEX execution_by_job ON execution (job_id);

-- The worker that keeps house (rule E15); no row while nobody does.
CREATE TABLE housekeeper (
    only             INTEGER PRIMARY KEY CHECK (only = 1),
    worker           TEXT NOT NULL,
    lease_renewed_at INTEGER NOT NULL,
    lease_expires_at INTEGER NOT NULL
) STRICT;

-- Lists.

-- Programs of version 8 know neither the new keys nor the new rows.
UPDATE reader SET oldest = 9;
