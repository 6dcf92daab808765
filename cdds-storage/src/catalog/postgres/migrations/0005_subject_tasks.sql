-- Erasures of data subjects by data type, as SQLite's migration 19 has them.

CREATE TABLE subject_task (
    id TEXT COLLATE "C" PRIMARY KEY,
    request_id TEXT COLLATE "C" NOT NULL REFERENCES subject_request (id) ON DELETE CASCADE,
    owner TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    data_type TEXT COLLATE "C" NOT NULL,
    -- How many records are known to be erased, and how many an attempt was about to erase that has not reported.
    erased BIGINT NOT NULL,
    looked BIGINT,
    -- What the last erasure answered.
    outcome TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    epoch BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    first_attempt_at BIGINT,
    last_attempt_at BIGINT,
    failure TEXT COLLATE "C",
    next_attempt_at BIGINT,
    worker TEXT COLLATE "C",
    lease_renewed_at BIGINT,
    lease_expires_at BIGINT,
    ended_at BIGINT
);

CREATE INDEX subject_task_waiting ON subject_task (owner, source, next_attempt_at, id) WHERE state = 'waiting';

CREATE INDEX subject_task_held ON subject_task (id) WHERE state = 'held';

CREATE INDEX subject_task_of_request ON subject_task (request_id, source, data_type);

CREATE INDEX subject_request_running ON subject_request (received_at, id) WHERE state = 'running';
