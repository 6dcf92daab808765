-- Version 2: watermarks, work that people ask for, recipients in use, files and entries that people delete.

-- Counts every stored change.
ALTER TABLE job ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
-- How far incremental exports have come; no generation for a job that has made none.
ALTER TABLE job ADD COLUMN watermark_generation INTEGER;
ALTER TABLE job ADD COLUMN watermark_at INTEGER;
-- Since when it is kept suspended.
ALTER TABLE job ADD COLUMN suspended_at INTEGER;
-- A one-time job that has come to its start is suspended by rule, not by a person.
UPDATE job SET suspended_at = updated_at
WHERE state = 'suspended'
    AND (frequency <> 'once' OR NOT EXISTS (SELECT 1 FROM execution e WHERE e.job_id = job.id));
-- Where the window of its next occurrence starts if its windows tile; by its frequency where it is not told.
ALTER TABLE job ADD COLUMN tiled_until INTEGER;
ALTER TABLE job ADD COLUMN failures_in_row INTEGER NOT NULL DEFAULT 0;

-- Holds all that a page asks of what it passes over, in the order that lists have by default.
DROP INDEX job_list;
CREATE INDEX job_list ON job (owner, created_at DESC, id, state);

-- The generation of the watermark that its success moves.
ALTER TABLE execution ADD COLUMN generation INTEGER;
-- Its place in the queue. All there was before was scheduled work, by its slot.
ALTER TABLE execution ADD COLUMN queue_at INTEGER NOT NULL DEFAULT 0;
UPDATE execution SET queue_at = slot;
ALTER TABLE execution ADD COLUMN rerun_of TEXT;
ALTER TABLE execution ADD COLUMN cancel_requested_at INTEGER;
-- Taken off the history. The row stays, so that what it may have left in the store is known as unwanted and
-- its occurrence is not put on the record again; what it said is gone.
ALTER TABLE execution ADD COLUMN deleted_at INTEGER;

DROP INDEX execution_list;
DROP INDEX execution_of_job;
DROP INDEX execution_latest;
DROP INDEX execution_success;
DROP INDEX execution_queue;
DROP INDEX execution_queue_of_job;
-- Likewise: SQLite asks once more what the condition says already.
CREATE INDEX execution_list ON execution (owner, slot DESC, id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX execution_of_job ON execution (job_id, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_latest ON execution (job_id, created_at, slot, id)
    WHERE status <> 'skipped' AND deleted_at IS NULL;
CREATE INDEX execution_success ON execution (job_id, finished_at)
    WHERE status IN ('finished', 'finished_with_errors') AND deleted_at IS NULL;
-- Holds all that a claim asks of what it does not take.
CREATE INDEX execution_queue ON execution (queue_at, slot, id, job_id, not_before, epoch)
    WHERE status = 'queued';
CREATE INDEX execution_queue_of_job ON execution (job_id, queue_at, slot, id) WHERE status = 'queued';
-- What was begun and waits to be tried again.
CREATE INDEX execution_begun ON execution (job_id) WHERE status = 'queued' AND epoch > 0;

ALTER TABLE artifact ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
-- Names were made of ASCII characters only.
UPDATE artifact SET name_folded = lower(name);
-- Marked as removed by itself, while others of its set stay.
ALTER TABLE artifact ADD COLUMN removed_at INTEGER;
-- Its file is gone.
ALTER TABLE artifact ADD COLUMN removal_confirmed_at INTEGER;

DROP INDEX artifact_list;
CREATE INDEX artifact_list ON artifact (owner, created_at) WHERE removed_at IS NULL;
CREATE INDEX artifact_removal ON artifact (removed_at)
    WHERE removed_at IS NOT NULL AND removal_confirmed_at IS NULL;

-- What is to be told of executions that have ended, until somebody has told it.
CREATE TABLE notice (
    execution_id TEXT PRIMARY KEY REFERENCES execution (id),
    job_id       TEXT NOT NULL,
    owner        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    at           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_oldest ON notice (at, execution_id);

-- Which recipients the settings of jobs name, for jobs that are not deleted: a recipient in use cannot go,
-- and a job cannot name one that is missing.
CREATE TABLE job_recipient (
    owner  TEXT NOT NULL,
    name   TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES job (id),
    PRIMARY KEY (owner, name, job_id),
    FOREIGN KEY (owner, name) REFERENCES recipient (owner, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_recipient_of_job ON job_recipient (job_id);

-- Settings that are not JSON belong to rows that are not understood, which stop nobody else.
INSERT INTO job_recipient (owner, name, job_id)
SELECT DISTINCT r.owner, r.name, j.id
FROM job j,
    json_each(CASE WHEN json_valid(j.settings) THEN j.settings ELSE '{}' END, '$.protection.recipients') named
    JOIN recipient r ON r.owner = j.owner AND r.name = named.value;
