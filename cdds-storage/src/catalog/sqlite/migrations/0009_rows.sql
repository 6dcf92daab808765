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

CREATE INDEX notice_listed ON notice (owner, at, id);

CREATE INDEX notice_by_state ON notice (owner, state, at, id);

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

-- Lists: an index for each column that people sort or filter by, behind the owner. Ties are broken by age and by
-- id in the direction of the column, so that one index serves both directions, and a page by age of the rows with
-- one value besides.

-- Whether its set is published and not removed.
ALTER TABLE execution ADD COLUMN has_files INTEGER NOT NULL DEFAULT 0;
UPDATE execution SET has_files = 1
WHERE id IN (SELECT execution_id FROM artifact_set WHERE removed_at IS NULL);
-- Whether neither the file nor its set is removed.
ALTER TABLE artifact ADD COLUMN live INTEGER NOT NULL DEFAULT 1;
UPDATE artifact SET live = 0
WHERE removed_at IS NOT NULL
    OR execution_id IN (SELECT execution_id FROM artifact_set WHERE removed_at IS NOT NULL);
-- How often it was downloaded.
ALTER TABLE artifact ADD COLUMN downloads INTEGER NOT NULL DEFAULT 0;
UPDATE artifact SET downloads = (SELECT count(*) FROM download d WHERE d.artifact_id = artifact.id);
-- Status and begin of its running execution or, failing that, of its newest one that was not skipped.
ALTER TABLE job ADD COLUMN latest_status TEXT;
ALTER TABLE job ADD COLUMN latest_started_at INTEGER;
UPDATE job SET (latest_status, latest_started_at) = (SELECT l.status, l.started_at FROM execution l
    WHERE l.id = coalesce(
        (SELECT r.id FROM execution r WHERE r.job_id = job.id AND r.status = 'in_progress'),
        (SELECT e.id FROM execution e
         WHERE e.job_id = job.id AND e.status <> 'skipped' AND e.deleted_at IS NULL
         ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1)));

-- Triggers, so that no statement that publishes, removes, begins or ends can forget these columns.
CREATE TRIGGER artifact_set_published AFTER INSERT ON artifact_set BEGIN
    UPDATE execution SET has_files = 1 WHERE id = NEW.execution_id;
END;
CREATE TRIGGER artifact_set_removed AFTER UPDATE OF removed_at ON artifact_set WHEN NEW.removed_at IS NOT NULL BEGIN
    UPDATE execution SET has_files = 0 WHERE id = NEW.execution_id;
    UPDATE artifact SET live = 0 WHERE execution_id = NEW.execution_id AND live;
END;
CREATE TRIGGER artifact_removed AFTER UPDATE OF removed_at ON artifact WHEN NEW.removed_at IS NOT NULL BEGIN
    UPDATE artifact SET live = 0 WHERE id = NEW.id;
END;
CREATE TRIGGER download_counted AFTER INSERT ON download BEGIN
    UPDATE artifact SET downloads = downloads + 1 WHERE id = NEW.artifact_id;
END;
CREATE TRIGGER download_forgotten AFTER DELETE ON download BEGIN
    UPDATE artifact SET downloads = downloads - 1 WHERE id = OLD.artifact_id;
END;
CREATE TRIGGER execution_latest_inserted AFTER INSERT ON execution WHEN NEW.status <> 'skipped' BEGIN
    UPDATE job SET latest_status = latest.status, latest_started_at = latest.started_at
    FROM (SELECT l.status, l.started_at FROM (SELECT 1) LEFT JOIN execution l ON l.id = coalesce(
        (SELECT r.id FROM execution r WHERE r.job_id = NEW.job_id AND r.status = 'in_progress'),
        (SELECT e.id FROM execution e
         WHERE e.job_id = NEW.job_id AND e.status <> 'skipped' AND e.deleted_at IS NULL
         ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1))) AS latest
    WHERE job.id = NEW.job_id
        AND (job.latest_status IS NOT latest.status OR job.latest_started_at IS NOT latest.started_at);
END;
CREATE TRIGGER execution_latest_changed AFTER UPDATE OF status, started_at, deleted_at ON execution
WHEN OLD.status <> NEW.status OR OLD.started_at IS NOT NEW.started_at OR OLD.deleted_at IS NOT NEW.deleted_at BEGIN
    UPDATE job SET latest_status = latest.status, latest_started_at = latest.started_at
    FROM (SELECT l.status, l.started_at FROM (SELECT 1) LEFT JOIN execution l ON l.id = coalesce(
        (SELECT r.id FROM execution r WHERE r.job_id = NEW.job_id AND r.status = 'in_progress'),
        (SELECT e.id FROM execution e
         WHERE e.job_id = NEW.job_id AND e.status <> 'skipped' AND e.deleted_at IS NULL
         ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1))) AS latest
    WHERE job.id = NEW.job_id
        AND (job.latest_status IS NOT latest.status OR job.latest_started_at IS NOT latest.started_at);
END;
CREATE TRIGGER execution_latest_forgotten AFTER DELETE ON execution BEGIN
    UPDATE job SET latest_status = latest.status, latest_started_at = latest.started_at
    FROM (SELECT l.status, l.started_at FROM (SELECT 1) LEFT JOIN execution l ON l.id = coalesce(
        (SELECT r.id FROM execution r WHERE r.job_id = OLD.job_id AND r.status = 'in_progress'),
        (SELECT e.id FROM execution e
         WHERE e.job_id = OLD.job_id AND e.status <> 'skipped' AND e.deleted_at IS NULL
         ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1))) AS latest
    WHERE job.id = OLD.job_id
        AND (job.latest_status IS NOT latest.status OR job.latest_started_at IS NOT latest.started_at);
END;

-- SQLite asks once more what the condition of an index says, so each holds that column, too.
DROP INDEX execution_list;
CREATE INDEX execution_list ON execution (owner, slot, id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_source ON execution (owner, source, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_type ON execution (owner, data_type, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_title ON execution (owner, title_folded, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_status ON execution (owner, CASE status WHEN 'queued' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'finished' THEN 2
    WHEN 'finished_with_errors' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 WHEN 'skipped' THEN 6 END, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_started ON execution (owner, started_at, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_finished ON execution (owner, finished_at, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_duration ON execution (owner, (finished_at - started_at), slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_records ON execution (owner, records, slot, id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX execution_list_files ON execution (owner, (CASE WHEN has_files THEN id END), slot, id, deleted_at)
    WHERE deleted_at IS NULL;

DROP INDEX artifact_list;
DROP INDEX artifact_of_job;
CREATE INDEX artifact_list ON artifact (owner, created_at, execution_id, part, live) WHERE live;
CREATE INDEX artifact_list_type ON artifact (owner, data_type, created_at, execution_id, part, live)
    WHERE live;
CREATE INDEX artifact_list_size ON artifact (owner, bytes, created_at, execution_id, part, live) WHERE live;
CREATE INDEX artifact_list_part ON artifact (owner, part, created_at, execution_id, live) WHERE live;
CREATE INDEX artifact_list_expiry ON artifact (owner, expires_at, created_at, execution_id, part, live)
    WHERE live;
CREATE INDEX artifact_list_downloads ON artifact (owner, downloads, created_at, execution_id, part, live)
    WHERE live;
CREATE INDEX artifact_list_hold ON artifact (owner, hold, created_at, execution_id, part, live) WHERE live;
CREATE INDEX artifact_list_name ON artifact (owner, execution_id, created_at, part, live) WHERE live;
CREATE INDEX artifact_of_job ON artifact (job_id, created_at, execution_id, part, live) WHERE live;

DROP INDEX job_list;
CREATE INDEX job_list ON job (owner, created_at, id, state) WHERE state <> 'deleted';
CREATE INDEX job_list_source ON job (owner, source, created_at, id, state) WHERE state <> 'deleted';
CREATE INDEX job_list_type ON job (owner, data_type, created_at, id, state) WHERE state <> 'deleted';
CREATE INDEX job_list_title ON job (owner, title_folded, created_at, id, state) WHERE state <> 'deleted';
CREATE INDEX job_list_frequency ON job (owner, frequency, created_at, id, state) WHERE state <> 'deleted';
CREATE INDEX job_list_state ON job (owner, state, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_latest_status ON job (owner, CASE latest_status WHEN 'queued' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'finished' THEN 2
    WHEN 'finished_with_errors' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 WHEN 'skipped' THEN 6 END, created_at, id, state)
    WHERE state <> 'deleted';
CREATE INDEX job_list_latest_started ON job (owner, latest_started_at, created_at, id, state)
    WHERE state <> 'deleted';
CREATE INDEX job_list_due ON job (owner, next_due_at, created_at, id, state) WHERE state <> 'deleted';

DROP INDEX audit_list;
DROP INDEX audit_of_object;
DROP INDEX audit_of_principal;
CREATE INDEX audit_list ON audit (owner, at, id);
CREATE INDEX audit_list_object ON audit (owner, object_id, at, id);
CREATE INDEX audit_list_principal ON audit (owner, principal, at, id);
CREATE INDEX audit_list_action ON audit (owner, action, at, id);

-- Programs of version 8 know neither the new keys nor the new rows.
UPDATE reader SET oldest = 9;
