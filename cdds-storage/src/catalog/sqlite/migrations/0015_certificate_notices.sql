-- Version 15: notices about certificates, which no execution causes. Programs of versions 9 to 14 may use it, too, and
-- pass over these.

ALTER TABLE notice RENAME TO notice_of_version_14;

CREATE TABLE notice (
    id               TEXT PRIMARY KEY,
    -- Null for a notice about a certificate.
    execution_id     TEXT REFERENCES execution (id) ON DELETE CASCADE,
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
    ended_at         INTEGER,
    -- The certificate: whose it is, which it is, and how soon it expired when the notice was stored.
    recipient        TEXT,
    fingerprint      TEXT,
    not_after        INTEGER,
    expires          TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO notice (id, execution_id, job_id, owner, kind, at, subscriber, channel, state, reason, epoch, attempts,
    first_attempt_at, last_attempt_at, failure, next_attempt_at, worker, lease_renewed_at, lease_expires_at, ended_at)
SELECT id, execution_id, job_id, owner, kind, at, subscriber, channel, state, reason, epoch, attempts,
    first_attempt_at, last_attempt_at, failure, next_attempt_at, worker, lease_renewed_at, lease_expires_at, ended_at
FROM notice_of_version_14;

DROP TABLE notice_of_version_14;

CREATE INDEX notice_waiting ON notice (channel, owner, subscriber, next_attempt_at, id) WHERE state = 'waiting';

CREATE INDEX notice_held ON notice (channel) WHERE state = 'held';

CREATE INDEX notice_of_execution ON notice (execution_id);

CREATE INDEX notice_listed ON notice (owner, at, id);

CREATE INDEX notice_by_state ON notice (owner, state, at, id);

CREATE INDEX notice_ended ON notice (ended_at, id) WHERE ended_at IS NOT NULL;

CREATE INDEX notice_by_job ON notice (owner, job_id, at, id);

CREATE INDEX notice_by_kind ON notice (owner, kind, at, id);

CREATE INDEX notice_by_subscriber ON notice (owner, subscriber, at, id);

CREATE INDEX notice_by_channel ON notice (owner, channel, at, id);

CREATE INDEX notice_sent ON notice (owner, at, id, channel) WHERE channel <> 'host';
