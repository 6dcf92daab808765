-- Version 13: deliveries to destinations, and the health of destinations and endpoints. Programs of versions 9 to 12
-- neither need nor touch them: they cannot read jobs that have destinations.

CREATE TABLE delivery (
    id               TEXT PRIMARY KEY,
    execution_id     TEXT NOT NULL REFERENCES execution (id) ON DELETE CASCADE,
    job_id           TEXT NOT NULL,
    owner            TEXT NOT NULL,
    destination      TEXT NOT NULL,
    -- Where to and how, as the job says it.
    settings         TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    -- What has arrived and was confirmed.
    files            INTEGER NOT NULL,
    bytes            INTEGER NOT NULL,
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

CREATE INDEX delivery_waiting ON delivery (owner, destination, next_attempt_at, id) WHERE state = 'waiting';

CREATE INDEX delivery_held ON delivery (id) WHERE state = 'held';

CREATE INDEX delivery_of_execution ON delivery (execution_id);

CREATE INDEX delivery_to ON delivery (destination, state);

CREATE INDEX delivery_listed ON delivery (owner, created_at, id);

CREATE INDEX delivery_by_state ON delivery (owner, state, created_at, id);

CREATE INDEX delivery_by_destination ON delivery (owner, destination, created_at, id);

-- The owner who was served last.
CREATE TABLE delivery_turn (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    owner TEXT NOT NULL
) STRICT;

-- What is known of destinations and endpoints: those without a row have not been used.
CREATE TABLE health (
    target          TEXT PRIMARY KEY,
    failing_since   INTEGER,
    disabled_at     INTEGER,
    disabled_reason TEXT,
    disabled_by     TEXT,
    contacted_at    INTEGER,
    failure         TEXT,
    pinned          TEXT
) STRICT, WITHOUT ROWID;
