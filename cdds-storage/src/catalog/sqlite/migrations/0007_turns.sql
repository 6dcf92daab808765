-- The owner who was served last: owners take turns (rule E2). No row before the first claim.
CREATE TABLE turn (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    owner TEXT NOT NULL
) STRICT;

-- The queue of each owner, with all that a claim asks of what it does not take.
DROP INDEX execution_queue;
CREATE INDEX execution_queue_of_owner ON execution (owner, queue_at, slot, id, job_id, source, not_before, epoch)
    WHERE status = 'queued';
