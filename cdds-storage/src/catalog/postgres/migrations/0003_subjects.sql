-- Requests of data subjects, as SQLite's migration 17 has them.

CREATE TABLE subject_request (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    -- The chosen sources and types, as a list of JSON; empty for all.
    scope TEXT COLLATE "C" NOT NULL,
    -- The identifiers while it is open, under a key that is not in this file.
    sealed_by TEXT COLLATE "C",
    sealed BYTEA,
    received_at BIGINT NOT NULL,
    received_by TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    evidence_who TEXT COLLATE "C",
    evidence_how TEXT COLLATE "C",
    verified_at BIGINT,
    verified_by TEXT COLLATE "C",
    approved_at BIGINT,
    approved_by TEXT COLLATE "C",
    extended_at BIGINT,
    extended_by TEXT COLLATE "C",
    ended_at BIGINT,
    ended_by TEXT COLLATE "C",
    -- Why it was refused.
    reason TEXT COLLATE "C"
);

-- Keyed hashes of the identifiers, which stay.
CREATE TABLE subject_hash (
    request_id TEXT COLLATE "C" NOT NULL REFERENCES subject_request (id) ON DELETE CASCADE,
    -- Their order.
    place BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (request_id, place)
);

CREATE INDEX subject_hash_found ON subject_hash (digest, key_id, kind);

CREATE INDEX subject_request_listed ON subject_request (owner, received_at, id);

CREATE INDEX subject_request_by_due ON subject_request (owner, due_at, received_at, id);

CREATE INDEX subject_request_by_state ON subject_request (owner, state, received_at, id);

CREATE INDEX subject_request_by_kind ON subject_request (owner, kind, received_at, id);
