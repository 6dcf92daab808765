-- What is asked all the time.

-- Signs of life of running executions, apart from their rows, which are wide and have many indexes: each second leaves a
-- version of what it changes, and as long as anybody in the database holds an old snapshot, none of them can be removed.
-- What counts is the row of the claim that the execution has now; others are left over.

CREATE TABLE beat (
    execution_id TEXT COLLATE "C" PRIMARY KEY REFERENCES execution (id) ON DELETE CASCADE,
    epoch BIGINT NOT NULL,
    lease_renewed_at BIGINT NOT NULL,
    lease_expires_at BIGINT NOT NULL,
    -- The progress.
    records BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    undated BIGINT NOT NULL,
    bytes_read BIGINT NOT NULL,
    bytes_written BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    percent BIGINT,
    remaining_seconds BIGINT
) WITH (
    -- No index has a column that changes, and half of each page is free: most updates stay in their page.
    fillfactor = 50,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0,
    vacuum_truncate = off
);

-- The progress in the form in which the executions have it.
CREATE VIEW beaten AS SELECT execution_id, epoch, json_build_object('v', 1, 'records', records, 'rejected', rejected,
    'undated', undated, 'bytes_read', bytes_read, 'bytes_written', bytes_written, 'parts', parts, 'percent', percent,
    'remaining_seconds', remaining_seconds)::TEXT AS progress FROM beat;

-- The leases of what runs.
CREATE VIEW lease AS SELECT e.id, coalesce(b.lease_renewed_at, e.lease_renewed_at, 0) AS renewed_at,
    coalesce(b.lease_expires_at, e.lease_expires_at, 0) AS expires_at
    FROM execution e LEFT JOIN beat b ON b.execution_id = e.id AND b.epoch = e.epoch WHERE e.status = 'in_progress';

-- When somebody last looked for executions whose leases have run out, and when the first of the others runs out.
CREATE TABLE looked (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    at BIGINT NOT NULL,
    first_expires_at BIGINT NOT NULL
);

-- What waits is claimed and changed soon.
ALTER TABLE execution SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE worker SET (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- An execution that no longer runs has no sign of life.
CREATE OR REPLACE FUNCTION execution_latest() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM tell_latest(OLD.job_id);
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'in_progress' AND NEW.status <> 'in_progress' THEN
        DELETE FROM beat WHERE execution_id = NEW.id;
    END IF;
    PERFORM tell_latest(NEW.job_id);
    RETURN NULL;
END $$;

-- What a claim will most likely begin, in one call whose plan the server keeps: the owners behind the one whose turn it
-- was, from the first again behind the last, each with its first places in the queue; and the executions and jobs of as
-- many places as would begin if nothing stood in their way. Behind each owner stands the next, or none.
CREATE FUNCTION next_work(turn TEXT, at BIGINT, most BIGINT, full_sources TEXT)
RETURNS TABLE (behind TEXT, owner TEXT, id TEXT, job_id TEXT, source TEXT, epoch BIGINT, queue_at BIGINT, slot BIGINT,
    execution execution, job job, has_begun BOOLEAN)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH RECURSIVE ring (step, behind, owner, is_again) AS (
        SELECT 1, turn COLLATE "C",
            (SELECT min(e.owner) FROM execution e WHERE e.status = 'queued' AND e.owner > turn), FALSE
        UNION ALL
        SELECT r.step + 1, coalesce(r.owner, ''), (SELECT min(e.owner) FROM execution e
            WHERE e.status = 'queued' AND e.owner > coalesce(r.owner, '')), r.is_again OR r.owner IS NULL
        FROM ring r WHERE r.step < most
            AND CASE WHEN r.is_again THEN r.owner < turn ELSE r.owner IS NOT NULL OR turn <> '' END
    ), place AS (
        SELECT r.step, r.behind, r.owner, p.*,
            row_number() OVER (PARTITION BY p.job_id ORDER BY r.step, p.queue_at, p.slot, p.id) AS of_job
        FROM ring r LEFT JOIN LATERAL (
            SELECT e.id, e.job_id, e.source, e.epoch, e.queue_at, e.slot FROM execution e
            WHERE e.status = 'queued' AND e.owner = r.owner AND e.not_before <= at AND (SELECT 1 FROM execution r
                WHERE r.job_id = e.job_id AND r.status = 'in_progress' LIMIT 1) IS NULL
            ORDER BY e.queue_at, e.slot, e.id LIMIT most
        ) p ON NOT r.is_again OR r.owner <= turn
    ), turns AS (
        SELECT p.*, p.id IS NOT NULL AND p.of_job = 1 AND p.source NOT IN (
            SELECT json_array_elements_text(full_sources::json)) AS is_likely FROM place p
    ), ranked AS (
        SELECT t.*, row_number() OVER (PARTITION BY t.is_likely, t.owner ORDER BY t.queue_at, t.slot, t.id) AS of_owner
        FROM turns t
    ), numbered AS (
        SELECT r.*, row_number() OVER (PARTITION BY r.is_likely ORDER BY r.of_owner, r.step) AS number FROM ranked r
    )
    SELECT n.behind, n.owner, n.id, n.job_id, n.source, n.epoch, n.queue_at, n.slot, w.e, w.j, w.has_begun
    FROM numbered n LEFT JOIN LATERAL (
        SELECT e, j, EXISTS (SELECT 1 FROM execution b
            WHERE b.job_id = j.id AND b.status = 'queued' AND b.epoch > 0) AS has_begun
        FROM execution e JOIN job j ON j.id = e.job_id
        WHERE e.id = n.id AND n.is_likely AND n.number <= most
    ) w ON TRUE
    ORDER BY n.step, n.queue_at, n.slot, n.id;
END $$;

-- Programs of version 1 look for signs of life in the executions.
INSERT INTO reader ("only", oldest) VALUES (1, 2) ON CONFLICT ("only") DO UPDATE SET oldest = excluded.oldest;
