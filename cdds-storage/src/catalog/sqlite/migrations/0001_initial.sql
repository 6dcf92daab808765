-- Version 1. Instants are whole microseconds since 1970-01-01T00:00:00Z, identifiers hyphenated UUIDs,
-- JSON columns name their own version.

CREATE TABLE job (
    id           TEXT PRIMARY KEY NOT NULL,
    owner        TEXT NOT NULL,
    version      INTEGER NOT NULL,
    state        TEXT NOT NULL,
    settings     TEXT NOT NULL,
    -- Repeated from the settings, to be searched and sorted by.
    title_folded TEXT NOT NULL,
    source       TEXT NOT NULL,
    data_type    TEXT NOT NULL,
    frequency    TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    next_due_at  INTEGER
) STRICT;

CREATE INDEX job_list ON job (owner, created_at, id);
CREATE INDEX job_due ON job (next_due_at, id) WHERE state = 'active' AND next_due_at IS NOT NULL;

CREATE TABLE execution (
    id               TEXT PRIMARY KEY NOT NULL,
    job_id           TEXT NOT NULL REFERENCES job (id),
    owner            TEXT NOT NULL,
    "trigger"        TEXT NOT NULL,
    slot             INTEGER NOT NULL,
    window_start     INTEGER,
    window_end       INTEGER NOT NULL,
    settings         TEXT NOT NULL,
    -- Repeated from the settings, to be filtered and sorted by.
    title_folded     TEXT NOT NULL,
    source           TEXT NOT NULL,
    data_type        TEXT NOT NULL,
    status           TEXT NOT NULL,
    -- The failure of a failed one, the reason of a skipped one.
    detail           TEXT,
    epoch            INTEGER NOT NULL,
    attempts         TEXT NOT NULL,
    not_before       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER,
    progress         TEXT NOT NULL,
    records          INTEGER NOT NULL,
    -- Set while it runs. A lease is valid from its renewal until it expires; one that was renewed in the
    -- future comes from a clock that has been set back.
    worker           TEXT,
    lease_renewed_at INTEGER,
    lease_expires_at INTEGER
) STRICT;

CREATE INDEX execution_list ON execution (owner, slot, id);
CREATE INDEX execution_of_job ON execution (job_id, slot, id);
CREATE INDEX execution_latest ON execution (job_id, created_at, slot, id) WHERE status <> 'skipped';
CREATE INDEX execution_success ON execution (job_id, finished_at) WHERE status = 'finished';
CREATE INDEX execution_queue ON execution (slot, id) WHERE status = 'queued';
CREATE INDEX execution_queue_of_job ON execution (job_id, slot, id) WHERE status = 'queued';
CREATE INDEX execution_ready ON execution (not_before) WHERE status = 'queued';
-- Rule E2 and invariant I10 hold even against a defect: one running execution per job.
CREATE UNIQUE INDEX execution_running ON execution (job_id) WHERE status = 'in_progress';

CREATE TABLE artifact_set (
    execution_id         TEXT PRIMARY KEY NOT NULL REFERENCES execution (id),
    manifest_name        TEXT NOT NULL,
    manifest_key         TEXT NOT NULL,
    manifest_bytes       INTEGER NOT NULL,
    manifest_sha256      TEXT NOT NULL,
    published_at         INTEGER NOT NULL,
    -- The latest expiry of its files: within it nothing disappears (invariant I12).
    expires_at           INTEGER NOT NULL,
    -- Marked as removed: shown no more, its files are being deleted.
    removed_at           INTEGER,
    -- Its files are gone.
    removal_confirmed_at INTEGER
) STRICT;

CREATE INDEX artifact_set_expiry ON artifact_set (expires_at) WHERE removed_at IS NULL;
CREATE INDEX artifact_set_removal ON artifact_set (removed_at)
    WHERE removed_at IS NOT NULL AND removal_confirmed_at IS NULL;

CREATE TABLE artifact (
    id           TEXT PRIMARY KEY NOT NULL,
    owner        TEXT NOT NULL,
    execution_id TEXT NOT NULL REFERENCES artifact_set (execution_id),
    job_id       TEXT NOT NULL REFERENCES job (id),
    data_type    TEXT NOT NULL,
    name         TEXT NOT NULL,
    part         INTEGER NOT NULL,
    parts        INTEGER NOT NULL,
    "key"        TEXT NOT NULL,
    bytes        INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    hold         INTEGER NOT NULL,
    UNIQUE (execution_id, part)
) STRICT;

CREATE INDEX artifact_list ON artifact (owner, created_at);
CREATE INDEX artifact_of_job ON artifact (job_id);

CREATE TABLE download (
    artifact_id TEXT NOT NULL REFERENCES artifact (id),
    at          INTEGER NOT NULL
) STRICT;

CREATE INDEX download_of_artifact ON download (artifact_id, at);

CREATE TABLE recipient (
    owner       TEXT NOT NULL,
    name        TEXT NOT NULL,
    der         BLOB NOT NULL,
    fingerprint TEXT NOT NULL,
    subject     TEXT NOT NULL,
    not_before  INTEGER NOT NULL,
    not_after   INTEGER NOT NULL,
    warnings    TEXT NOT NULL,
    added_at    INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT;
